using System.Text.Json.Nodes;
using Graft.TestKit;

namespace Graft.Tests.Methods;

public sealed class UnionTests : PeftMethodConformance
{
    protected override string Method => "union";

    protected override JsonObject Settings => new()
    {
        ["parts"] = JsonNode.Parse("""
            [
                { "method": "lora", "set": { "rank": 2 } },
                { "method": "pfeiffer", "set": { "reduction_factor": 4 } },
                { "method": "prefix-tuning", "set": { "length": 3, "bottleneck": 8 } },
                { "method": "prompt-tuning", "set": { "length": 2 } }
            ]
            """),
    };
}
