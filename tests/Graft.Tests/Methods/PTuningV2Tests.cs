using System.Text.Json.Nodes;
using Graft.TestKit;

namespace Graft.Tests.Methods;

public sealed class PTuningV2Tests : PeftMethodConformance
{
    protected override string Method => "p-tuning-v2";

    protected override JsonObject Settings => new() { ["length"] = 3 };
}
