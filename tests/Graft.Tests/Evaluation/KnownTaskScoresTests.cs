using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Evaluation;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Batches;
using Graft.TestKit;
using Graft.Text;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Evaluation;

/// <summary>Which known task's part of an adapter suits new rows.</summary>
public sealed class KnownTaskScoresTests
{
    [Theory]
    [InlineData(12, 30)]
    [InlineData(40, 5)]
    [InlineData(2, 4)]
    public void Leaving_out_each_row_in_turn_comes_to_the_same(int count, int width)
    {
        using var scope = new TensorScope();
        using var rng = new Rng(1, Device.Cpu);
        var x = rng.Normal([count, width]).To(DType.Float64);
        var y = (x.Narrow(1, 0, 2) * 2.0) + rng.Normal([count, 2]).To(DType.Float64);

        var expected = new[] { 0.01, 0.1, 1, 10 }.Max(penalty => Refitted(x, y, penalty));

        Assert.Equal(expected, LeaveOneOut.Explained(x, y), 1e-8);
    }

    [Fact]
    public void What_features_tell_is_explained_and_noise_and_nothing_are_not()
    {
        using var scope = new TensorScope();
        using var rng = new Rng(2, Device.Cpu);
        var x = rng.Normal([64, 8]);
        var told = x.Narrow(1, 3, 1);

        Assert.True(LeaveOneOut.Explained(x, told) > 0.99);
        Assert.True(LeaveOneOut.Explained(x, rng.Normal([64, 1])) < 0.3);
        Assert.Equal(0, LeaveOneOut.Explained(x, Tensor.Ones([64, 1])));
        Assert.Equal(0, LeaveOneOut.Explained(x.Narrow(0, 0, 1), told.Narrow(0, 0, 1)));
        Assert.Equal(0, LeaveOneOut.Explained(x.OnesLike(), told));
    }

    [Fact]
    public void The_task_whose_states_tell_the_answers_scores_best()
    {
        using var tiny = new TinyModelFolder(dropout: 0);
        using var backbone = Backbone.Load(tiny.Model);
        using var rng = new Rng(1, Device.Cpu);
        using var scope = new TensorScope();
        var method = PeftMethods.Get("propetl-adapter");
        var settings = new JsonObject { ["masked_by"] = "task", ["deviation"] = 1, ["reduction_factor"] = 2 };
        using var adapter = method.Attach(backbone, "all", method.ReadConfig(settings, "test"), rng, ["calm", "loud"]);
        var (data, tokenizer) = (TaskFile.Load(tiny.WriteTask()), Tokenizer.Load(tiny.Model));
        var task = TinyModels.Task(TaskKind.Regression);
        var plain = TokenizedRows.Create(data.Task, data.Train, tokenizer, 30);
        foreach (var (number, name) in adapter.Tasks.Index())
        {
            // What is asked is one of the numbers that states are of under this task.
            var asked = FrozenFeatures.MeanPooled(backbone, plain, under: new RowAdapter(adapter, name), cancellation: TestContext.Current.CancellationToken).Select(1, 0).ToArray<float>();
            var rows = TokenizedRows.Create(task, [.. data.Train.Zip(asked, (row, score) => row with { Score = score })], tokenizer, 30);

            var scores = KnownTaskScores.Of(adapter, backbone, rows, TestContext.Current.CancellationToken);

            Assert.True(scores[number] > 0.99, $"{scores[number]}");
            Assert.True(scores[1 - number] < scores[number] - 0.001, $"{scores[1 - number]}");
            Assert.Equal([1 - number, number], NewTask.Best(scores));
        }

        Assert.Equal([0, 1], NewTask.Best([double.NaN, -3]));
    }

    // Fitted anew without each row, standardized by all rows as the closed form is.
    private static double Refitted(Tensor x, Tensor y, double penalty)
    {
        var count = x.Size(0);
        x = (x - x.Mean(0)) / x.Variance(0, correction: 0).Sqrt();
        var scale = x.MatMul(x.Transpose(0, 1)).Diagonal().Mean().ToDouble();
        var (errors, plain) = (0.0, 0.0);
        for (var row = 0L; row < count; row++)
        {
            var others = Tensor.From([.. Enumerable.Range(0, (int)count).Where(i => i != row).Select(i => (long)i)], (int)count - 1);
            var (xo, yo) = (x.IndexSelect(0, others), y.IndexSelect(0, others));
            var (mx, my) = (xo.Mean(0), yo.Mean(0));
            var centred = xo - mx;
            var weights = (centred.Transpose(0, 1).MatMul(centred) + (Tensor.Eye(x.Size(1), DType.Float64) * (penalty * scale))).Solve(centred.Transpose(0, 1).MatMul(yo - my));
            errors += (y.Select(0, (int)row) - my - (x.Select(0, (int)row) - mx).Unsqueeze(0).MatMul(weights).Squeeze(0)).Square().Sum().ToDouble();
            plain += (y.Select(0, (int)row) - my).Square().Sum().ToDouble();
        }

        return 1 - (errors / plain);
    }
}
