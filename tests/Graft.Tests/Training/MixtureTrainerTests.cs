using Graft.Backbones;
using Graft.Evaluation;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Batches;
using Graft.Tasks.Heads;
using Graft.Tasks.Mixtures;
using Graft.TestKit;
using Graft.Text;
using Graft.Torch;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>The trainer with several tasks on one adapter.</summary>
public sealed class MixtureTrainerTests : IDisposable
{
    private readonly TinyModelFolder _tiny = new();
    private readonly Backbone _backbone;
    private readonly List<TaskData> _data;
    private readonly List<TokenizedRows> _train;

    public MixtureTrainerTests()
    {
        _backbone = Backbone.Load(_tiny.Model);
        _data = [TaskFile.Load(_tiny.WriteTask("first")), TaskFile.Load(_tiny.WriteTask("second", train: 40, seed: 2)), TaskFile.Load(_tiny.WriteTask("third", train: 20, seed: 3))];
        var tokenizer = Tokenizer.Load(_tiny.Model);
        _train = [.. _data.Select(d => TokenizedRows.Create(d.Task, d.Train, tokenizer, 30))];
    }

    public static TheoryData<string, bool> Ways => new() { { "test-sharing", false }, { "test-sharing", true }, { "pfeiffer", false }, { "pfeiffer", true } };

    public void Dispose()
    {
        _backbone.Dispose();
        _tiny.Dispose();
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Several_tasks_are_learnt_by_one_adapter(string method, bool oneTask)
    {
        using var models = Create(method);
        using var trainer = new Trainer(models, _train, Settings(oneTask) with { Epochs = 25, LearningRate = 1e-2 });
        var before = models.Models.Select((m, i) => Evaluator.Evaluate(m, _train[i]).Metrics["accuracy"]).ToList();

        var steps = trainer.Steps(TestContext.Current.CancellationToken).ToList();

        var after = models.Models.Select((m, i) => Evaluator.Evaluate(m, _train[i]).Metrics["accuracy"]).ToList();
        Assert.All(before.Zip(after), a => Assert.True(a.Second > a.First, $"{a.First} to {a.Second}"));
        Assert.All(steps, s => Assert.Equal(s.Rows, s.Tasks.Sum(t => t.Rows)));
        Assert.All(steps, s => Assert.Equal(method == "test-sharing" ? double.NaN : s.Loss, method == "test-sharing" ? double.NaN : s.Tasks.Sum(t => t.Loss * t.Rows) / s.Rows, 1e-4));
        Assert.Equal(oneTask, steps.TrueForAll(s => s.Tasks.Count == 1));
    }

    [Fact]
    public void The_gradient_of_a_mixed_batch_is_the_mean_over_its_rows()
    {
        using var models = Create("test-sharing", headDropout: 0);
        var settings = new TrainingSettings(Steps: 1, BatchSize: 24, ClipNorm: 0, LearningRate: 1e-9);
        using var plain = TinyBackbones.Create("bert");
        using var mixed = Create("test-sharing", headDropout: 0, plain);
        using var trainer = new Trainer(mixed, _train, settings);
        var sampler = new MixtureSampler([.. _train.Select(r => r.Lengths)], 24, 0, new MixtureSettings());
        var batch = sampler.Rows(0);

        var step = trainer.Steps(TestContext.Current.CancellationToken).First();
        var found = mixed.Parameters().ToDictionary(p => p.Path, p => p.Parameter.Value.Grad!.Clone());

        // Each row alone, in a pass of its own.
        using var alone = Create("test-sharing", headDropout: 0, plain);
        var expected = 0.0;
        foreach (var (task, row) in batch)
        {
            using var scope = new TensorScope();
            var model = alone.Models[task];
            var (logits, _, _) = model.Forward(_train[task].Batch([row], Device.Cpu));
            var loss = model.Head.Loss(logits, _train[task].Targets([row], Device.Cpu)) * (1.0 / batch.Length);
            loss.Backward();
            expected += loss.ToDouble();
        }

        Assert.Equal(expected, step.Tasks.Sum(t => t.Loss * t.Rows) / step.Rows, 1e-5);
        foreach (var (path, parameter) in alone.Parameters().Where(p => !p.Path.StartsWith("adapter.tasks.", StringComparison.Ordinal)))
        {
            TensorAssert.Close(parameter.Value.Grad!, found[path], 1e-3, 1e-5);
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void A_mixture_resumed_from_any_checkpoint_ends_with_the_same_bits(string method, bool oneTask)
    {
        var settings = Settings(oneTask) with { Epochs = 3, Accumulation = 2 };
        var path = Path.Combine(_tiny.Root, "checkpoint.safetensors");
        var undisturbed = Finish(settings, method, stopAfter: null, path);

        foreach (var stop in new[] { 1, 5, 16 })
        {
            Finish(settings, method, stop, path);
            Assert.Equal(undisturbed, Finish(settings, method, stopAfter: null, path, resume: true));
        }
    }

    [Fact]
    public void What_belongs_to_a_task_stays_as_it_is_while_the_task_has_no_rows()
    {
        using var models = Create("test-sharing");
        using var trainer = new Trainer(models, _train, Settings(oneTask: true) with { Steps = 8, WarmupRatio = 0 });
        foreach (var step in Watched(models, trainer))
        {
            Assert.Single(step.Step.Tasks);
            Assert.All(step.Changed, path => Assert.True(models.TaskOf(path) is not { } owner || owner == step.Step.Tasks[0].Task, path));
            Assert.Contains(step.Changed, path => models.TaskOf(path) == step.Step.Tasks[0].Task);
        }
    }

    [Fact]
    public void A_shared_parameter_without_a_gradient_is_refused_in_mixtures_too()
    {
        using var models = Create("test-unused");
        using var trainer = new Trainer(models, _train, Settings(oneTask: true));

        var error = Assert.Throws<GraftException>(() => trainer.Steps(TestContext.Current.CancellationToken).Count());

        Assert.Contains("has no gradient at step 1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_loss_that_is_not_a_number_names_its_tasks()
    {
        using var models = Create("test-sharing");
        using (Autograd.NoGrad())
        {
            models.Models[1].Head.Parameters().First().Value.Fill_(double.NaN);
        }

        using var trainer = new Trainer(models, _train, Settings(oneTask: false));
        var error = Assert.Throws<TrainingDivergedException>(() => trainer.Steps(TestContext.Current.CancellationToken).Count());

        Assert.Equal("second", error.Task);
        Assert.DoesNotContain("first.train.tsv", error.Message, StringComparison.Ordinal);
        Assert.Contains("second.train.tsv:", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Models_on_different_adapters_are_refused()
    {
        using var one = Create("pfeiffer");
        using var other = Create("pfeiffer");

        Assert.Throws<ArgumentException>(() => new TaskModels([one.Models[0], other.Models[1]]));
        Assert.Throws<ArgumentException>(() => new TaskModels([one.Models[0], one.Models[0]]));
        Assert.Throws<ArgumentException>(() => new TaskModels([]));
    }

    private static TrainingSettings Settings(bool oneTask) =>
        new(BatchSize: 16, LearningRate: 3e-3, Mixture: oneTask ? new MixtureSettings(TaskSampling.Temperature, 10, true, true) : null);

    private static IEnumerable<(TrainStep Step, List<string> Changed)> Watched(TaskModels models, Trainer trainer)
    {
        var before = InterruptedTraining.Bits(models);
        foreach (var step in trainer.Steps(TestContext.Current.CancellationToken))
        {
            var after = InterruptedTraining.Bits(models);
            yield return (step, [.. models.Parameters().Select(p => p.Path).Where((_, i) => before[i] != after[i])]);
            before = after;
        }
    }

    private string[] Finish(TrainingSettings settings, string method, int? stopAfter, string checkpoint, bool resume = false)
    {
        using var models = Create(method);
        using var trainer = new Trainer(models, _train, settings);
        return InterruptedTraining.Run(trainer, step => step.Number % 4 == 0 ? -step.Loss : null, checkpoint, stopAfter, resume);
    }

    private TaskModels Create(string method, double headDropout = 0.1, Backbone? backbone = null)
    {
        backbone ??= _backbone;
        using var rng = new Rng(4, Device.Cpu);
        var peft = PeftMethods.Get(method);
        var adapter = peft.Attach(backbone, "all", peft.Defaults, rng, peft.SharesAcrossTasks ? [.. _data.Select(d => d.Task.Name)] : null);
        return new TaskModels([.. _data.Select(d => new TaskModel(
            d.Task, backbone, adapter, new PooledHead(new PooledHeadConfig(TaskKind.Classification, 3, Dropout: headDropout), TinyBackbones.Width, rng), 30))]);
    }
}
