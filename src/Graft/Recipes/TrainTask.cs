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

/// <summary>What is trained in one go: a task, or several on one adapter. Immutable.</summary>
/// <param name="Name">What its files are called: the task's name, or <see cref="Joint"/>.</param>
/// <param name="Tasks">The tasks with their rows, at least one.</param>
internal sealed record TrainUnit(string Name, IReadOnlyList<TaskData> Tasks)
{
    /// <summary>What the files of a joint training are called.</summary>
    public const string Joint = "joint";

    /// <summary>Whether the tasks share an adapter and become one package.</summary>
    public bool IsJoint { get; init; }

    /// <summary>The trained adapter that this one comes of, and how; null for one that begins anew.</summary>
    public JsonObject? Adapted { get; init; }

    /// <summary>Gives the models what they begin with besides adapters and chance; null for nothing.</summary>
    public Action<TaskModels>? Begin { get; init; }

    /// <summary>What the best step is chosen by, for people.</summary>
    public string Metric => IsJoint ? "average" : Tasks[0].Task.PrimaryMetric;
}

/// <summary>Trains one task, or several on one adapter: the loop, what is logged and saved, and the reports.</summary>
internal sealed class TrainTask(
    TrainSettings settings, RunFolder run, LoadedBackbone loaded, PeftMethod method, PeftConfig config,
    TrainedAdapters trained, TrainUnit unit, (int Number, int Count) place, Action<TrainProgress>? progress)
{
    private readonly Backbone _backbone = loaded.Backbone;
    private readonly IReadOnlyDictionary<string, TaskHead> _heads =
        unit.Tasks.ToDictionary(t => t.Task.Name, t => TaskHead.Of(settings, t, loaded), StringComparer.Ordinal);
    private readonly Stopwatch _clock = new();
    private IReadOnlyList<IReadOnlyDictionary<string, double>>? _bestOnDev;
    private TrainProgress _state = new(TrainPhase.Preparing, unit.Name, place.Number, place.Count, 0, 0, double.NaN, 0, null, unit.Metric);

    /// <summary>Trains, or goes on, or returns the report of what is finished.</summary>
    public UnitReport Run(CancellationToken cancellation)
    {
        Tell(_state);
        var identity = settings.Identity(
            string.Join('+', unit.Tasks.Select(Identified)), _backbone.Fingerprint, unit.Tasks.SelectMany(t => t.Train.Concat(t.Dev)), method, config);
        if (settings.Resume && run.Finished(unit.Name, identity) is { } finished)
        {
            return Done(finished, "was finished before");
        }

        var train = unit.Tasks.Select(t => Tokenized(t, t.Train)).ToList();
        var dev = unit.Tasks.Select(t => Tokenized(t, t.Dev)).ToList();
        using var models = CreateModels();
        using var trainer = new Trainer(models, train, settings.Loop(method.DefaultLearningRate));
        using var best = new BestOnDev(models);
        var checkpoint = run.Checkpoint(unit.Name);
        var before = new RunState(identity, 0, 0);
        if (settings.Resume && File.Exists(checkpoint))
        {
            before = Checkpoint.Load(checkpoint, identity, trainer, best);
            Tell(_state with { Note = $"goes on after step {trainer.StepsDone}" });
        }

        using var log = RunLog.Open(run.Log(unit.Name), before.LogBytes);
        if (before.LogBytes == 0)
        {
            TrainLog.Start(log, unit, settings, method.WriteConfig(config), models, train);
        }

        _state = _state with { Phase = TrainPhase.Training, TotalSteps = trainer.TotalSteps, Step = trainer.StepsDone, BestDev = best.Metric };
        if (train.Sum(t => t.TruncatedRows) is > 0 and var truncated)
        {
            Tell(_state with { Note = $"{truncated} of {train.Sum(t => t.Count)} training rows are longer than {models.Models.Max(m => m.MaxTokens)} tokens and lose their end" });
        }

        foreach (var data in unit.Tasks)
        {
            data.Notes.ToList().ForEach(note => Tell(_state with { Note = unit.IsJoint ? $"{data.Task.Name}: {note}" : note }));
        }

        _clock.Start();
        var (rows, training) = (0, Stopwatch.StartNew());
        foreach (var step in Stopped(best) ? [] : trainer.Steps(cancellation))
        {
            rows += step.Rows;
            TrainLog.Step(log, unit, step);
            _state = _state with { Step = step.Number, Loss = step.Loss, RowsPerSecond = rows / training.Elapsed.TotalSeconds };
            Tell(_state);
            if (step.EvaluationDue)
            {
                training.Stop();
                EvaluateOnDev(models, dev, best, step, log);
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
            throw new TrainingInterruptedException(unit.Name, trainer.StepsDone, run.Root);
        }

        best.Restore();
        trained.Release();
        var report = Finish(models, train, dev, (best.Step, trainer.StepsDone), before.Seconds + _clock.Elapsed.TotalSeconds);
        log.Write("end", ("best_step", best.Step), ("report", report.ToJson()));
        run.Finish(unit.Name, report.ToJson(), identity);
        return Done(report, null);

        void Save() => Checkpoint.Save(
            checkpoint, trainer, best, new RunState(identity, log.Sync(), before.Seconds + _clock.Elapsed.TotalSeconds));
    }

    // How rows are written is part of what is trained; without a text head a task's name alone is, as it was before there were such heads.
    private string Identified(TaskData data) => _heads[data.Task.Name] is { Codec: not null, Config: var config }
        ? $"{data.Task.Name} {HeadSettings.ToJson(config).ToJsonString()}"
        : data.Task.Name;

    private int MaxTokens(TaskData data) => TaskHead.Tokens(data.Task, settings.MaxTokens, TaskModel.Room(_backbone, method, config));

    private TokenizedRows Tokenized(TaskData data, IReadOnlyList<Example> rows) =>
        _heads[data.Task.Name].Tokenize(data.Task, rows, loaded.Tokenizer, MaxTokens(data));

    private TaskModels CreateModels()
    {
        using var rng = new Rng(settings.Seed, Device.Cpu);
        var adapter = trained.Attach(unit.Name, rng, unit.IsJoint && method.SharesAcrossTasks ? [.. unit.Tasks.Select(t => t.Task.Name)] : null);
        var models = new TaskModels([.. unit.Tasks.Select(data =>
            new TaskModel(data.Task, _backbone, adapter, HeadSettings.Create(_heads[data.Task.Name].Config, _backbone, rng), MaxTokens(data)))]);
        unit.Begin?.Invoke(models);
        return models;
    }

    private void EvaluateOnDev(TaskModels models, IReadOnlyList<TokenizedRows> dev, BestOnDev best, TrainStep step, RunLog log)
    {
        Tell(_state with { Phase = TrainPhase.Evaluating });
        var results = models.Models.Zip(dev, (model, rows) => Evaluator.Evaluate(model, rows)).ToList();
        if (best.Offer(UnitReport.Average(unit.Tasks, [.. results.Select(r => r.Metrics)]), step.Number))
        {
            _bestOnDev = [.. results.Select(r => r.Metrics)];
        }

        _state = _state with { BestDev = best.Metric };
        TrainLog.Dev(log, unit, step.Number, best.Step, results);
        Tell(_state);
    }

    private UnitReport Finish(
        TaskModels models, IReadOnlyList<TokenizedRows> train, IReadOnlyList<TokenizedRows> dev, (int Best, int Done) steps, double seconds)
    {
        _state = _state with { Phase = TrainPhase.Finishing };
        Tell(_state);

        // The best state was evaluated when it came up, except where that was before an interruption.
        var onDev = _bestOnDev ?? [.. models.Models.Zip(dev, (model, rows) => Evaluator.Evaluate(model, rows).Metrics)];
        var test = unit.Tasks.Select(t => t.Test is { Count: > 0 } rows ? Tokenized(t, rows) : null).ToList();
        var onTest = models.Models.Zip(test, (model, rows) => rows is null ? new Dictionary<string, double>(StringComparer.Ordinal) : Evaluator.Evaluate(model, rows).Metrics).ToList();
        var package = new TrainedPackage(settings, unit, run.Package(unit.Name)).Save(models, steps.Best, onDev, onTest);
        var reports = unit.Tasks.Select((data, i) => new TaskReport(
            data.Task.Name, data.Task.Labels.Count, data.Train.Count, data.Task.PrimaryMetric, onDev[i], onTest[i], steps.Best, steps.Done,
            package[i].Parameters, package[i].AdapterBytes, package[i].HeadBytes, package[i].Place, seconds / unit.Tasks.Count, _state.RowsPerSecond, train[i].TruncatedRows)).ToList();
        if (settings.Baselines)
        {
            Tell(_state with { Phase = TrainPhase.Baselines });
            reports = [.. reports.Select((r, i) => WithBaselines(r, unit.Tasks[i], train[i], dev[i], test[i]))];
        }

        return new UnitReport(reports, unit.IsJoint ? JointReport.Of(reports, models.Adapter, run.Package(unit.Name), seconds) : null);
    }

    private TaskReport WithBaselines(TaskReport report, TaskData data, TokenizedRows train, TokenizedRows dev, TokenizedRows? test)
    {
        // Pieces of a text are no classes: neither a commonest one nor one vector of a text tells them.
        if (data.Task.Kind == TaskKind.Span)
        {
            return report;
        }

        var probe = LinearProbe.Run(_backbone, train, dev, test);
        return report with
        {
            Majority = data.MajorityShare((test ?? dev).Examples.ToList()),
            LinearProbe = (probe.Test ?? probe.Dev)[data.Task.PrimaryMetric],
        };
    }

    private bool Stopped(BestOnDev best) => settings.Patience is { } patience && best.EvaluationsSince >= patience;

    private UnitReport Done(UnitReport report, string? note)
    {
        Tell(_state with { Phase = TrainPhase.Done, Report = report.Joint is null ? report.Tasks[0] : null, Note = note });
        return report;
    }

    private void Tell(TrainProgress state) => progress?.Invoke(state);
}
