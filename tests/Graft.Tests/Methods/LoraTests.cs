using System.Text.Json.Nodes;
using Graft.Methods;
using Graft.Methods.Core;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods;

public sealed class LoraTests : PeftMethodConformance
{
    private const string Query = "encoder.layer.1.attention.self.query";

    protected override string Method => "lora";

    protected override JsonObject Settings => new() { ["rank"] = 3, ["alpha"] = 6, ["dropout"] = 0.05, ["targets"] = "query, value, feed_forward_in" };

    [Fact]
    public void The_update_of_a_map_is_scaled_B_times_A() => CheckUpdate(Config, (3, 6.0 / 3));

    [Fact]
    public void RsLora_divides_by_the_root_of_the_rank() =>
        CheckUpdate((LoraConfig)Config with { UseRslora = true }, (3, 6 / Math.Sqrt(3)));

    [Theory]
    [InlineData("query", "self.query", 5, 7)]
    [InlineData("layer.1.attention.self.query", "layer.0.attention.self.query", 5, 6)]
    [InlineData(@"layer\.[1-9]\..*", Query, 5, 7)]
    [InlineData("layer.0.attention.self.query", "value", 3, 6)]
    public void Patterns_give_maps_other_ranks_and_alphas_by_the_tail_of_their_path(string ranks, string alphas, int rank, double alpha)
    {
        var config = (LoraConfig)Config with
        {
            RankPattern = new PathNumbers([new(ranks, 5), new(".*", 3)]),
            AlphaPattern = new PathNumbers([new(alphas, 7)]),
        };

        CheckUpdate(config, (rank, alpha / rank));
    }

    [Fact]
    public void Rank_8_on_query_and_value_of_a_12_layer_768_wide_model_has_294912_parameters()
    {
        using var backbone = TinyBackbones.Create("roberta", layers: 12);
        var perWidth = PeftMethods.Get("lora").CountParameters(new LoraConfig(), backbone.Sites);

        Assert.Equal(294_912, perWidth / TinyBackbones.Width * 768);
    }

    [Fact]
    public void The_rank_of_the_update_is_at_most_R()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var adapter = Attach(backbone);
        Scramble(adapter);
        using var scope = new TensorScope();
        var weight = Weight(backbone);
        var before = weight.Clone();

        using var merger = WeightMerger.Merge(backbone, adapter, TinyBackbones.Batch(1, 5, 5));

        var singular = (weight - before).To(DType.Float64).Svd().S.ToArray<double>();
        Assert.All(singular[..3], s => Assert.True(s > 1e-3));
        Assert.All(singular[3..], s => Assert.True(s < 1e-6));
    }

    [Fact]
    public void Modules_and_blocks_narrow_where_it_acts()
    {
        var config = (LoraConfig)Config with { Modules = "query, intermediate.dense", LeaveOut = new LayerSet([1]) };
        using var backbone = TinyBackbones.Create("bert");
        using var rng = new Rng(1, Device.Cpu);
        using var adapter = Subject.Attach(backbone, "a", config, rng);

        Assert.Equal(
            ["encoder.layer.0.attention.self.query.lora_A", "encoder.layer.0.intermediate.dense.lora_A"],
            adapter.NamedParameters().Select(p => p.Path).Where(p => p.EndsWith("lora_A", StringComparison.Ordinal)));
        Assert.Equal(adapter.ParameterCount, Subject.CountParameters(config, backbone.Sites));
    }

    [Theory]
    [InlineData("rank", "0", "rank is 0")]
    [InlineData("rank", "\"eight\"", "rank")]
    [InlineData("alpha", "-1", "alpha is -1")]
    [InlineData("dropout", "1", "dropout is 1")]
    [InlineData("targets", "\"quary\"", "targets")]
    [InlineData("rank_pattern", "{\"query\":2.5}", "rank_pattern has 2.5 at 'query'")]
    [InlineData("rank_pattern", "{\"query\":\"2\"}", "numbers by path")]
    [InlineData("alpha_pattern", "{\"query\":0}", "alpha_pattern has 0 at 'query'")]
    [InlineData("alpha_pattern", "{\"(\":1}", "no pattern of paths")]
    [InlineData("alpha_pattern", "{\"a(?=b)\":1}", "no pattern of paths")]
    [InlineData("bias", "\"some\"", "bias")]
    [InlineData("gate", "7", "gate")]
    public void A_wrong_value_is_refused_by_name(string key, string value, string expected)
    {
        var settings = new JsonObject { [key] = JsonNode.Parse(value) };

        var error = Assert.Throws<GraftException>(() => Subject.ReadConfig(settings, "--set"));

        Assert.StartsWith("--set", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_with_expression_is_checked_too() =>
        Assert.Throws<ArgumentException>(() => new LoraConfig() with { Rank = -2 });

    private static Tensor Weight(Graft.Backbones.Backbone backbone) =>
        backbone.NamedParameters().First(p => p.Path == Query + ".weight").Parameter.Value;

    private void CheckUpdate(PeftConfig config, (int Rank, double Scaling) expected)
    {
        using var backbone = TinyBackbones.Create("bert");
        using var rng = new Rng(1, Device.Cpu);
        using var adapter = Subject.Attach(backbone, "a", config, rng);
        Scramble(adapter);
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        var parameters = adapter.NamedParameters().ToDictionary(p => p.Path, p => p.Parameter.Value, StringComparer.Ordinal);
        var weight = Weight(backbone);
        var a = parameters[Query + ".lora_A"];
        var updated = weight + (parameters[Query + ".lora_B"].MatMul(a) * expected.Scaling);

        using var merger = WeightMerger.Merge(backbone, adapter, TinyBackbones.Batch(1, 5, 5));

        Assert.Equal(expected.Rank, a.Size(0));
        Assert.Equal(adapter.ParameterCount, Subject.CountParameters(config, backbone.Sites));
        TensorAssert.Close(updated, weight, 0, 1e-6);
    }
}

/// <summary>LoRA with every setting away from its default that still merges.</summary>
public sealed class LoraWithBiasesTests : PeftMethodConformance
{
    protected override string Method => "lora";

    protected override JsonObject Settings => new()
    {
        ["rank"] = 2, ["targets"] = "all_linear", ["use_rslora"] = true, ["rank_pattern"] = new JsonObject { ["query|q"] = 3 },
        ["lora_bias"] = true, ["bias"] = "all",
    };

    [Fact]
    public void Trained_biases_are_those_of_the_adapted_maps_or_all()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var rng = new Rng(1, Device.Cpu);
        using var adapted = Subject.Attach(backbone, "a", new LoraConfig { Bias = TrainedBiases.Adapted }, rng);

        Assert.Equal(4, adapted.NamedParameters().Count(p => p.Path.EndsWith(".bias.value", StringComparison.Ordinal)));
        using var all = Subject.Attach(backbone, "b", new LoraConfig { Bias = TrainedBiases.All }, rng);
        Assert.Equal((2 * (6 + 2)) + 1, all.NamedParameters().Count(p => p.Path.EndsWith(".bias.value", StringComparison.Ordinal)));
    }
}

/// <summary>LoRA behind UniPELT's gate.</summary>
public sealed class GatedLoraTests : PeftMethodConformance
{
    protected override string Method => "lora";

    protected override JsonObject Settings => new() { ["rank"] = 3, ["gate"] = "masked", ["targets"] = "query, value" };

    [Fact]
    public void The_gate_takes_the_place_of_the_scaling_and_is_shown_for_every_row()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(1, 6, 4, 5);
        var outputs = new[] { 1.0, 32.0 }.Select(alpha =>
        {
            using var rng = new Rng(1, Device.Cpu);
            using var adapter = Subject.Attach(backbone, "a", (LoraConfig)Config with { Alpha = alpha }, rng);
            Scramble(adapter);
            return RunPass(backbone, adapter, batch);
        }).ToList();

        TensorAssert.BitwiseEqual(outputs[0].Output.LastHiddenState, outputs[1].Output.LastHiddenState);
        var gates = outputs[0].Observations;
        Assert.Equal(4, gates.Count);
        var gate = Assert.Single(gates["encoder.layer.0.attention.self.value.gate"]).Value;
        Assert.Equal([3, 1, 1], gate.Shape.ToArray());
        Assert.All(gate.Contiguous().ToArray<float>(), g => Assert.InRange(g, 0.01f, 0.99f));
    }
}
