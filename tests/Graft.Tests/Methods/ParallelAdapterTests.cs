using System.Text.Json.Nodes;
using Graft.TestKit;

namespace Graft.Tests.Methods;

public sealed class ParallelAdapterTests : PeftMethodConformance
{
    protected override string Method => "parallel";

    protected override JsonObject Settings => new() { ["reduction_factor"] = 4 };
}
