using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Methods;
using Graft.Methods.Core;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods;

public sealed class DoraTests : PeftMethodConformance
{
    private const string Query = "encoder.layer.1.attention.self.query";

    protected override string Method => "dora";

    protected override JsonObject Settings => new()
    {
        ["rank"] = 3, ["alpha"] = 6, ["targets"] = "query, value, feed_forward_in", ["rank_pattern"] = new JsonObject { ["value|v"] = 2 },
    };

    /// <summary>The norm counts as a constant in the backward pass, so A and B follow a simpler gradient than the loss's own.</summary>
    protected override bool HasExactGradient(string path) => path.EndsWith(".magnitude", StringComparison.Ordinal);

    [Fact]
    public void Rows_of_merged_weights_have_the_trained_sizes()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var adapter = Attach(backbone);
        Scramble(adapter);
        using var scope = new TensorScope();

        using var merger = WeightMerger.Merge(backbone, adapter, TinyBackbones.Batch(1, 5, 5));

        TensorAssert.Close(Of(adapter, Query + ".magnitude"), Weight(backbone).Norm(1));
    }

    [Fact]
    public void Gradients_are_those_of_the_decomposed_weight_with_a_constant_norm()
    {
        using var backbone = TinyBackbones.Create("bert", DType.Float64);
        using var adapter = Attach(backbone);
        adapter.ConvertTo(DType.Float64);
        Scramble(adapter);
        using var scope = new TensorScope();
        var site = backbone.Sites.Linear(Graft.Backbones.Sites.SiteRole.Query).Last();
        var x = Input();
        var pass = new Graft.Backbones.Sites.AdapterPass([new(0, 2, adapter.Parts, null)], training: false, rng: null);
        var (a, b, m) = (Of(adapter, Query + ".lora_A"), Of(adapter, Query + ".lora_B"), Of(adapter, Query + ".magnitude"));

        site.Apply(pass, x).Square().Sum().Backward();
        var seen = new[] { a, b, m }.Select(p => p.Grad!.Clone()).ToList();
        foreach (var p in new[] { a, b, m })
        {
            p.Grad = null;
        }

        var direction = site.Weight.Parameter!.Value + (b.MatMul(a) * 2.0);
        var decomposed = direction * (m / direction.Norm(1).Detach()).Unsqueeze(1);
        F.Linear(x, decomposed, site.Bias.Parameter!.Value).Square().Sum().Backward();

        foreach (var (expected, actual) in new[] { a, b, m }.Select(p => p.Grad!).Zip(seen))
        {
            TensorAssert.Close(expected, actual, 1e-10, 1e-10);
        }
    }

    [Fact]
    public void Counts_the_rows_besides_the_low_rank_update()
    {
        using var backbone = TinyBackbones.Create("roberta", layers: 12);

        Assert.Equal(294_912 + 18_432, Subject.CountParameters(new DoraConfig(), backbone.Sites) / TinyBackbones.Width * 768);
    }

    [Fact]
    public void It_starts_from_half_precision_weights_bitwise_too()
    {
        using var backbone = TinyBackbones.Create("bert", DType.BFloat16);
        using var adapter = Attach(backbone);
        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(1, 5, 3);

        TensorAssert.BitwiseEqual(backbone.Forward(batch).LastHiddenState, Run(backbone, adapter, batch).LastHiddenState);
    }

    private static Tensor Input()
    {
        using var rng = new Rng(4, Device.Cpu);
        return rng.Normal([2, 5, TinyBackbones.Width], 0, 1, DType.Float64);
    }

    private static Tensor Weight(Backbone backbone) => backbone.NamedParameters().First(p => p.Path == Query + ".weight").Parameter.Value;

    private static Tensor Of(Adapter adapter, string path) => adapter.NamedParameters().First(p => p.Path == path).Parameter.Value;
}
