using Graft.Backbones;
using Graft.Evaluation;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Batches;
using Graft.Tasks.Heads;
using Graft.TestKit;
using Graft.Text;
using Graft.Torch;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

public sealed class TrainerTests : IDisposable
{
    private readonly TinyModelFolder _tiny = new();
    private readonly Backbone _backbone;
    private readonly TaskData _data;
    private readonly TokenizedRows _train;
    private readonly TokenizedRows _dev;

    public TrainerTests()
    {
        _backbone = Backbone.Load(_tiny.Model);
        _data = TaskFile.Load(_tiny.WriteTask());
        var tokenizer = Tokenizer.Load(_tiny.Model);
        _train = TokenizedRows.Create(_data.Task, _data.Train, tokenizer, 30);
        _dev = TokenizedRows.Create(_data.Task, _data.Dev, tokenizer, 30);
    }

    public void Dispose()
    {
        _backbone.Dispose();
        _tiny.Dispose();
    }

    [Fact]
    public void A_tiny_model_learns_a_tiny_task()
    {
        using var model = CreateModel("full");
        using var trainer = new Trainer(model, _train, new TrainingSettings(Epochs: 30, BatchSize: 16, LearningRate: 5e-3));

        var losses = trainer.Steps(TestContext.Current.CancellationToken).Select(s => s.Loss).ToList();

        Assert.Equal(30 * 6, losses.Count);
        Assert.True(losses[^6..].Average() < 0.7 * losses[..6].Average(), $"{losses[..6].Average()} to {losses[^6..].Average()}");
        Assert.True(Evaluator.Evaluate(model, _train).Metrics["accuracy"] > 0.75);
    }

    [Fact]
    public void A_group_follows_the_runs_rate_by_its_factor_and_spares_vectors_the_decay()
    {
        using var model = CreateModel("pfeiffer");
        var parameters = model.Adapter.Parameters().ToList();
        model.Adapter.OwnGroups.Add(new AdapterGroup("slow", parameters) { Factor = 0.25 });
        model.Adapter.OwnGroups.Add(new AdapterGroup("decayed", [], WeightDecay: 0.3));

        using var trainer = new Trainer(model, _train, new TrainingSettings(LearningRate: 4e-3, WeightDecay: 0.1));

        Assert.Equal(
            [("slow", 1e-3, 0.1), ("slow vectors", 1e-3, 0), ("matrices", 4e-3, 0.1), ("vectors", 4e-3, 0)],
            trainer.Optimizer.Groups.Select(g => (g.Name, g.LearningRate, g.WeightDecay)));
        Assert.Equal(parameters.Count, trainer.Optimizer.Groups[0].Parameters.Count + trainer.Optimizer.Groups[1].Parameters.Count);
        Assert.All(trainer.Optimizer.Groups[1].Parameters, p => Assert.Equal(1, p.Value.Rank));
    }

    [Fact]
    public void A_head_follows_the_runs_rate_by_a_factor_of_its_own()
    {
        using var model = CreateModel("pfeiffer");
        using var trainer = new Trainer(model, _train, new TrainingSettings(LearningRate: 4e-3, WeightDecay: 0.1, HeadFactor: 5));

        Assert.Equal(
            [("heads", 2e-2, 0.1), ("heads vectors", 2e-2, 0), ("matrices", 4e-3, 0.1), ("vectors", 4e-3, 0)],
            trainer.Optimizer.Groups.Select(g => (g.Name, g.LearningRate, g.WeightDecay)));
        Assert.Equal(model.Head.Parameters(), trainer.Optimizer.Groups.Take(2).SelectMany(g => g.Parameters));
    }

    [Fact]
    public void With_adapter_drop_the_first_blocks_rest_in_some_steps_and_the_last_in_none()
    {
        var last = _backbone.Config.Layers - 1;
        using var model = CreateModel("lora");
        using var trainer = new Trainer(model, _train, new TrainingSettings(Steps: 12, BatchSize: 4, AdapterDrop: last));
        var (rested, trained) = (0, 0);

        foreach (var step in trainer.Steps(TestContext.Current.CancellationToken))
        {
            var resting = model.Parameters().Where(p => p.Parameter.Value.Grad is null).Select(p => p.Path).ToList();
            Assert.DoesNotContain(resting, p => p.Contains($"layer.{last}.", StringComparison.Ordinal) || p.StartsWith("head", StringComparison.Ordinal));
            (rested, trained) = resting.Count > 0 ? (rested + 1, trained) : (rested, trained + 1);
        }

        Assert.True(rested > 0 && trained > 0, $"{rested} steps with resting blocks, {trained} without");
        var error = Assert.Throws<GraftException>(() => new Trainer(model, _train, new TrainingSettings(AdapterDrop: last + 1)));
        Assert.Contains("adapter_drop", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("lora")]
    [InlineData("full")]
    [InlineData("adalora")]
    [InlineData("unipelt")]
    public void A_run_resumed_from_any_checkpoint_ends_with_the_same_bits(string method)
    {
        var settings = new TrainingSettings(Epochs: 4, BatchSize: 10, LearningRate: 3e-3, EvaluateEvery: 7);
        var path = Path.Combine(_tiny.Root, "checkpoint.safetensors");
        var undisturbed = Finish(settings, method, stopAfter: null, path);

        foreach (var stop in new[] { 1, 6, 7, 13, 39 })
        {
            Finish(settings, method, stop, path);
            Assert.Equal(undisturbed, Finish(settings, method, stopAfter: null, path, resume: true));
        }
    }

    [Fact]
    public void A_checkpoint_of_another_run_or_a_damaged_one_is_refused()
    {
        var settings = new TrainingSettings(Steps: 3, BatchSize: 8);
        var path = Path.Combine(_tiny.Root, "checkpoint.safetensors");
        using var model = CreateModel("lora");
        using var trainer = new Trainer(model, _train, settings);
        using var best = new BestOnDev(model);
        Checkpoint.Save(path, trainer, best, new RunState("this", 0, 0));

        var other = Assert.Throws<GraftException>(() => Checkpoint.Load(path, "that", trainer, best));
        Assert.Contains("other settings", other.Message, StringComparison.Ordinal);

        SafetensorsWriter.Write(path, [], new Dictionary<string, string> { ["graft_checkpoint"] = "{}" });
        var damaged = Assert.Throws<GraftException>(() => Checkpoint.Load(path, "this", trainer, best));
        Assert.Contains("delete it", damaged.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Accumulated_micro_batches_give_the_gradient_of_the_whole_batch()
    {
        using var plain = TinyBackbones.Create("bert");
        using var whole = CreateModel("lora", headDropout: 0, plain);
        using var split = CreateModel("lora", headDropout: 0, plain);
        var settings = new TrainingSettings(Steps: 4, BatchSize: 15, LearningRate: 1e-2);
        using var first = new Trainer(whole, _train, settings);
        using var second = new Trainer(split, _train, settings with { Accumulation = 4 });

        var losses = first.Steps(TestContext.Current.CancellationToken).Select(s => s.Loss).ToList();
        var accumulated = second.Steps(TestContext.Current.CancellationToken).Select(s => s.Loss).ToList();

        foreach (var (a, b) in losses.Zip(accumulated))
        {
            Assert.Equal(a, b, 1e-5);
        }

        foreach (var ((_, a), (_, b)) in whole.Parameters().Zip(split.Parameters()))
        {
            TensorAssert.Close(a, b, 1e-4, 1e-5);
        }
    }

    [Fact]
    public void A_loss_that_is_not_a_number_names_step_task_and_rows_and_leaves_the_model_as_it_was()
    {
        using var model = CreateModel("lora");
        using var trainer = new Trainer(model, _train, new TrainingSettings(Steps: 5, BatchSize: 4));
        var steps = trainer.Steps(TestContext.Current.CancellationToken).GetEnumerator();
        steps.MoveNext();
        using (Autograd.NoGrad())
        {
            model.Head.Parameters().First().Value.Fill_(double.NaN);
        }

        using var before = model.Adapter.Parameters().First().Value.Detach().Clone();
        var error = Assert.Throws<TrainingDivergedException>(() => steps.MoveNext());

        Assert.Contains("'letters'", error.Message, StringComparison.Ordinal);
        Assert.Contains("step 2", error.Message, StringComparison.Ordinal);
        Assert.Contains("letters.train.tsv:", error.Message, StringComparison.Ordinal);
        Assert.Equal(2, error.Step);
        using var after = model.Adapter.Parameters().First().Value.Detach();
        TensorAssert.BitwiseEqual(before, after);
    }

    [Theory]
    [InlineData("test-unused", 1, "has no gradient at step 1")]
    [InlineData("test-stacked-zeros", 10, "exactly zero in each of the first 10 steps")]
    public void A_parameter_that_would_never_be_trained_is_refused_by_its_path(string method, int step, string why)
    {
        using var model = CreateModel(method);
        using var trainer = new Trainer(model, _train, new TrainingSettings(Steps: 30, BatchSize: 4));
        using var steps = trainer.Steps(TestContext.Current.CancellationToken).GetEnumerator();
        for (var done = 1; done < step; done++)
        {
            Assert.True(steps.MoveNext());
        }

        var error = Assert.Throws<GraftException>(() => steps.MoveNext());

        Assert.Contains(method, error.Message, StringComparison.Ordinal);
        Assert.Contains("'adapter.encoder.layer.0.output.silent'", error.Message, StringComparison.Ordinal);
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("test-resting", 40)]
    [InlineData("test-resting-for-ever", 23)]
    public void A_part_that_may_rest_must_wake_within_an_epoch(string method, int steps)
    {
        using var model = CreateModel(method);
        using var trainer = new Trainer(model, _train, new TrainingSettings(Steps: 40, BatchSize: 4));
        var done = 0;

        var fault = Record.Exception(() => done = trainer.Steps(TestContext.Current.CancellationToken).Count());

        Assert.Equal(method == "test-resting-for-ever", fault is GraftException);
        Assert.Equal(steps, fault is null ? done : trainer.StepsDone);
    }

    [Fact]
    public void Live_tensors_stay_constant_over_a_thousand_steps()
    {
        CollectTensorsOfOtherTests();
        using var model = CreateModel("pfeiffer");
        using var trainer = new Trainer(model, _train, new TrainingSettings(Steps: 1010, BatchSize: 4));
        var counts = trainer.Steps(TestContext.Current.CancellationToken).Select(_ => LiveTensors.Count).ToList();

        Assert.All(counts[10..], c => Assert.Equal(counts[10], c));
    }

    [Fact]
    public void The_best_parameters_on_dev_come_back()
    {
        using var model = CreateModel("lora");
        using var best = new BestOnDev(model);
        using var trainer = new Trainer(model, _train, new TrainingSettings(Steps: 6, BatchSize: 8, LearningRate: 0.05));
        string[] kept = [];
        double[] metrics = [0.3, 0.5, 0.4, 0.5, double.NaN, 0.2];

        foreach (var step in trainer.Steps(TestContext.Current.CancellationToken))
        {
            if (best.Offer(metrics[step.Number - 1], step.Number))
            {
                kept = InterruptedTraining.Bits(trainer.Model);
            }
        }

        Assert.Equal((0.5, 2, 4), (best.Metric, best.Step, best.EvaluationsSince));
        Assert.NotEqual(kept, InterruptedTraining.Bits(trainer.Model));
        best.Restore();
        Assert.Equal(kept, InterruptedTraining.Bits(trainer.Model));
    }

    [Fact]
    public void Every_epoch_takes_every_row_once_and_rows_of_similar_length_together()
    {
        var lengths = Enumerable.Range(0, 1000).Select(i => (i * 37) % 120).ToArray();
        var sampler = new BatchSampler(lengths, 16, 3);

        var epochs = new[] { sampler.Epoch(0), sampler.Epoch(1) };

        Assert.All(epochs, e => Assert.Equal(Enumerable.Range(0, 1000), e.SelectMany(b => b).Order()));
        Assert.NotEqual(epochs[0].SelectMany(b => b), epochs[1].SelectMany(b => b));
        Assert.Equal(epochs[1].SelectMany(b => b), new BatchSampler(lengths, 16, 3).Epoch(1).SelectMany(b => b));
        var padded = epochs[0].Sum(b => b.Length * b.Max(r => lengths[r]));
        Assert.True(padded < 1.25 * lengths.Sum(), $"{padded} padded tokens for {lengths.Sum()} real ones.");
    }

    // A tensor that nobody disposed goes when its finalizer runs, which must not be while this test counts.
    private static void CollectTensorsOfOtherTests()
    {
        for (var round = 0; round < 2; round++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }

    private string[] Finish(TrainingSettings settings, string method, int? stopAfter, string checkpoint, bool resume = false)
    {
        using var model = CreateModel(method);
        using var trainer = new Trainer(model, _train, settings);
        return InterruptedTraining.Run(
            trainer, step => step.EvaluationDue ? Evaluator.Evaluate(model, _dev).Metrics["accuracy"] : null, checkpoint, stopAfter, resume);
    }

    private TaskModel CreateModel(string method, double headDropout = 0.1, Backbone? backbone = null)
    {
        backbone ??= _backbone;
        using var rng = new Rng(4, Device.Cpu);
        var peft = PeftMethods.Get(method);
        return new TaskModel(
            _data.Task, backbone, peft.Attach(backbone, "a", peft.Defaults, rng),
            new PooledHead(new PooledHeadConfig(TaskKind.Classification, 3, Dropout: headDropout), TinyBackbones.Width, rng), 30);
    }
}
