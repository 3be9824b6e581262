using System.Text.Json.Nodes;
using Graft.TestKit;

namespace Graft.Tests.Methods;

public sealed class PrefixTuningTests : PeftMethodConformance
{
    protected override string Method => "prefix-tuning";

    protected override JsonObject Settings => new() { ["length"] = 3, ["bottleneck"] = 8, ["gate"] = "masked", ["dropout"] = 0.05 };
}
