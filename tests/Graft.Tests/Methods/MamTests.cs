using System.Text.Json.Nodes;
using Graft.TestKit;

namespace Graft.Tests.Methods;

public sealed class MamTests : PeftMethodConformance
{
    protected override string Method => "mam";

    protected override JsonObject Settings => new() { ["length"] = 3, ["prefix_bottleneck"] = 8 };
}
