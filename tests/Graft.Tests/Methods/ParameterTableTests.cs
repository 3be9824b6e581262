using System.Text.Json.Nodes;
using Graft.Methods.Core;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods;

/// <summary>The published parameter counts of the foundation methods on RoBERTa-base, heads excluded, by formula and by counting.</summary>
public sealed class ParameterTableTests
{
    // The six maps of a block; BitFit counts the biases of all of them and of every norm, and no pooler.
    private const string SixMaps = "\"targets\": \"all_linear\"";

    public static TheoryData<string, string, long> Table => new()
    {
        { "lora", "{}", 294_912 },
        { "dora", "{}", 313_344 },
        { "vera", """{ "rank": 1024 }""", 43_008 },
        { "vera", """{ "rank": 256 }""", 24_576 },
        { "adalora", $$"""{ "initial_rank": 12, {{SixMaps}} }""", 1_991_520 },
        { "ia3", """{ "targets": "key, value", "input_targets": "feed_forward_out" }""", 55_296 },
        { "ia3", """{ "targets": "key, value, feed_forward_in", "input_targets": "none" }""", 55_296 },
        { "bitfit", "{}", 102_144 },
        { "houlsby", """{ "reduction_factor": 16, "train_norms": false }""", 1_789_056 },
        { "pfeiffer", """{ "reduction_factor": 16 }""", 894_528 },
        { "parallel", """{ "reduction_factor": 1.5 }""", 9_452_544 },
        { "compacter", """{ "sublayers": "self_attention, feed_forward", "train_norms": false }""", 57_024 + 64 },
        { "fusion", """{ "adapters": [{ "name": "a", "method": "pfeiffer" }, { "name": "b", "method": "pfeiffer" }] }""", 21_233_664 + 18_432 },
        { "prefix-tuning", """{ "length": 30, "flat": true }""", 552_960 },
        { "p-tuning-v2", """{ "length": 30 }""", 552_960 },
        { "prompt-tuning", """{ "length": 100 }""", 76_800 },
    };

    [Theory, MemberData(nameof(Table))]
    public void Counts_on_the_shape_of_RoBERTa_base_are_the_published_ones(string name, string settings, long expected)
    {
        using var backbone = HollowBackbones.RobertaBase();
        using var rng = new Rng(0);
        var method = PeftMethods.Get(name);
        var config = method.ReadConfig(JsonNode.Parse(settings)!.AsObject(), "the table");

        Assert.Equal(expected, method.CountParameters(config, backbone.Sites));

        using var adapter = method.Attach(backbone, "table", config, rng);
        Assert.Equal(expected, adapter.Parameters().Where(p => p.Trainable).Sum(p => p.Value.Count));
    }

    /// <summary>What publications count on T5: the norms of T5-base and its prompts of 100, (IA)3 on T0-3B.</summary>
    [Theory]
    [InlineData("base", "ln-tuning", "{}", 47_616)]
    [InlineData("base", "prompt-tuning", """{ "length": 100 }""", 76_800)]
    [InlineData("3b", "ia3", "{}", 540_672)]
    public void Counts_on_the_shapes_of_T5_are_the_published_ones(string shape, string name, string settings, long expected)
    {
        using var backbone = shape == "base" ? HollowBackbones.T5Base() : HollowBackbones.T0With3Billion();
        var method = PeftMethods.Get(name);

        Assert.Equal(expected, method.CountParameters(method.ReadConfig(JsonNode.Parse(settings)!.AsObject(), "the table"), backbone.Sites));
    }

    [Fact]
    public void The_shape_has_the_weights_of_RoBERTa_base_and_takes_no_memory()
    {
        using var backbone = HollowBackbones.RobertaBase();

        Assert.Equal(124_055_040, backbone.ParameterCount);
        Assert.All(backbone.Sites.Parameters, s => Assert.Equal(s.Shape, s.Parameter!.Value.Shape.ToArray()));
        Assert.All(backbone.Parameters(), p => Assert.False(p.Value.IsContiguous));
    }
}
