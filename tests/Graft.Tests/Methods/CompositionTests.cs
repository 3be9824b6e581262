using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Methods.Core;
using Graft.Methods.Core.Compositions;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods;

/// <summary>Laws of Stack, Average and Parallel.</summary>
public sealed class CompositionTests : IDisposable
{
    private readonly Backbone _backbone = TinyBackbones.Create("bert");
    private readonly List<Adapter> _adapters = [];

    public static TheoryData<string> Methods =>
        [.. PeftMethods.All.Where(m => !m.SharesAcrossTasks).Select(m => m.Name).Where(n => !n.StartsWith("test-", StringComparison.Ordinal) && n is not ("fusion" or "head"))];

    public static TheoryData<string> MethodsOfSeveralTasks =>
        [.. PeftMethods.All.Where(m => m.SharesAcrossTasks).Select(m => m.Name).Where(n => !n.StartsWith("test-", StringComparison.Ordinal))];

    public void Dispose()
    {
        _adapters.ForEach(a => a.Dispose());
        _backbone.Dispose();
    }

    [Theory, MemberData(nameof(Methods))]
    public void Of_one_adapter_every_composition_is_that_adapter(string method)
    {
        var a = Attach(method, 1);

        Assert.Same(a, Compose.Stack(a));
        Assert.Same(a, Compose.Parallel(a));
        Assert.Same(a, Compose.Average(a));
        Assert.Same(a, Compose.Average([(a, 0.3)]));
        Assert.Same(a, Compose.Average(a, a, a));
        Assert.Same(a, Compose.Average([(a, 2), (Attach(method, 2), 0)]));
    }

    [Theory, MemberData(nameof(MethodsOfSeveralTasks))]
    public void What_shares_its_parts_among_tasks_is_composed_by_its_tasks_own_adapters(string method)
    {
        var adapter = Attach(method, 1);

        var error = Assert.Throws<GraftException>(() => Compose.Stack(adapter, Attach(method, 2)));

        Assert.Contains("export a task's own adapter first", error.Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Methods))]
    public void The_average_of_an_adapter_and_its_copy_is_the_adapter_bitwise_or_refused(string method)
    {
        using var scope = new TensorScope();
        var (a, copy) = (Attach(method, 1), Attach(method, 1));
        var batch = TinyBackbones.Batch(1, 5, 3);
        if (method == "dora")
        {
            Assert.Contains("no average", Assert.Throws<GraftException>(() => Compose.Average(a, copy)).Message, StringComparison.Ordinal);
            return;
        }

        TensorAssert.BitwiseEqual(Run(a, batch), Run(Compose.Average(a, copy), batch));
    }

    [Theory, MemberData(nameof(Methods))]
    public void Parallel_adapters_give_what_each_gives_alone(string method)
    {
        using var scope = new TensorScope();
        var (a, b) = (Attach(method, 1), Attach(method, 2));
        var batch = TinyBackbones.Batch(1, 5, 3);

        var both = Run(Compose.Parallel(a, b), batch);

        Assert.Equal([4L, 5, TinyBackbones.Width], both.Shape.ToArray());
        for (var row = 0; row < 2; row++)
        {
            var alone = TinyBackbones.Rows(batch, row, 1);
            TensorAssert.Close(Real(Run(a, alone), row), Real(both.Narrow(0, 2 * row, 1), row));
            TensorAssert.Close(Real(Run(b, alone), row), Real(both.Narrow(0, (2 * row) + 1, 1), row));
        }

        static Tensor Real(Tensor hidden, int row) => hidden.Narrow(1, 0, row == 0 ? 5 : 3);
    }

    [Fact]
    public void An_average_of_low_rank_updates_is_the_weighted_sum_of_the_updates()
    {
        using var scope = new TensorScope();
        var (a, b) = (Attach("lora", 1), Attach("lora", 2));
        var batch = TinyBackbones.Batch(1, 5, 3);
        var average = Run(Compose.Average([(a, 1), (b, 3)]), batch);

        Scale(a, 0.25);
        Scale(b, 0.75);

        TensorAssert.Close(average, Run(Compose.Stack(a, b), batch), 1e-5, 1e-5);

        static void Scale(Adapter adapter, double by)
        {
            foreach (var (_, parameter) in adapter.NamedParameters().Where(p => p.Path.EndsWith("lora_B", StringComparison.Ordinal)))
            {
                parameter.Assign(parameter.Value * by);
            }
        }
    }

    [Fact]
    public void A_stack_of_low_rank_updates_merges_into_the_sum_of_the_updates()
    {
        using var scope = new TensorScope();
        var stack = Compose.Stack(Attach("lora", 1), Attach("lora", 2), Attach("vera", 3));
        var batch = TinyBackbones.Batch(1, 5, 3);
        var expected = Run(stack, batch);

        using var merger = WeightMerger.Merge(_backbone, stack, batch);

        TensorAssert.Close(expected, _backbone.Forward(batch).LastHiddenState);
    }

    [Fact]
    public void A_composition_takes_the_positions_of_its_adapters()
    {
        var (a, b) = (Attach("p-tuning", 1), Attach("p-tuning", 2));
        var taken = a.Method.PositionsTaken(a.Config);

        Assert.True(taken > 0);
        Assert.Equal(2 * taken, Taken(Compose.Stack(a, b)));
        Assert.Equal(taken, Taken(Compose.Average(a, b)));
        Assert.Equal(taken, Taken(Compose.Parallel(a, Attach("lora", 3))));

        static int Taken(Adapter adapter) => adapter.Method.PositionsTaken(adapter.Config);
    }

    [Fact]
    public void Parallel_adapters_are_not_merged_into_one_weight()
    {
        using var scope = new TensorScope();
        var parallel = Compose.Parallel(Attach("lora", 1), Attach("lora", 1));

        Assert.False(WeightMerger.CanMerge(parallel, _backbone));
    }

    [Fact]
    public void Stacks_and_averages_nest()
    {
        using var scope = new TensorScope();
        var (a, b, c) = (Attach("lora", 1), Attach("lora", 2), Attach("pfeiffer", 3));
        var batch = TinyBackbones.Batch(1, 5, 3);

        TensorAssert.BitwiseEqual(Run(Compose.Stack(a, b, c), batch), Run(Compose.Stack(Compose.Stack(a, b), c), batch));
        TensorAssert.Close(
            Run(Compose.Average(a, b, Attach("lora", 4)), batch),
            Run(Compose.Average([(Compose.Average(a, b), 2), (Attach("lora", 4), 1)]), batch));
        TensorAssert.Close(
            Run(Compose.Stack(Compose.Average(a, b), c), batch),
            Run(Compose.Average(Compose.Stack(a, c), Compose.Stack(b, c)), batch));
    }

    [Fact]
    public void Rows_with_compositions_share_a_batch_with_all_others()
    {
        using var scope = new TensorScope();
        var (a, b, c) = (Attach("pfeiffer", 1), Attach("pfeiffer", 2), Attach("unipelt", 3));
        var (stack, average, parallel) = (Compose.Stack(a, c), Compose.Average(a, b), Compose.Parallel(Compose.Stack(b, c), a));
        var batch = TinyBackbones.Batch(1, 5, 3, 4, 5, 2);
        RowAdapter[] rows = [new(stack), new(parallel), new(null), new(average), new(a)];

        var mixed = new AdaptedModel(_backbone).Forward(batch, rows).Output.LastHiddenState;

        Assert.Equal(6, mixed.Size(0));
        (int Row, Adapter? Adapter)[] expected = [(0, stack), (1, parallel.Branches[0]), (1, a), (2, null), (3, average), (4, a)];
        int[] lengths = [5, 3, 4, 5, 2];
        for (var i = 0; i < expected.Length; i++)
        {
            var (row, adapter) = expected[i];
            var alone = new AdaptedModel(_backbone).Forward(TinyBackbones.Rows(batch, row, 1), adapter).Output.LastHiddenState;
            TensorAssert.Close(alone.Narrow(1, 0, lengths[row]), mixed.Narrow(0, i, 1).Narrow(1, 0, lengths[row]));
        }
    }

    [Fact]
    public void What_an_adapter_prepares_once_for_a_pass_serves_it_alone_and_in_compositions()
    {
        using var scope = new TensorScope();
        using var rng = new Rng(1, Device.Cpu);
        var method = PeftMethods.Get("test-generated");
        var generated = method.Attach(_backbone, "g", method.Defaults, rng, ["one", "two"]);
        _adapters.Add(generated);
        var stack = Compose.Stack(generated, Attach("lora", 2));
        var batch = TinyBackbones.Batch(1, 5, 5);
        RowAdapter[] rows = [new(generated, "one"), new(stack, "two")];

        var (mixed, none, _) = new AdaptedModel(_backbone).Forward(batch, rows);

        Assert.Null(none);
        Assert.NotNull(new AdaptedModel(_backbone).Forward(batch, rows, training: true, rng).AuxiliaryLoss);
        for (var i = 0; i < 2; i++)
        {
            var alone = new AdaptedModel(_backbone).Forward(TinyBackbones.Rows(batch, i, 1), [rows[i]]).Output.LastHiddenState;
            TensorAssert.Close(alone, mixed.LastHiddenState.Narrow(0, i, 1));
        }
    }

    [Fact]
    public void A_stack_of_gated_low_rank_updates_trains_all_of_them()
    {
        // AdapterHub chains the updates of a stack, B_3 A_3 (B_2 A_2 (B_1 A_1 x)), where three zero Bs leave every gradient zero for ever.
        Adapter[] three = [Fresh("lora", 1), Fresh("lora", 2), Fresh("lora", 3)];
        var stack = Compose.Stack(three);
        var parameters = three.SelectMany(a => a.NamedParameters()).ToList();
        using var optimizer = new AdamW([new ParameterGroup("all", [.. parameters.Select(p => p.Parameter)], 1e-2, 0)]);
        using var scope = new TensorScope();
        var before = parameters.Select(p => p.Parameter.Value.Detach().Clone()).ToList();

        for (var step = 0; step < 3; step++)
        {
            optimizer.ZeroGrad();
            Run(stack, TinyBackbones.Batch(step, 5, 3)).Select(2, 0).Square().Sum().Backward();
            optimizer.Step();
        }

        Assert.All(before.Zip(parameters), p => TensorAssert.Differs(p.First, p.Second.Parameter.Value));

        Adapter Fresh(string method, int seed)
        {
            using var rng = new Rng(seed, Device.Cpu);
            var adapter = PeftMethods.Get(method).Attach(
                _backbone, method, PeftMethods.Get(method).ReadConfig(new() { ["gate"] = "masked" }, "test"), rng);
            _adapters.Add(adapter);
            return adapter;
        }
    }

    [Fact]
    public void A_stack_of_bottlenecks_runs_them_one_after_the_other()
    {
        using var scope = new TensorScope();
        var (a, b) = (Attach("pfeiffer", 1), Attach("pfeiffer", 2));
        var batch = TinyBackbones.Batch(1, 5, 3);

        TensorAssert.Differs(Run(Compose.Stack(a, b), batch), Run(Compose.Stack(b, a), batch));
        TensorAssert.Differs(Run(Compose.Stack(a, b), batch), Run(a, batch));
    }

    [Theory]
    [InlineData("dora", "lora", "rescales")]
    [InlineData("bitfit", "full", "own values")]
    [InlineData("ia3", "lora-on-keys", "scaled too")]
    [InlineData("pfeiffer", "parallel", "put the parallel one below")]
    public void What_a_site_cannot_stack_is_refused(string lower, string upper, string expected)
    {
        var adapters = (Lower: Attach(lower, 1), Upper: upper == "lora-on-keys" ? Attach("lora", 2, new() { ["targets"] = "key" }) : Attach(upper, 2));

        var error = Assert.Throws<GraftException>(() => Compose.Stack(adapters.Lower, adapters.Upper));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("dora", "lora")]
    [InlineData("ia3", "lora-on-keys")]
    [InlineData("pfeiffer", "parallel")]
    [InlineData("prefix-tuning", "lora")]
    [InlineData("houlsby", "pfeiffer")]
    public void What_has_no_average_is_refused(string first, string second)
    {
        var other = second == "lora-on-keys" ? Attach("lora", 2, new() { ["targets"] = "key" }) : Attach(second, 2);

        var error = Assert.Throws<GraftException>(() => Compose.Average(Attach(first, 1), other));

        Assert.Contains("no average at", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Compositions_refuse_what_makes_no_sense_in_one_sentence()
    {
        using var other = TinyBackbones.Create("bert");
        using var rng = new Rng(1, Device.Cpu);
        using var foreign = PeftMethods.Get("lora").Attach(other, "foreign", PeftMethods.Get("lora").Defaults, rng);
        var (a, b) = (Attach("lora", 1), Attach("lora", 2));
        var parallel = Compose.Parallel(a, b);

        Refused(() => Compose.Stack(), "no adapters");
        Refused(() => Compose.Stack(a, foreign), "different backbones");
        Refused(() => Compose.Stack(a, parallel), "several outputs");
        Refused(() => Compose.Average([(a, 1), (b, -1)]), "add up to 0");
        Refused(() => Compose.Average([(a, double.NaN), (b, 1)]), "finite");
        Refused(() => Compose.Stack(a, b).Method.WriteConfig(Compose.Stack(a, b).Config), "save the adapters");
        using var scope = new TensorScope();
        var prefixes = Compose.Average(
            Attach("prefix-tuning", 1, new() { ["length"] = 3 }), Attach("prefix-tuning", 2, new() { ["length"] = 4 }));
        Refused(() => Run(prefixes, TinyBackbones.Batch(1, 3)), "average those of one length");

        static void Refused(Func<object> make, string expected) =>
            Assert.Contains(expected, Assert.Throws<GraftException>(make).Message, StringComparison.Ordinal);
    }

    private Tensor Run(Adapter adapter, BackboneInput batch) => new AdaptedModel(_backbone).Forward(batch, adapter).Output.LastHiddenState;

    private Adapter Attach(string name, int seed, JsonObject? settings = null)
    {
        settings ??= [];
        var method = PeftMethods.Get(name);
        var known = method.WriteConfig(method.Defaults);
        foreach (var (key, value) in new (string, JsonNode)[] { ("reduction_factor", name == "compacter" ? 2 : 4), ("length", 3), ("shift_positions", false) })
        {
            if (known.ContainsKey(key) && !settings.ContainsKey(key))
            {
                settings[key] = value;
            }
        }

        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        using var rng = new Rng(seed, Device.Cpu);
        var adapter = method.Attach(_backbone, $"{name}-{seed}", method.ReadConfig(settings, "test"), rng);
        foreach (var parameter in adapter.Parameters())
        {
            parameter.Value.Add_(rng.Normal(parameter.Value.Shape, 0, 0.1));
        }

        _adapters.Add(adapter);
        return adapter;
    }
}
