using FsCheck;
using FsCheck.Fluent;
using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Methods;
using Graft.Methods.Core;
using Graft.Methods.Merging;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods.Merging;

public sealed class LoraMergeTests : IDisposable
{
    private static readonly Config s_cases = Config.QuickThrowOnFailure.WithMaxTest(12);
    private static readonly Arbitrary<(double First, double Second)> s_weights =
        Gen.Choose(-300, 300).Two().Select(w => (w.Item1 / 100.0, w.Item2 / 100.0)).ToArbitrary();

    private readonly Backbone _backbone = TinyBackbones.Create("bert");
    private readonly Adapter _a;
    private readonly Adapter _b;

    public LoraMergeTests()
    {
        _a = Create(new LoraConfig(3, 6, UseRslora: true), 1);
        _b = Create(new LoraConfig(2, 5) with { RankPattern = new PathNumbers([new("layer.1.attention.self.query", 4)]) }, 2);
    }

    public static TheoryData<LoraMergeKind> Kinds => [.. Enum.GetValues<LoraMergeKind>()];

    [Theory, MemberData(nameof(Kinds))]
    public void One_adapter_at_weight_1_is_itself(LoraMergeKind kind)
    {
        using var scope = new TensorScope();

        Close(Deltas(_b), Merged(Settings(kind, density: 1), (_b, 1)));
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_merge_is_linear_in_the_weights(LoraMergeKind kind) => Prop.ForAll(s_weights, s_weights, (w, v) =>
    {
        using var scope = new TensorScope();
        var settings = Exact(kind);
        var sum = Merged(settings, (_a, w.First + v.First), (_b, w.Second + v.Second));
        var first = Merged(settings, (_a, w.First), (_b, w.Second));
        var second = Merged(settings, (_a, v.First), (_b, v.Second));

        Close(first.ToDictionary(d => d.Key, d => d.Value + second[d.Key], StringComparer.Ordinal), sum);
    }).Check(s_cases);

    [Theory, MemberData(nameof(Kinds))]
    public void Negative_weights_give_the_negative(LoraMergeKind kind) => Prop.ForAll(s_weights, w =>
    {
        using var scope = new TensorScope();
        var merged = Merged(Settings(kind), (_a, w.First), (_b, w.Second));

        Close(merged.ToDictionary(d => d.Key, d => -d.Value, StringComparer.Ordinal), Merged(Settings(kind), (_a, -w.First), (_b, -w.Second)));
    }).Check(s_cases);

    [Theory]
    [InlineData(LoraMergeKind.Cat)]
    [InlineData(LoraMergeKind.Linear)]
    public void Linear_and_cat_are_the_weighted_sum_of_the_updates(LoraMergeKind kind) => Prop.ForAll(s_weights, w =>
    {
        using var scope = new TensorScope();

        Close(WeightedSum(w), Merged(Settings(kind), (_a, w.First), (_b, w.Second)));
    }).Check(s_cases);

    [Fact]
    public void Cat_adds_up_the_ranks_and_linear_needs_no_more_than_the_sum_has()
    {
        using var cat = LoraMerge.Merge(_backbone, "m", [new(_a, 1), new(_b, 1), new(_a, 1)], new(LoraMergeKind.Cat)).Adapter;
        using var linear = LoraMerge.Merge(_backbone, "m", [new(_a, 1), new(_b, 1), new(_a, 1)]).Adapter;

        Assert.Equal([8, 8, 10, 8], Ranks(cat));
        Assert.Equal([5, 5, 7, 5], Ranks(linear));
    }

    [Fact]
    public void The_error_of_svd_is_the_norm_of_the_discarded_singular_values() => Prop.ForAll(s_weights, Gen.Choose(1, 6).ToArbitrary(), (w, rank) =>
    {
        using var scope = new TensorScope();
        var exact = WeightedSum(w);
        var merged = LoraMerge.Merge(_backbone, "m", [new(_a, w.First), new(_b, w.Second)], new(LoraMergeKind.Svd, rank));
        using var adapter = merged.Adapter;
        foreach (var (path, delta) in Deltas(adapter))
        {
            var values = exact[path].Svd().S.ToArray<double>();
            var discarded = Math.Sqrt(values.Skip(rank).Sum(v => v * v));
            var error = (exact[path] - delta).Norm().ToDouble();
            Assert.True(error <= discarded + 1e-5, $"{path}: {error} is above {discarded}.");
            Assert.Equal(discarded, merged.RelativeErrors[path] * exact[path].Norm().ToDouble(), 1e-5);
        }

        Assert.All(Ranks(adapter), r => Assert.InRange(r, 1, rank));
    }).Check(s_cases);

    [Fact]
    public void Svd_without_a_rank_takes_the_largest_of_the_adapters()
    {
        using var merged = LoraMerge.Merge(_backbone, "m", [new(_a, 1), new(_b, 1)], new(LoraMergeKind.Svd)).Adapter;

        Assert.Equal([4, 4, 4, 4], Ranks(merged));
    }

    [Fact]
    public void A_rank_bounds_every_kind_and_the_error_is_told()
    {
        var merged = LoraMerge.Merge(_backbone, "m", [new(_a, 1), new(_b, 1)], new(LoraMergeKind.Ties, Rank: 2, Density: 0.5));
        using var adapter = merged.Adapter;

        Assert.Equal([2, 2, 2, 2], Ranks(adapter));
        Assert.All(merged.RelativeErrors.Values, e => Assert.InRange(e, 0.01, 1));
    }

    [Fact]
    public void Ties_keeps_the_largest_elects_signs_and_averages()
    {
        using var scope = new TensorScope();
        Tensor[] deltas = [Row(4, -3, 1, 0.5), Row(-2, -5, 3, 0.1), Row(-1, 6, 2, 0.2)];
        var settings = new LoraMergeSettings(LoraMergeKind.Ties, Density: 0.5);
        using var rng = new Rng(0, Device.Cpu);

        // Kept: (4, -3, 0, 0), (0, -5, 3, 0), (0, 6, 2, 0). Signs of the sums: +, -, +, +.
        TensorAssert.Close(
            Row(4, (-3 - 10) / 2.0, (6 + 6) / 2.0, 0), DeltaCombination.Combine(deltas, [1, 2, 3], settings, rng), 1e-12, 1e-12);

        // With frequency, the second element's sign is still that of two of three.
        TensorAssert.Close(
            Row(4, -4, 2.5, 0), DeltaCombination.Combine(deltas, [1, 1, 1], settings with { MajoritySign = MajoritySign.Frequency }, rng), 1e-12, 1e-12);
        Tensor[] loud = [Row(1, 1), Row(1, 1), Row(-9, -9)];
        TensorAssert.Close(Row(-9, -9), DeltaCombination.Combine(loud, [1, 1, 1], settings with { Density = 1 }, rng), 1e-12, 1e-12);
        TensorAssert.Close(
            Row(1, 1), DeltaCombination.Combine(loud, [1, 1, 1], settings with { Density = 1, MajoritySign = MajoritySign.Frequency }, rng), 1e-12, 1e-12);
    }

    [Fact]
    public void Dare_keeps_the_asked_share_and_the_mean()
    {
        using var scope = new TensorScope();
        using var rng = new Rng(3, Device.Cpu);
        var ones = Tensor.Ones([200, 200], DType.Float64);

        var dropped = DeltaCombination.Combine([ones], [1], new(LoraMergeKind.DareLinear, Density: 0.25), rng).ToArray<double>();

        Assert.Equal(0.25, dropped.Count(v => v != 0) / 40_000.0, 0.02);
        Assert.All(dropped.Where(v => v != 0), v => Assert.Equal(4, v));
    }

    [Fact]
    public void The_same_seed_drops_the_same_elements_and_another_seed_others()
    {
        using var scope = new TensorScope();
        var settings = Settings(LoraMergeKind.DareTies);
        var first = Merged(settings, (_a, 1), (_b, 1)).First().Value;

        TensorAssert.BitwiseEqual(first, Merged(settings, (_a, 1), (_b, 1)).First().Value);
        TensorAssert.Differs(first, Merged(settings with { Seed = 7 }, (_a, 1), (_b, 1)).First().Value);
    }

    [Fact]
    public void The_merged_adapter_answers_as_the_sum_of_the_updates()
    {
        using var scope = new TensorScope();
        using var half = LoraMerge.Merge(_backbone, "m", [new(_a, 0.5), new(_a, 0.5)]).Adapter;
        var model = new AdaptedModel(_backbone);
        var batch = TinyBackbones.Batch(1, 5, 3);

        TensorAssert.Close(model.Forward(batch, _a).Output.LastHiddenState, model.Forward(batch, half).Output.LastHiddenState);
    }

    [Theory]
    [InlineData("gate", "has a gate")]
    [InlineData("lora_bias", "a bias of its updates")]
    [InlineData("bias", "trained biases")]
    [InlineData("dora", "is a dora adapter")]
    [InlineData("sites", "'encoder.layer.0.attention.self.key' is one of only one")]
    public void What_one_adapter_cannot_hold_is_refused(string obstacle, string expected)
    {
        using var other = obstacle switch
        {
            "gate" => Create(new LoraConfig(Gate: GateMode.Masked), 3),
            "lora_bias" => Create(new LoraConfig(LoraBias: true), 3),
            "bias" => Create(new LoraConfig(Bias: TrainedBiases.All), 3),
            "dora" => Create(new DoraConfig(), 3),
            _ => Create(new LoraConfig(Targets: SiteRole.Query | SiteRole.Key | SiteRole.Value), 3),
        };

        var error = Assert.Throws<GraftException>(() => LoraMerge.Merge(_backbone, "m", [new(_a, 1), new(other, 1)]));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(LoraMergeKind.Cat, 3, null, "takes none")]
    [InlineData(LoraMergeKind.Linear, 0, null, "expected at least 1")]
    [InlineData(LoraMergeKind.Linear, null, 0.5, "takes no density")]
    [InlineData(LoraMergeKind.Ties, null, null, "give a density")]
    [InlineData(LoraMergeKind.DareLinear, null, 1.5, "expected a share")]
    public void Settings_that_contradict_each_other_are_refused(LoraMergeKind kind, int? rank, double? density, string expected)
    {
        var error = Assert.Throws<GraftException>(() => LoraMerge.Merge(_backbone, "m", [new(_a, 1)], new(kind, rank, density)));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_and_weights_that_are_no_numbers_are_refused()
    {
        Assert.Throws<GraftException>(() => LoraMerge.Merge(_backbone, "m", []));
        Assert.Throws<GraftException>(() => LoraMerge.Merge(_backbone, "m", [new(_a, double.NaN)]));
    }

    public void Dispose()
    {
        _a.Dispose();
        _b.Dispose();
        _backbone.Dispose();
    }

    private static LoraMergeSettings Settings(LoraMergeKind kind, double density = 0.4) =>
        new(kind, Density: kind >= LoraMergeKind.MagnitudePrune ? density : null);

    /// <summary>Settings under which no rank is cut, which would not be linear.</summary>
    private static LoraMergeSettings Exact(LoraMergeKind kind) => Settings(kind) with { Rank = kind == LoraMergeKind.Svd ? TinyBackbones.Width : null };

    private static Tensor Row(params double[] values) => Tensor.From(values, 1, values.Length);

    private static List<long> Ranks(Adapter adapter) =>
        [.. adapter.NamedParameters().Where(p => p.Path.EndsWith("lora_A", StringComparison.Ordinal)).Select(p => p.Parameter.Value.Size(0))];

    private static void Close(Dictionary<string, Tensor> expected, Dictionary<string, Tensor> actual)
    {
        Assert.Equal(expected.Keys, actual.Keys);
        foreach (var (path, delta) in expected)
        {
            TensorAssert.Close(delta, actual[path], 1e-5, 1e-5);
        }
    }

    private Adapter Create(PeftConfig config, int seed)
    {
        using var rng = new Rng(seed, Device.Cpu);
        var method = PeftMethods.Get(config is LoraConfig ? "lora" : "dora");
        var adapter = method.Attach(_backbone, "adapter " + seed, config, rng);
        using var scope = new TensorScope();
        foreach (var (_, parameter) in adapter.NamedParameters())
        {
            parameter.Assign(rng.Normal(parameter.Value.Shape, 0, 0.3));
        }

        return adapter;
    }

    private Dictionary<string, Tensor> WeightedSum((double First, double Second) weights)
    {
        var second = Deltas(_b);
        return Deltas(_a).ToDictionary(d => d.Key, d => (d.Value * weights.First) + (second[d.Key] * weights.Second), StringComparer.Ordinal);
    }

    private Dictionary<string, Tensor> Merged(LoraMergeSettings settings, params (Adapter Adapter, double Weight)[] adapters)
    {
        using var merged = LoraMerge.Merge(_backbone, "merged", [.. adapters.Select(a => new WeightedAdapter(a.Adapter, a.Weight))], settings).Adapter;
        return Deltas(merged);
    }

    /// <summary>The updates of an adapter by what they do to zero weights.</summary>
    private Dictionary<string, Tensor> Deltas(Adapter adapter)
    {
        using var frozen = Autograd.NoGrad();
        return _backbone.Sites.Linear(SiteRole.AllLinear).Where(s => !adapter.Parts.At(s).IsEmpty).ToDictionary(
            s => s.Path,
            s => ((IMergeable)adapter.Parts.At(s)[0]).Merge(Tensor.Zeros([s.Out, s.In]), null).Weight.To(DType.Float64),
            StringComparer.Ordinal);
    }
}
