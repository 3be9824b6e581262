using Graft.Backbones;
using Graft.Evaluation;
using Graft.Tasks;
using Graft.Tasks.Batches;
using Graft.TestKit;
using Graft.Text;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Evaluation;

public sealed class LinearProbeTests
{
    [Theory]
    [InlineData(TaskKind.Classification)]
    [InlineData(TaskKind.Multilabel)]
    [InlineData(TaskKind.Regression)]
    public void The_fit_is_the_minimum_of_its_loss(TaskKind kind)
    {
        using var scope = new TensorScope();
        var (x, y) = Problem(kind, rows: 80, features: 12, outputs: kind == TaskKind.Regression ? 1 : 3);
        const double Strength = 0.05;

        var fitted = RidgeRegression.Fit(x, y, kind, Strength).To(DType.Float64).Clone();

        fitted.RequiresGrad = true;
        var loss = Loss(x.To(DType.Float64), y.To(DType.Float64), fitted, kind, Strength);
        var start = Loss(x.To(DType.Float64), y.To(DType.Float64), fitted.ZerosLike(), kind, Strength);
        var gradient = Autograd.Grad(loss, [fitted])[0]!.Norm().ToDouble();
        Assert.True(gradient < 1e-3, $"The gradient's norm at the fit is {gradient}.");
        Assert.True(loss.ToDouble() < start.ToDouble());
    }

    [Fact]
    public void Least_squares_equal_the_closed_form()
    {
        using var scope = new TensorScope();
        var (x, y) = Problem(TaskKind.Regression, rows: 60, features: 8, outputs: 1);
        var (n, strength) = (60.0, 0.1);

        var fitted = RidgeRegression.Fit(x.To(DType.Float64), y.To(DType.Float64), TaskKind.Regression, strength);

        var design = Tensor.Cat([x, Tensor.Ones([60, 1])], 1).To(DType.Float64);
        var penalty = Tensor.Eye(9, DType.Float64) * strength;
        penalty.Select(0, 8).Zero_();
        var expected = ((design.Transpose(0, 1).MatMul(design) / n) + penalty).Solve(design.Transpose(0, 1).MatMul(y.To(DType.Float64)) / n);
        TensorAssert.Close(expected, fitted, rtol: 1e-3, atol: 1e-3);
    }

    [Theory]
    [InlineData(TaskKind.Classification)]
    [InlineData(TaskKind.Multilabel)]
    [InlineData(TaskKind.Regression)]
    public void What_is_linear_in_the_features_is_found_and_noise_is_not(TaskKind kind)
    {
        using var scope = new TensorScope();
        var task = TinyModels.Task(kind);
        var (features, rows) = Linear(task, 400, 16);
        using var rng = new Rng(99, Device.Cpu);
        var noise = rng.Normal([400, 16]);

        var found = Split(features);
        var lost = Split(noise);

        Assert.True(found.Test![task.PrimaryMetric] > 0.9, $"{found.Test[task.PrimaryMetric]} on test.");
        Assert.True(lost.Test![task.PrimaryMetric] < 0.6, $"{lost.Test[task.PrimaryMetric]} on noise.");
        Assert.True(lost.Strength >= found.Strength);
        Assert.Equal(task.MetricNames, found.Dev.Keys);

        LinearProbeResult Split(Tensor x) => LinearProbe.Run(
            task, (x.Narrow(0, 0, 200), rows[..200]), (x.Narrow(0, 200, 100), rows[200..300]), (x.Narrow(0, 300, 100), rows[300..]),
            TestContext.Current.CancellationToken);
    }

    [Fact]
    public void A_feature_without_variance_and_a_task_without_test_rows_do_no_harm()
    {
        using var scope = new TensorScope();
        var task = TinyModels.Task(TaskKind.Classification);
        var (features, rows) = Linear(task, 100, 4);
        features.Select(1, 2).Fill_(7);

        var result = LinearProbe.Run(task, (features, rows), (features, rows), null, TestContext.Current.CancellationToken);

        Assert.Null(result.Test);
        Assert.All(result.Dev.Values, v => Assert.True(double.IsFinite(v)));
    }

    [Fact]
    public void Features_of_a_batch_are_those_of_each_row_alone()
    {
        using var backbone = TinyBackbones.Create("bert");
        var tokenizer = TinyModels.Tokenizer();
        Example[] rows = [new("good film"), new("bad"), new("a very long film, that was so bad")];
        var task = TinyModels.Task(TaskKind.Classification);
        var live = LeakCheck.Settled();
        using var scope = new TensorScope();

        var together = FrozenFeatures.MeanPooled(backbone, TokenizedRows.Create(task, rows, tokenizer, 24), cancellation: TestContext.Current.CancellationToken);

        for (var i = 0; i < rows.Length; i++)
        {
            var alone = FrozenFeatures.MeanPooled(backbone, TokenizedRows.Create(task, [rows[i]], tokenizer, 24), cancellation: TestContext.Current.CancellationToken);
            TensorAssert.Close(alone, together.Narrow(0, i, 1));
        }

        Assert.InRange(LiveTensors.Count - live, 1, 12);
    }

    [Fact(Explicit = true)]
    public void The_probe_of_the_default_backbone_on_sst2_is_near_the_reference()
    {
        var folder = RealMiniLm.Folder;
        using var backbone = Backbone.Load(folder);
        var tokenizer = Tokenizer.Load(folder);
        var data = TaskCatalog.Resolve("sst-2", SharedData.Labelled).Take(1000, 0);

        var result = LinearProbe.Run(backbone, Rows(data.Train), Rows(data.Dev), cancellation: TestContext.Current.CancellationToken);

        TestContext.Current.TestOutputHelper?.WriteLine($"dev accuracy {result.Dev["accuracy"]:F4}, strength {result.Strength}");
        Assert.InRange(result.Dev["accuracy"], 0.77, 0.80);

        TokenizedRows Rows(IReadOnlyList<Example> rows) => TokenizedRows.Create(data.Task, rows, tokenizer, 256);
    }

    private static (Tensor X, Tensor Y) Problem(TaskKind kind, int rows, int features, int outputs)
    {
        using var rng = new Rng(4, Device.Cpu);
        var x = rng.Normal([rows, features]);
        var scores = x.MatMul(rng.Normal([features, outputs])) + rng.Normal([rows, outputs]);
        return (x, kind switch
        {
            TaskKind.Classification => F.OneHot(scores.ArgMax(1), outputs).To(DType.Float32),
            TaskKind.Multilabel => scores.Gt(0).To(DType.Float32),
            _ => scores,
        });
    }

    private static Tensor Loss(Tensor x, Tensor y, Tensor weights, TaskKind kind, double strength)
    {
        var d = x.Size(1);
        var logits = x.MatMul(weights.Narrow(0, 0, d)) + weights.Narrow(0, d, 1);
        var loss = kind switch
        {
            TaskKind.Classification => -(y * logits.LogSoftmax(-1)).Sum(1).Mean(),
            TaskKind.Multilabel => -((y * logits.LogSigmoid()) + ((1 - y) * (-logits).LogSigmoid())).Sum(1).Mean(),
            _ => ((logits - y).Square() / 2).Sum(1).Mean(),
        };
        return loss + (weights.Narrow(0, 0, d).Square().Sum() * (strength / 2));
    }

    /// <summary>Rows whose answers are linear in their features.</summary>
    private static (Tensor Features, Example[] Rows) Linear(TaskDefinition task, int count, int width)
    {
        using var rng = new Rng(5, Device.Cpu);
        var features = rng.Normal([count, width], 2, 3);
        var scores = (features - 2).MatMul(rng.Normal([width, task.Outputs]));
        var values = scores.ToArray<float>().Chunk(task.Outputs).ToArray();
        return (features, [.. values.Select(v => task.Kind switch
        {
            TaskKind.Classification => new Example("") { Label = Array.IndexOf(v, v.Max()) },
            TaskKind.Multilabel => new Example("") { Labels = [.. Enumerable.Range(0, v.Length).Where(i => v[i] > 0)] },
            _ => new Example("") { Score = v[0] },
        })]);
    }
}
