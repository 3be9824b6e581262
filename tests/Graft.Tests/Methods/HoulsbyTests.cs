using System.Text.Json.Nodes;
using Graft.Backbones.Sites;
using Graft.Methods.Core.Bottlenecks;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods;

public sealed class HoulsbyTests : PeftMethodConformance
{
    protected override string Method => "houlsby";

    protected override JsonObject Settings => new() { ["reduction_factor"] = 4 };

    [Theory]
    [InlineData("rte")]
    [InlineData("sst2")]
    public void Fixture_houlsby_adapter_is_reproduced(string task)
    {
        using var scope = new TensorScope();
        using var file = SafetensorsFile.Open(SharedData.Fixture("pha/houlsby_adapter.safetensors"));
        using var part = Part(file, new BottleneckConfig { ReductionFactor = 4, Activation = "gelu_new", OwnNormAfter = true }, new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["down."] = $"w.adapters.{task}.down_sampler.",
            ["up."] = $"w.adapters.{task}.up_sampler.",
            ["norm_after."] = "w.post_layer_norm.",
        });
        var x = file.Load("x").To(DType.Float64);

        TensorAssert.Close(file.Load("y." + task), part.After(Rows(), x, x, norm: null), 1e-10, 1e-16);
    }

    [Fact]
    public void Every_order_of_norms_and_residuals_is_the_formula()
    {
        using var scope = new TensorScope();
        using var rng = new Rng(1, Device.Cpu);
        var (a, x) = (rng.Normal([2, 3, 12], 0, 1, DType.Float64), rng.Normal([2, 3, 12], 0, 1, DType.Float64));
        using var file = SafetensorsFile.Open(SharedData.Fixture("pha/houlsby_adapter.safetensors"));
        var sum = Norm(a + x);

        Check(new(), a, a);
        Check(new() { NormBefore = true }, sum, a);
        Check(new() { NormBefore = true, Residual = BottleneckResidual.Sum }, sum, a + x);
        Check(new() { NormBefore = true, Residual = BottleneckResidual.Input }, sum, sum);
        Check(new() { OwnNormBefore = true }, a, a);
        Check(new() { OwnNormAfter = true }, a, a);
        Check(new() { OwnNormAfter = true, ResidualBeforeOwnNorm = true }, a, a);
        Check(new() { Scaling = new(ScalingKind.Fixed, 2.5) }, a, a);

        void Check(BottleneckConfig config, Tensor input, Tensor added)
        {
            using var part = Part(file, config with { ReductionFactor = 4 }, new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["down."] = "w.adapters.rte.down_sampler.",
                ["up."] = "w.adapters.rte.up_sampler.",
                ["norm_after."] = "w.post_layer_norm.",
                ["norm_before."] = "w.post_layer_norm.",
            });
            var inner = F.Linear(config.OwnNormBefore ? Own(input) : input, Weight("down_sampler.weight"), Weight("down_sampler.bias")).Relu();
            var up = F.Linear(inner, Weight("up_sampler.weight"), Weight("up_sampler.bias")) * config.Scaling.Factor;
            var expected = !config.OwnNormAfter ? added + up : config.ResidualBeforeOwnNorm ? Own(added + up) : added + Own(up);

            TensorAssert.Close(expected, part.After(Rows(), a, x, (_, h) => Norm(h)), 1e-12, 1e-12);
        }

        Tensor Weight(string name) => file.Load("w.adapters.rte." + name).To(DType.Float64);

        Tensor Own(Tensor h) => F.LayerNorm(h, file.Load("w.post_layer_norm.weight").To(DType.Float64), file.Load("w.post_layer_norm.bias").To(DType.Float64));

        Tensor Norm(Tensor h) => F.LayerNorm(h, null, null);
    }

    [Theory]
    [InlineData("bert")]
    [InlineData("roberta")]
    public void An_adapter_that_ends_its_sublayer_gets_neither_residual_nor_norm_after_it(string name)
    {
        using var backbone = TinyBackbones.Create(name);
        using var rng = new Rng(1, Device.Cpu);

        // As in AdapterPlus: with zero up-projections the state is the adapter's own input, LN(a + x), which is what the backbone computes.
        var config = Subject.ReadConfig(new() { ["init"] = "mam", ["norm_before"] = true, ["norm_after"] = false, ["residual"] = "input", ["reduction_factor"] = 4 }, "test");
        using var adapter = Subject.Attach(backbone, "a", config, rng);
        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(1, 5, 3);

        TensorAssert.BitwiseEqual(backbone.Forward(batch).LastHiddenState, Run(backbone, adapter, batch).LastHiddenState);
    }

    private static RowGroup Rows()
    {
        var rows = new RowGroup(0, 2, null, null);
        _ = new AdapterPass([rows], training: false, rng: null);
        return rows;
    }

    private static BottleneckPart Part(SafetensorsFile file, BottleneckConfig config, Dictionary<string, string> names)
    {
        using var rng = new Rng(1, Device.Cpu);
        var site = new HiddenSite("encoder.layer.0.output", 12, SiteRole.FeedForward, StackKind.Encoder, 0);
        var part = new BottleneckPart(site, config, new DenseProjection(rng.Normal([3, 12])), new DenseProjection(rng.Normal([12, 3])), rng);
        part.ConvertTo(DType.Float64);
        foreach (var (path, parameter) in part.NamedParameters())
        {
            var (ours, theirs) = names.First(n => path.StartsWith(n.Key, StringComparison.Ordinal));
            parameter.Assign(file.Load(theirs + path[ours.Length..]).To(DType.Float64));
        }

        return part;
    }
}
