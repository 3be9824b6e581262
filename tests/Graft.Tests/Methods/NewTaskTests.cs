using System.Text.Json.Nodes;
using Graft.Methods.Core;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods;

public sealed class NewTaskTests
{
    private static readonly double[][] s_rows = [[0.9, 0.5, 0.1], [-0.8, 0.2, 0.3], [-0.2, 0.2, 0.3]];

    [Theory]
    [InlineData("pha", """{"bottleneck": 4, "dimension": 6}""")]
    [InlineData("hyperformer++", """{"reduction_factor": 4}""")]
    [InlineData("propetl-adapter", """{"reduction_factor": 4}""")]
    [InlineData("propetl-adapter", """{"reduction_factor": 4, "masks": "fixed"}""")]
    public void An_adapter_with_one_more_task_answers_the_others_with_the_same_bits(string name, string settings)
    {
        using var backbone = TinyBackbones.Create("bert");
        using var rng = new Rng(1, Device.Cpu);
        var method = PeftMethods.Get(name);
        using var adapter = method.Attach(backbone, "a", method.ReadConfig(JsonNode.Parse(settings)!.AsObject(), "test"), rng, ["one", "two"]);
        using var extended = AdapterTasks.Add(adapter, backbone, "three", rng);
        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(3, 5, 5);

        Assert.Equal(["one", "two", "three"], extended.Tasks);
        TensorAssert.BitwiseEqual(Run(adapter, "one", "two"), Run(extended, "one", "two"));

        NewTask.StartAt(extended, "three", new Dictionary<string, double>(StringComparer.Ordinal) { ["one"] = 0, ["two"] = 1 });

        TensorAssert.BitwiseEqual(Run(extended, "two", "two"), Run(extended, "three", "three"));

        Tensor Run(Adapter of, string first, string second) =>
            new AdaptedModel(backbone).Forward(batch, [new(of, first), new(of, second)]).Output.LastHiddenState;
    }

    [Fact]
    public void The_nearest_on_average_the_most_votes_and_a_mixture()
    {
        Assert.Equal([0, 1, 0], NewTask.Weights(s_rows, TaskStart.Nearest, 0.1));
        Assert.Equal([0, 0, 1], NewTask.Weights(s_rows, TaskStart.Vote, 0.1));
        Assert.Equal([0, 0, 0], NewTask.Weights(s_rows, TaskStart.Fresh, 0.1));
        var means = NewTask.Means(s_rows);
        var mixture = NewTask.Weights(s_rows, TaskStart.Mixture, 0.1);
        Assert.Equal(1, mixture.Sum(), 1e-12);
        Assert.Equal(Math.Exp((means[1] - means[2]) / 0.1), mixture[1] / mixture[2], 1e-9);
    }

    [Fact]
    public void Equal_votes_go_to_the_nearer_task() =>
        Assert.Equal([0, 1], NewTask.Weights([[0.5, 0.4], [0.1, 0.9]], TaskStart.Vote, 0.1));

    [Fact]
    public void A_mixture_is_the_weighted_mean_of_prototypes()
    {
        using var backbone = TinyBackbones.Create("roberta");
        using var rng = new Rng(1, Device.Cpu);
        var method = PeftMethods.Get("pha");
        using var adapter = method.Attach(backbone, "a", method.Defaults, rng, ["one", "two", "new"]);

        NewTask.StartAt(adapter, "new", new Dictionary<string, double>(StringComparer.Ordinal) { ["one"] = 0.25, ["two"] = 0.75 });

        using var scope = new TensorScope();
        TensorAssert.Close((Of("one") * 0.25) + (Of("two") * 0.75), Of("new"), 1e-6, 1e-7);

        Tensor Of(string task) => adapter.NamedParameters().Single(p => p.Path == $"tasks.{task}.prototype.vector").Parameter.Value;
    }

    [Fact]
    public void A_row_is_like_the_task_whose_prototype_lies_in_its_direction()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var rng = new Rng(1, Device.Cpu);
        var method = PeftMethods.Get("pha");
        string[] axes = ["x", "y", "z"];
        using var adapter = method.Attach(backbone, "a", method.ReadConfig(new JsonObject { ["dimension"] = 3 }, "test"), rng, [.. axes, "found"]);
        using var scope = new TensorScope();
        for (var i = 0; i < 3; i++)
        {
            Prototype(axes[i]).Assign(Tensor.From(Enumerable.Range(0, 3).Select(j => i == j ? 1f : 0f).ToArray()));
        }

        // The cosines with the axes are the direction of the row itself.
        var rows = Similarities(axes);
        Prototype("found").Assign(Tensor.From(rows[0].Select(c => (float)(5 * c)).ToArray()));

        var found = Similarities("y", "found");

        Assert.All(rows, row => Assert.Equal(1, row.Sum(c => c * c), 1e-5));
        Assert.Equal(1, found[0][1], 1e-5);
        Assert.All(rows.Zip(found), r => Assert.Equal((r.First[1], Math.Round(r.First.Zip(rows[0], (a, b) => a * b).Sum(), 4)), (r.Second[0], Math.Round(r.Second[1], 4))));
        Assert.True(rows[1].Zip(rows[0], (a, b) => a * b).Sum() < 0.9999, "The rows lie in one direction, so that any prototype would do.");

        Parameter Prototype(string task) => adapter.NamedParameters().Single(p => p.Path == $"tasks.{task}.prototype.vector").Parameter;

        IReadOnlyList<double[]> Similarities(params string[] tasks) =>
            ((IRetrievesTasks)method).Similarities(adapter, backbone, TinyBackbones.Batch(3, 5, 3, 4), tasks);
    }
}
