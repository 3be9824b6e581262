using System.Text.Json.Nodes;
using Graft.TestKit;

namespace Graft.Tests.Methods;

public sealed class HoulsbyTests : PeftMethodConformance
{
    protected override string Method => "houlsby";

    protected override JsonObject Settings => new() { ["reduction_factor"] = 4 };
}
