using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Methods;
using Graft.Methods.Core;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods;

public sealed class BitFitTests : PeftMethodConformance
{
    protected override string Method => "bitfit";

    [Fact]
    public void Trains_the_biases_of_maps_and_norms_and_nothing_else()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var adapter = Attach(backbone);

        var biases = backbone.NamedParameters().Select(p => p.Path).Where(p => p.EndsWith(".bias", StringComparison.Ordinal));

        Assert.Equal(biases.Select(b => b + ".value").Order(StringComparer.Ordinal), adapter.NamedParameters().Select(p => p.Path).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_subset_trains_the_biases_of_queries_and_inner_maps()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var rng = new Rng(1, Device.Cpu);
        using var adapter = Subject.Attach(backbone, "a", new BitFitConfig(SiteRole.Query | SiteRole.FeedForwardIn, false, false), rng);

        Assert.Equal(2 * (16 + 32), adapter.ParameterCount);
    }

    [Fact]
    public void A_map_without_a_bias_gets_one_of_zeros()
    {
        using var backbone = new MapWithoutBias();
        using var rng = new Rng(1, Device.Cpu);
        using var adapter = Subject.Attach(backbone, "a", new BitFitConfig(SiteRole.Query), rng);
        using var scope = new TensorScope();
        var input = new BackboneInput(Tensor.Ones([2, 3], DType.Int64));
        var plain = backbone.Forward(input).LastHiddenState;
        TensorAssert.BitwiseEqual(plain, Run(backbone, adapter, input).LastHiddenState);

        Scramble(adapter);

        var (path, bias) = Assert.Single(adapter.NamedParameters());
        Assert.Equal("map.bias.value", path);
        TensorAssert.Close(plain + bias.Value, Run(backbone, adapter, input).LastHiddenState);
        var error = Assert.Throws<GraftException>(() => WeightMerger.Merge(backbone, adapter, input));
        Assert.Contains("bias at 'map.bias'", error.Message, StringComparison.Ordinal);
    }

    /// <summary>One linear map without a bias, as T5 has them.</summary>
    private sealed class MapWithoutBias : Backbone
    {
        private readonly LinearSite _map;

        public MapWithoutBias()
            : base(new BackboneConfig("bert", 4, 1, 1, 4, 5, 8), new WeightSource((_, shape) => Tensor.Ones(shape), DType.Float32))
        {
            var weight = AddParameter("map.weight", Tensor.Ones([4, 4]), trainable: false);
            _map = Sites.Add(new LinearSite(
                "map",
                Sites.Add(new ParameterSite("map.weight", ParameterKind.Weight, [4, 4], weight, SiteRole.SelfAttention, layer: 0)),
                Sites.Add(new ParameterSite("map.bias", ParameterKind.Bias, [4], null, SiteRole.SelfAttention, layer: 0)),
                SiteRole.Query, SiteRole.SelfAttention, StackKind.Encoder, 0));
        }

        public override BackboneOutput Forward(BackboneInput input, AdapterPass? pass = null, bool allHiddenStates = false) =>
            new(_map.Apply(pass, input.InputIds.To(DType.Float32).Unsqueeze(2).Expand(-1, -1, 4)));
    }
}

public sealed class LayerNormTuningTests : PeftMethodConformance
{
    protected override string Method => "ln-tuning";

    [Fact]
    public void Trains_gains_and_biases_of_norms_as_asked()
    {
        using var backbone = TinyBackbones.Create("bert");
        Assert.Equal(((2 * 2) + 1) * 2 * 16, Count([]));
        Assert.Equal(2 * 16, Count(new JsonObject { ["embeddings"] = false, ["biases"] = false, ["sublayers"] = "feed_forward" }));
        Assert.Equal(3 * 16, Count(new JsonObject { ["gains"] = false, ["leave_out"] = new JsonArray(1) }));

        long Count(JsonObject settings)
        {
            var config = Subject.ReadConfig(settings, "test");
            using var rng = new Rng(1, Device.Cpu);
            using var adapter = Subject.Attach(backbone, "a", config, rng);
            Assert.All(adapter.NamedParameters(), p => Assert.Contains("LayerNorm", p.Path, StringComparison.Ordinal));
            Assert.Equal(adapter.ParameterCount, Subject.CountParameters(config, backbone.Sites));
            return adapter.ParameterCount;
        }
    }

    [Fact]
    public void Settings_that_leave_no_norm_are_refused()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var rng = new Rng(1, Device.Cpu);

        Assert.Throws<GraftException>(() => Subject.Attach(backbone, "a", new LayerNormTuningConfig(Gains: false, Biases: false), rng));
    }
}
