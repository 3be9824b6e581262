using System.Text.Json.Nodes;
using Graft.Backbones.Sites;
using Graft.Methods;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods;

public sealed class Ia3Tests : PeftMethodConformance
{
    protected override string Method => "ia3";

    protected override double LearningRate => 3e-2;

    [Fact]
    public void Keys_and_values_scale_at_the_output_and_the_feed_forward_at_the_input()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var adapter = Attach(backbone);

        Assert.Equal(
            ["attention.self.key.scale 16", "attention.self.value.scale 16", "output.dense.scale 32"],
            adapter.NamedParameters().Where(p => p.Path.StartsWith("encoder.layer.1.", StringComparison.Ordinal))
                .Select(p => $"{p.Path["encoder.layer.1.".Length..]} {p.Parameter.Value.Count}"));
    }

    [Fact]
    public void Scaling_the_output_covers_the_bias()
    {
        using var backbone = TinyBackbones.Create("bert", DType.Float64);
        using var adapter = Attach(backbone);
        adapter.ConvertTo(DType.Float64);
        Scramble(adapter);
        using var scope = new TensorScope();
        using var rng = new Rng(2, Device.Cpu);
        var x = rng.Normal([2, 3, 16], 0, 1, DType.Float64);
        var pass = new AdapterPass([new(0, 2, adapter.Parts, null)], training: false, rng: null);
        var scales = adapter.NamedParameters().ToDictionary(p => p.Path, p => p.Parameter.Value, StringComparer.Ordinal);

        var key = backbone.Sites.Linear(SiteRole.Key).First();
        TensorAssert.Close(key.Apply(null, x) * scales[key.Path + ".scale"], key.Apply(pass, x), 1e-12, 1e-12);
        var down = backbone.Sites.Linear(SiteRole.FeedForwardOut).First();
        var wide = rng.Normal([2, 3, 32], 0, 1, DType.Float64);
        TensorAssert.Close(down.Apply(null, wide * scales[down.Path + ".scale"]), down.Apply(pass, wide), 1e-12, 1e-12);
    }

    [Fact]
    public void Counts_keys_values_and_inner_activations()
    {
        using var backbone = TinyBackbones.Create("roberta", layers: 12);

        // The tiny model's inner width is twice its width, RoBERTa's four times.
        Assert.Equal(12 * ((2 * 16) + 32), Subject.CountParameters(new Ia3Config(), backbone.Sites));
        Assert.Equal(55_296, 12 * ((2 * 768) + 3072));
    }

    [Fact]
    public void AdapterHubs_placement_scales_the_inner_output()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var rng = new Rng(1, Device.Cpu);
        var config = new Ia3Config(SiteRole.Key | SiteRole.Value | SiteRole.FeedForwardIn, SiteRole.None);
        using var adapter = Subject.Attach(backbone, "a", config, rng);

        Assert.Contains(adapter.NamedParameters(), p => p.Path == "encoder.layer.0.intermediate.dense.scale");
        Assert.Equal(adapter.ParameterCount, Subject.CountParameters(config, backbone.Sites));
        Assert.Equal(config, Subject.ReadConfig(Subject.WriteConfig(config), "test"));
    }

    [Theory]
    [InlineData("key", "key, feed_forward_out", "both input and output of 'encoder.layer.0.attention.self.key'")]
    [InlineData("none", "none", "no map to scale")]
    public void Targets_that_make_no_sense_are_refused(string targets, string inputs, string expected)
    {
        using var backbone = TinyBackbones.Create("bert");
        using var rng = new Rng(1, Device.Cpu);
        var config = Subject.ReadConfig(new JsonObject { ["targets"] = targets, ["input_targets"] = inputs }, "test");

        var error = Assert.Throws<GraftException>(() => Subject.Attach(backbone, "a", config, rng));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }
}

/// <summary>(IA)3 behind UniPELT's gate.</summary>
public sealed class GatedIa3Tests : PeftMethodConformance
{
    protected override string Method => "ia3";

    protected override double LearningRate => 3e-2;

    protected override JsonObject Settings => new() { ["gate"] = "masked", ["targets"] = "key, value, feed_forward_in", ["input_targets"] = "attention_out" };

    [Fact]
    public void The_gate_scales_the_vector_and_reads_the_maps_input()
    {
        using var backbone = TinyBackbones.Create("bert", DType.Float64);
        using var adapter = Attach(backbone);
        adapter.ConvertTo(DType.Float64);
        Scramble(adapter);
        using var scope = new TensorScope();
        using var rng = new Rng(2, Device.Cpu);
        var x = rng.Normal([2, 3, 16], 0, 1, DType.Float64);
        var pass = new AdapterPass([new(0, 2, adapter.Parts, null)], training: false, rng: null);
        var own = adapter.NamedParameters().ToDictionary(p => p.Path, p => p.Parameter.Value, StringComparer.Ordinal);
        var key = backbone.Sites.Linear(SiteRole.Key).First();

        var gate = F.Linear(x, own[key.Path + ".gate.weight"], own[key.Path + ".gate.bias"]).Sigmoid().Mean(1, keep: true);

        TensorAssert.Close(key.Apply(null, x) * (gate * own[key.Path + ".scale"]), key.Apply(pass, x), 1e-12, 1e-12);
        TensorAssert.Close(gate, Assert.Single(pass.Observations[key.Path + ".gate"]).Value, 1e-12, 1e-12);
    }
}
