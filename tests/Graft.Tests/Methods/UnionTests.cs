using System.Text.Json.Nodes;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

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

    [Fact]
    public void Parts_that_would_share_a_module_unawares_are_refused()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var rng = new Rng(1, Device.Cpu);
        var config = Subject.ReadConfig(
            new()
            {
                ["parts"] = JsonNode.Parse("""
                    [
                        { "method": "prefix-tuning", "set": { "length": 3, "leave_out": [0] } },
                        { "method": "prefix-tuning", "set": { "length": 5, "leave_out": [1] } }
                    ]
                    """),
            },
            "test");

        var error = Assert.Throws<GraftException>(() => Subject.Attach(backbone, "a", config, rng));

        Assert.Contains("share 'prefix.encoder'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_union_rests_where_a_part_does()
    {
        Assert.False(Subject.MayRest(Config));
        Assert.True(Subject.MayRest(Subject.ReadConfig(
            new() { ["parts"] = JsonNode.Parse("""[{ "method": "pfeiffer", "set": { "stochastic_depth": 0.5 } }]""") }, "test")));
    }
}
