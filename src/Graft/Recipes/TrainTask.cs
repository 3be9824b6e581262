using System.Diagnostics;
using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Evaluation;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Batches;
using Graft.Tasks.Heads;
using Graft.Torch;
using Graft.Training;

namespace Graft.Recipes;

/// <summary>Trains one task: the loop, what is logged and saved, and the report.</summary>
internal sealed class TrainTask(
    TrainSettings settings, RunFolder run, LoadedBackbone loaded, PeftMethod method, PeftConfig config,
    TrainedAdapters trained, TaskData data, (int Number, int Count) place, Action<TrainProgress>? progress)
{
    private readonly Backbone _backbone = loaded.Backbone;
    private readonly string _name = data.Task.Name;
    private readonly Stopwatch _clock = new();
    private IReadOnlyDictionary<string, double>? _bestOnDev;
    private TrainProgress _state = new(
        TrainPhase.Preparing, data.Task.Name, place.Number, place.Count, 0, 0, double.NaN, 0, null, data.Task.PrimaryMetric);

    /// <summary>Trains, or goes on, or returns the report of a finished task.</summary>
    public TaskReport Run(CancellationToken cancellation)
    {
        Tell(_state);
        var identity = settings.Identity(_name, _backbone.Fingerprint, data.Train.Concat(data.Dev));
        if (settings.Resume && run.Finished(_name, identity) is { } finished)
        {
            Tell(_state with { Phase = TrainPhase.Done, Report = finished, Note = "was finished before" });
            return finished;
        }

        var maxTokens = Math.Min(settings.MaxTokens ?? 256, TaskModel.Room(_backbone, method, config));
        var train = Tokenized(data.Train, maxTokens);
        var dev = Tokenized(data.Dev, maxTokens);
        using var model = CreateModel(maxTokens);
        using var trainer = new Trainer(model, train, settings.Loop(method.DefaultLearningRate));
        using var best = new BestOnDev(model);
        var checkpoint = run.Checkpoint(_name);
        var before = new RunState(identity, 0, 0);
        if (settings.Resume && File.Exists(checkpoint))
        {
            before = Checkpoint.Load(checkpoint, identity, trainer, best);
            Tell(_state with { Note = $"goes on after step {trainer.StepsDone}" });
        }

        using var log = RunLog.Open(run.Log(_name), before.LogBytes);
        if (before.LogBytes == 0)
        {
            LogStart(log, model, train, maxTokens);
        }

        _state = _state with { Phase = TrainPhase.Training, TotalSteps = trainer.TotalSteps, Step = trainer.StepsDone, BestDev = best.Metric };
        if (train.TruncatedRows > 0)
        {
            Tell(_state with { Note = $"{train.TruncatedRows} of {train.Count} training rows are longer than {maxTokens} tokens and lose their end" });
        }

        _clock.Start();
        var (rows, training) = (0, Stopwatch.StartNew());
        foreach (var step in Stopped(best) ? [] : trainer.Steps(cancellation))
        {
            rows += step.Rows;
            LogStep(log, step);
            _state = _state with { Step = step.Number, Loss = step.Loss, RowsPerSecond = rows / training.Elapsed.TotalSeconds };
            Tell(_state);
            if (step.EvaluationDue)
            {
                training.Stop();
                EvaluateOnDev(model, dev, best, step, log);
                training.Start();
            }

            if (settings.CheckpointEvery > 0 && (step.EvaluationDue || step.Number % settings.CheckpointEvery == 0))
            {
                Save();
            }

            if (Stopped(best))
            {
                break;
            }
        }

        training.Stop();
        _clock.Stop();
        if (cancellation.IsCancellationRequested && trainer.StepsDone < trainer.TotalSteps && !Stopped(best))
        {
            if (settings.CheckpointEvery == 0)
            {
                throw new OperationCanceledException(cancellation);
            }

            Save();
            throw new TrainingInterruptedException(_name, trainer.StepsDone, run.Root);
        }

        best.Restore();
        var report = Finish(model, dev, best, trainer, train, maxTokens, before.Seconds + _clock.Elapsed.TotalSeconds);
        log.Write("end", ("best_step", best.Step), ("report", report.ToJson()));
        run.Finish(report, identity);
        Tell(_state with { Phase = TrainPhase.Done, Report = report });
        return report;

        void Save() => Checkpoint.Save(
            checkpoint, trainer, best, new RunState(identity, log.Length, before.Seconds + _clock.Elapsed.TotalSeconds));
    }

    private TokenizedRows Tokenized(IReadOnlyList<Example> rows, int maxTokens) =>
        TokenizedRows.Create(data.Task, rows, loaded.Tokenizer, maxTokens);

    private TaskModel CreateModel(int maxTokens)
    {
        using var rng = new Rng(settings.Seed, Device.Cpu);
        var adapter = trained.Attach(_name, rng);
        var scores = data.Task.Kind == TaskKind.Regression ? data.Train.Select(r => r.Score).ToList() : [];
        var mean = scores.Count > 0 ? scores.Average() : 0;
        var deviation = scores.Count > 0 ? Math.Sqrt(scores.Average(s => (s - mean) * (s - mean))) : 1;
        var head = new PooledHead(
            new PooledHeadConfig(
                data.Task.Kind, data.Task.Outputs, settings.HeadPooling, settings.HeadDropout, mean, deviation > 0 ? deviation : 1, settings.HeadLayers),
            _backbone.Config.HiddenSize, rng);
        return new TaskModel(data.Task, _backbone, adapter, head, maxTokens);
    }

    private void EvaluateOnDev(TaskModel model, TokenizedRows dev, BestOnDev best, TrainStep step, RunLog log)
    {
        Tell(_state with { Phase = TrainPhase.Evaluating });
        var (metrics, _, observed) = Evaluator.Evaluate(model, dev);
        if (best.Offer(metrics[data.Task.PrimaryMetric], step.Number))
        {
            _bestOnDev = metrics;
        }

        _state = _state with { BestDev = best.Metric };
        List<(string Key, JsonNode? Value)> values = [("step", step.Number), ("metrics", Json(metrics)), ("best_step", best.Step)];
        if (observed.Count > 0)
        {
            values.Add(("observed", ObservedValue.ToJson(observed)));
        }

        log.Write("dev", [.. values]);
        Tell(_state);
    }

    private TaskReport Finish(
        TaskModel model, TokenizedRows dev, BestOnDev best, Trainer trainer, TokenizedRows train, int maxTokens, double seconds)
    {
        _state = _state with { Phase = TrainPhase.Finishing };
        Tell(_state);

        // The best state was evaluated when it came up, except where that was before an interruption.
        var onDev = _bestOnDev ?? Evaluator.Evaluate(model, dev).Metrics;
        var test = data.Test is { Count: > 0 } rows ? Tokenized(rows, maxTokens) : null;
        var onTest = test is null ? new Dictionary<string, double>(StringComparer.Ordinal) : Evaluator.Evaluate(model, test).Metrics;
        var folder = run.Package(_name);
        var summary = new JsonObject
        {
            ["settings"] = settings.ToJson(),
            ["train_rows"] = data.Train.Count,
            ["best_step"] = best.Step,
            ["dev"] = Json(onDev),
            ["test"] = Json(onTest),
        };
        var saved = TaskModelPackage.Save(model, folder, settings.Backbone, summary);
        var report = new TaskReport(
            _name, data.Task.Labels.Count, data.Train.Count, data.Task.PrimaryMetric, onDev, onTest, best.Step, trainer.StepsDone,
            model.Parameters().Where(p => p.Parameter.Trainable).Sum(p => p.Parameter.Value.Count),
            saved.AdapterBytes, saved.HeadBytes, folder, seconds, _state.RowsPerSecond, train.TruncatedRows);
        return settings.Baselines ? WithBaselines(report, train, dev, test) : report;
    }

    private TaskReport WithBaselines(TaskReport report, TokenizedRows train, TokenizedRows dev, TokenizedRows? test)
    {
        Tell(_state with { Phase = TrainPhase.Baselines });
        var probe = LinearProbe.Run(_backbone, train, dev, test);
        return report with
        {
            Majority = data.MajorityShare((test ?? dev).Examples.ToList()),
            LinearProbe = (probe.Test ?? probe.Dev)[data.Task.PrimaryMetric],
        };
    }

    private bool Stopped(BestOnDev best) => settings.Patience is { } patience && best.EvaluationsSince >= patience;

    private void LogStart(RunLog log, TaskModel model, TokenizedRows train, int maxTokens) => log.Write(
        "start",
        ("task", _name),
        ("settings", settings.ToJson()),
        ("config", method.WriteConfig(config)),
        ("backbone", _backbone.Fingerprint),
        ("train_rows", train.Count),
        ("dev_rows", data.Dev.Count),
        ("truncated_rows", train.TruncatedRows),
        ("max_tokens", maxTokens),
        ("trained_parameters", model.Parameters().Sum(p => p.Parameter.Value.Count)));

    private static void LogStep(RunLog log, TrainStep step) => log.Write(
        "step",
        ("step", step.Number),
        ("epoch", Math.Round(step.Epoch, 4)),
        ("loss", RunLog.Number(step.Loss)),
        ("gradient_norm", RunLog.Number(step.GradientNorm)),
        ("lr", step.LearningRate),
        ("rows", step.Rows),
        ("tokens", step.Tokens));

    private static JsonObject Json(IReadOnlyDictionary<string, double> metrics) =>
        new(metrics.Select(m => KeyValuePair.Create(m.Key, RunLog.Number(m.Value))));

    private void Tell(TrainProgress state) => progress?.Invoke(state);
}
