using System.Text.Json.Nodes;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Methods.Core.Hypernetworks;
using Graft.TestKit;
using Graft.Tests.Methods.Hypernetworks;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods;

/// <summary>The lower block has an ordinary adapter, the upper a generated one.</summary>
public class PhaTests : PeftMethodConformance
{
    protected override string Method => "pha";

    protected override IReadOnlyList<string> Tasks => ["one", "two", "three"];

    protected override JsonObject Settings => new() { ["bottleneck"] = 4, ["ordinary_bottleneck"] = 3, ["dimension"] = 6, ["hidden"] = 8 };

    [Fact]
    public void Counts_on_the_shape_of_T5_base_are_the_authors()
    {
        using var backbone = HollowBackbones.T5Base();
        using var rng = new Rng(1);
        using var adapter = Subject.Attach(backbone, "t5", Subject.Defaults, rng, [.. Enumerable.Range(0, 8).Select(i => $"t{i}")]);

        Assert.Equal(7_766_336, Subject.CountParameters(Subject.Defaults, backbone.Sites, 8));
        Assert.Equal(7_766_336, adapter.ParameterCount);
        Assert.Equal(8 * 64, adapter.NamedParameters().Where(p => adapter.TaskOf(p.Path) is not null).Sum(p => p.Parameter.Value.Count));
    }

    [Fact]
    public void A_task_s_weights_are_the_same_whatever_else_the_batch_holds()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var adapter = Attach(backbone);
        Scramble(adapter);
        using var scope = new TensorScope();
        var source = adapter.PartsByKey.Select(p => p.Part).OfType<GeneratedPart>().First().Source;

        var (together, alone) = (source.Generate(["one", "two", "three"]), source.Generate(["two"]));

        foreach (var ((key, expected), (_, actual)) in alone.At("two", 0).Named().Zip(together.At("two", 0).Named()))
        {
            TensorAssert.Close(expected, actual, 1e-6, 1e-7);
            TensorAssert.Differs(together.At("one", 0).Named().Single(n => n.Key == key).Value, actual);
        }
    }

    [Fact]
    public void Hypernetwork_and_prototypes_follow_the_run_s_rate_by_factors_of_their_own()
    {
        var settings = Settings;
        (settings["generator_rate_factor"], settings["prototype_rate_factor"]) = (0.25, 20);
        using var backbone = TinyBackbones.Create("bert");
        using var rng = new Rng(1);
        using var adapter = Subject.Attach(backbone, "rates", Subject.ReadConfig(settings, "settings"), rng, Tasks);

        var factor = adapter.NamedParameters().ToDictionary(
            p => p.Path, p => adapter.Groups.SingleOrDefault(g => g.Parameters.Contains(p.Parameter))?.Factor, StringComparer.Ordinal);

        Assert.All(factor, p => Assert.Equal(
            p.Key.StartsWith("shared.hypernetwork.", StringComparison.Ordinal) ? 0.25 : p.Key.EndsWith(".prototype.vector", StringComparison.Ordinal) ? 20 : null, p.Value));
        Assert.All([0.25, 20], expected => Assert.Contains(expected, factor.Values));
    }

    [Fact]
    public void It_starts_as_the_authors_start()
    {
        using var backbone = BareSites.Of(768, 2, StackKind.Encoder, out _, SiteRole.SelfAttention, SiteRole.FeedForward);
        using var rng = new Rng(4, Device.Cpu);
        using var adapter = PeftMethods.Get("pha").Attach(backbone, "start", PeftMethods.Get("pha").Defaults, rng, [.. Enumerable.Range(0, 40).Select(i => $"t{i}")]);
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        var all = adapter.NamedParameters().ToDictionary(p => p.Path, p => p.Parameter.Value, StringComparer.Ordinal);

        UniformUpTo(2.71e-5, "shared.hypernetwork.heads.up.weight");
        UniformUpTo(7.81e-6, "shared.hypernetwork.heads.down.weight");
        UniformUpTo(2.17e-4, "shared.hypernetwork.heads.up_bias.weight");
        UniformUpTo(2.17e-4, "shared.hypernetwork.heads.down_bias.weight");
        UniformUpTo(8.49e-6, "feed_forward.0.down.weight");
        UniformUpTo(8.49e-6, "feed_forward.0.up.weight");
        UniformUpTo(1 / Math.Sqrt(128), "shared.hypernetwork.trunk.hidden.weight");
        UniformUpTo(1 / Math.Sqrt(768), "shared.retriever.hidden.bias");
        Assert.All(all.Where(p => p.Key.StartsWith("shared.hypernetwork.heads.", StringComparison.Ordinal) && p.Key.EndsWith(".bias", StringComparison.Ordinal)), p => Assert.Equal(0, p.Value.Abs().Max().ToDouble()));
        var prototypes = Tensor.Stack([.. adapter.Tasks.Select(t => all[$"tasks.{t}.prototype.vector"])], 0);
        Assert.InRange(prototypes.Square().Mean().ToDouble(), 0.9, 1.1);

        void UniformUpTo(double bound, string path)
        {
            var largest = all[path].Abs().Max().ToDouble();
            Assert.True(largest <= bound * 1.01 && largest > bound * 0.9, $"{path}: {largest}, expected up to {bound}.");
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(8)]
    public void The_loss_of_prototypes_is_exact_where_the_authors_difference_of_sums_cancels(int tasks)
    {
        using var scope = new TensorScope();
        var unit = Tensor.Eye(tasks);

        // Rows at their prototype, the others opposite or in the corners of a simplex: the smallest possible loss.
        var corners = unit - (unit.OnesLike() / tasks);
        var loss = ContrastiveLosses.Prototypes(corners, corners, [.. Enumerable.Range(0, tasks)], 0.1)!.ToDouble() * 0.1;

        var others = -1.0 / (tasks - 1);
        Assert.Equal(others + (0.1 * Math.Log(tasks - 1)) - 1, loss, 1e-6);
    }

    [Fact]
    public void A_batch_without_two_rows_of_a_task_trains_on_the_other_loss()
    {
        using var backbone = TinyBackbones.Create("roberta");
        using var adapter = Attach(backbone);
        using var scope = new TensorScope();
        using var rng = new Rng(3, Device.Cpu);

        var output = new AdaptedModel(backbone).Forward(TinyBackbones.Batch(1, 5, 4, 6), [.. Tasks.Select(t => new RowAdapter(adapter, t))], training: true, rng);
        (output.AuxiliaryLoss! + output.Output.LastHiddenState.Mean()).Backward();

        Assert.All(adapter.Parameters(), p => Assert.True(p.Value.Grad is { } g && g.AllFinite()));
    }

    [Theory]
    [InlineData("bert", "{}")]
    [InlineData("roberta", """{"layout": "generated"}""")]
    [InlineData("bert", """{"layout": "generated", "retriever_states": "last", "leave_out": [0]}""")]
    public void A_task_alone_is_an_ordinary_adapter_with_the_same_answers(string name, string settings)
    {
        using var backbone = TinyBackbones.Create(name);
        using var rng = new Rng(1, Device.Cpu);
        var set = Settings;
        foreach (var (key, value) in JsonNode.Parse(settings)!.AsObject())
        {
            set[key] = value!.DeepClone();
        }

        using var adapter = Subject.Attach(backbone, "all", Subject.ReadConfig(set, "test"), rng, Tasks);
        Scramble(adapter);
        using var alone = Subject.Standalone(adapter, "two", backbone)!;
        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(4, 6, 3);

        Assert.Equal(("parallel", "two"), (alone.Method.Name, alone.Name));
        TensorAssert.Close(
            new AdaptedModel(backbone).Forward(batch, [new(adapter, "two"), new(adapter, "two")]).Output.LastHiddenState,
            new AdaptedModel(backbone).Forward(batch, alone).Output.LastHiddenState, 1e-6, 1e-6);
    }

    [Fact]
    public void Rows_are_compared_with_prototypes_before_anything_generated_touched_them()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var adapter = Attach(backbone);
        Scramble(adapter);
        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(4, 6, 3);

        var (first, second) = (Cosines("one"), Cosines("two"));

        Assert.Equal(first, second);

        double[] Cosines(string task)
        {
            var seen = new AdaptedModel(backbone).Forward(batch, [new(adapter, task), new(adapter, task)]).Observations;
            return [.. Tasks.SelectMany(t => seen[PrototypePictures.Observed(task, t)].Single().Value.ToArray<float>()).Select(v => (double)v)];
        }
    }

    [Fact]
    public void Its_pictures_show_prototypes_and_rows_in_the_plane_of_the_prototypes()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var adapter = Attach(backbone);
        Scramble(adapter);
        using var scope = new TensorScope();
        var observed = Tasks.SelectMany(rows => Tasks.Select((p, i) => (PrototypePictures.Observed(rows, p), i / 10.0)))
            .ToDictionary(o => o.Item1, o => o.Item2, StringComparer.Ordinal);

        var maps = Subject.Pictures(adapter, observed).Cast<HeatMap>().ToList();
        var plane = Assert.IsType<Scatter>(Assert.Single(((IPlacesRows)Subject).Pictures(
            adapter, backbone, [.. Tasks.Select((t, i) => new TaskRows(t, TinyBackbones.Batch(i, 5, 3, 4, 6)))])));

        Assert.Equal(9, maps[0].Cells.Count);
        Assert.All(maps[0].Cells.Where(c => c.X == c.Y), c => Assert.Equal(1, c.Value, 1e-6));
        Assert.Equal(0.2, maps[1].Cells.Single(c => (c.Y, c.X) == ("one", "three")).Value);
        Assert.Equal((3, 12), (plane.Points.Count(p => p.Marked), plane.Points.Count(p => !p.Marked)));
        Assert.All(plane.Points, p => Assert.InRange(Math.Sqrt((p.X * p.X) + (p.Y * p.Y)), 0, 1 + 1e-6));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void The_plane_of_up_to_three_prototypes_keeps_their_distances_and_a_row_s_place_follows_from_cosines(int count)
    {
        using var backbone = TinyBackbones.Create("bert");
        using var rng = new Rng(2, Device.Cpu);
        using var adapter = Subject.Attach(backbone, "a", Config, rng, [.. Tasks.Take(count)]);
        using var scope = new TensorScope();
        IReadOnlyList<Tensor> prototypes = [.. Enumerable.Range(0, count).Select(_ => rng.Normal([6], 0, 1, DType.Float64))];
        var vectors = Tensor.Stack([.. prototypes.Select(p => p / p.Norm())], 0);
        var cosines = vectors.MatMul(vectors.Transpose(0, 1));
        double[][] rows = [.. Enumerable.Range(0, count).Select(i => cosines.Select(0, i).ToArray<double>())];

        var points = ((Scatter)PrototypePictures.Plane(adapter, prototypes, [("one", rows)]).Single()).Points;

        for (var a = 0; a < count; a++)
        {
            Assert.Equal(points[a].X, points[count + a].X, 1e-12);
            Assert.Equal(points[a].Y, points[count + a].Y, 1e-12);
            for (var b = 0; b < a; b++)
            {
                var expected = (vectors.Select(0, a) - vectors.Select(0, b)).Norm().ToDouble();
                Assert.Equal(expected, Math.Sqrt(Math.Pow(points[a].X - points[b].X, 2) + Math.Pow(points[a].Y - points[b].Y, 2)), 1e-9);
            }
        }
    }

    [Fact]
    public void It_is_no_part_of_a_union()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var rng = new Rng(1, Device.Cpu);
        var union = PeftMethods.Get("union");
        var config = union.ReadConfig(JsonNode.Parse("""{"parts": [{"method": "pha"}]}""")!.AsObject(), "test");

        Assert.Contains("train it alone", Assert.Throws<GraftException>(() => union.Attach(backbone, "a", config, rng)).Message, StringComparison.Ordinal);
    }
}

/// <summary>Every block has a generated adapter, and the retriever reads the last states.</summary>
public sealed class GeneratedPhaTests : PeftMethodConformance
{
    protected override string Method => "pha-lowdata";

    protected override IReadOnlyList<string> Tasks => ["one", "two"];

    protected override JsonObject Settings => new()
    {
        ["bottleneck"] = 4, ["dimension"] = 6, ["hidden"] = 8, ["layout"] = "generated", ["retriever_states"] = "last", ["activation"] = "gelu",
    };

    [Fact]
    public void Its_weights_are_those_of_the_loss_summed_over_320_positions()
    {
        var settings = Subject.WriteConfig(Subject.Defaults);

        Assert.Equal((0.0003125, 0.0003125), (settings["instance_weight"]!.GetValue<double>(), settings["prototype_weight"]!.GetValue<double>()));
    }
}
