using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Packages;
using Graft.Formats.Sources;
using Graft.Methods.Core;
using Graft.Tasks.Corpora;
using Graft.Tasks.Heads;
using Graft.Torch;
using Graft.Training;

namespace Graft.Recipes.Pretraining;

/// <summary>
/// Does one pretraining: the loop, what is logged and saved, and the model that comes of it. Passes run on <c>passes</c>, the backbone itself or a copy
/// of a shorter type. Thread contract: one thread.
/// </summary>
internal sealed class PretrainWork(
    PretrainSettings settings, PretrainTexts texts, RunFolder run, LoadedBackbone loaded, Backbone passes, PeftMethod method, PeftConfig config, Action<PretrainProgress>? progress)
{
    /// <summary>What the files of the run are called.</summary>
    public const string Name = "pretrain";

    private const int LossesShown = 20;

    private readonly Backbone _backbone = loaded.Backbone;
    private readonly Queue<double> _losses = new();
    private readonly Stopwatch _clock = new();
    private readonly Stopwatch _stepping = new();
    private PretrainProgress _state = new(PretrainPhase.Reading, 0, 0, double.NaN, null, 0, null, 0);
    private LanguageScore? _before;
    private LanguageScore? _latest;
    private long _tokensBefore;
    private long _tokens;
    private int _stepsHere;

    /// <summary>Trains, or goes on, or returns the report of what is finished.</summary>
    public PretrainReport Run(CancellationToken cancellation)
    {
        using var model = CreateModel();
        using var whole = WholeAdapter(model.Adapter);
        var maxTokens = Math.Min(settings.ItemTokens, TaskModel.Room(_backbone, method, config));
        Tell(_state);
        var corpusIdentity = texts.Identity(loaded.Folder, maxTokens);
        var identity = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{settings.ToJson().ToJsonString()}\n{_backbone.Fingerprint}\n{corpusIdentity}")));
        if (settings.Resume && File.Exists(Path.Combine(run.Root, ModelFolder.Config)) && run.ReportOf(Name, identity) is { } json
            && PretrainReport.FromJson(json) is var finished && (finished.Adapter is not { } left || AdapterPackage.IsPackage(left)))
        {
            Tell(_state with { Phase = PretrainPhase.Done, Note = "was finished before" });
            return finished;
        }

        var corruption = PretrainCheck.Corruption(settings, _backbone, loaded.Tokenizer);
        using var corpus = texts.Open(run.Tokens, corpusIdentity, loaded.Tokenizer, maxTokens, corruption, read => Tell(_state with { Texts = read }), cancellation);
        var (train, dev) = texts.Split(corpus);
        // The method of all weights follows the recipe's learning rate, also where it leaves some alone; others follow their own.
        var loop = settings.Loop(train.Count, settings.Method == PretrainSettings.AllWeights ? null : method.DefaultLearningRate);
        var objective = new LanguageObjective(model, corpus, train, corruption, loop.BatchSize, settings.MicroBatch, settings.Seed);
        using var trainer = new Trainer(objective, loop);
        using var none = new BestOnDev(model);
        var checkpoint = run.Checkpoint(Name);
        var before = new RunState(identity, 0, 0);
        if (settings.Resume && File.Exists(checkpoint))
        {
            before = Checkpoint.Load(checkpoint, identity, trainer, none);
        }

        using var log = RunLog.Open(run.Log(Name), before.LogBytes);
        try
        {
            Begin(log, before, trainer, model, corpus, (train.Count, dev), objective, loop, cancellation);
        }
        catch (OperationCanceledException)
        {
            throw Interrupted(run, trainer.StepsDone);
        }

        _clock.Start();
        var saved = Stopwatch.StartNew();
        foreach (var step in Timed(trainer, cancellation))
        {
            Told(step, log, trainer, before.Seconds);
            if (step.EvaluationDue && dev.Count > 0)
            {
                try
                {
                    Evaluate(objective, dev, step.Number, log, before.Seconds, cancellation);
                }
                catch (OperationCanceledException)
                {
                    Save();
                    throw Interrupted(run, step.Number);
                }

                PretrainEvents.Write(run.Log(Name), run.Events);
            }

            if (saved.Elapsed.TotalMinutes >= settings.CheckpointMinutes && step.Number < trainer.TotalSteps)
            {
                Save();
                saved.Restart();
            }
        }

        if (trainer.StepsDone < trainer.TotalSteps)
        {
            Save();
            throw Interrupted(run, trainer.StepsDone);
        }

        _clock.Stop();
        Tell(_state with { Phase = PretrainPhase.Writing });
        var report = Finish(model, whole, corpus, maxTokens, (train, dev), objective, trainer, before.Seconds + _clock.Elapsed.TotalSeconds);
        log.Write("end", ("report", report.ToJson()));
        PretrainEvents.Write(run.Log(Name), run.Events);
        run.Finish(Name, report.ToJson(), identity);
        corpus.Dispose();
        File.Delete(run.Tokens);
        Tell(_state with { Phase = PretrainPhase.Done });
        return report;

        void Save() => Checkpoint.Save(checkpoint, trainer, none, new RunState(identity, log.Sync(), before.Seconds + _clock.Elapsed.TotalSeconds));
    }

    /// <summary>What says that a pretraining was stopped.</summary>
    /// <param name="run">The run.</param>
    /// <param name="step">The steps done.</param>
    public static TrainingInterruptedException Interrupted(RunFolder run, int step) =>
        new(Path.GetFileName(Path.TrimEndingDirectorySeparator(run.Root)), step, run.Root);

    private LanguageModel CreateModel()
    {
        using var rng = new Rng(settings.Seed, Device.Cpu);
        var adapter = method.Attach(passes, Name, config, rng);
        try
        {
            return new LanguageModel(
                passes, adapter, _backbone.MaskedHead is null ? null : MaskedWordHead.Load(loaded.Folder, _backbone, rng), loaded.Tokenizer.PadId ?? 0);
        }
        catch
        {
            adapter.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The adapter at the backbone itself where passes run on a copy: what trains begins at its values, not at rounded ones, and in the end is folded
    /// through it. Null where passes run on the backbone.
    /// </summary>
    private Adapter? WholeAdapter(Adapter trained)
    {
        if (ReferenceEquals(passes, _backbone))
        {
            return null;
        }

        using var rng = new Rng(settings.Seed, Device.Cpu);
        var whole = method.Attach(_backbone, Name, config, rng);
        Copy(whole, trained);
        return whole;
    }

    private static void Copy(Adapter from, Adapter to)
    {
        foreach (var (target, source) in to.Parameters().Zip(from.Parameters()))
        {
            target.Assign(source.Value);
        }
    }

    private void Begin(
        RunLog log, RunState before, Trainer trainer, LanguageModel model, TokenCorpus corpus, (int Train, IReadOnlyList<int> Dev) items, LanguageObjective objective,
        TrainingSettings loop, CancellationToken cancellation)
    {
        _state = _state with { Phase = PretrainPhase.Training, TotalSteps = trainer.TotalSteps, Step = trainer.StepsDone };
        var judged = -1;
        if (corpus.UnknownItems > 0)
        {
            Tell(_state with { Note = $"{Amounts.Count(corpus.UnknownItems)} texts have no token that the tokenizer knows and are left out" });
        }

        if (before.LogBytes > 0)
        {
            (_before, _latest, judged, _tokensBefore) = PretrainLog.Read(run.Log(Name));
            _state = _state with { DevLoss = _latest?.Loss };
            Tell(_state with { Note = $"goes on after step {trainer.StepsDone}" });
        }

        if (corpus.CutItems > 0)
        {
            Tell(_state with { Note = $"{Amounts.Count(corpus.CutItems)} of {Amounts.Count(corpus.Count)} texts are longer than the model reads at once and lose their end" });
        }

        if (before.LogBytes > 0)
        {
            // It was stopped while it evaluated.
            if (items.Dev.Count > 0 && judged < trainer.StepsDone && trainer.EvaluationDue(trainer.StepsDone))
            {
                Evaluate(objective, items.Dev, trainer.StepsDone, log, before.Seconds, cancellation);
            }

            return;
        }

        log.Write(
            "start", ("began", DateTimeOffset.UtcNow.ToUnixTimeSeconds()), ("settings", settings.ToJson()), ("config", method.WriteConfig(config)),
            ("backbone", _backbone.Fingerprint), ("head_was_pretrained", model.Head?.IsPretrained ?? true), ("texts", items.Train), ("dev_texts", items.Dev.Count),
            ("tokens", corpus.Tokens), ("cut_texts", corpus.CutItems), ("unknown_texts", corpus.UnknownItems), ("steps", trainer.TotalSteps), ("batch", loop.BatchSize), ("lr", loop.LearningRate),
            ("trained_parameters", model.Parameters().Where(p => p.Parameter.Trainable).Sum(p => p.Parameter.Value.Count)));
        if (items.Dev.Count > 0)
        {
            Evaluate(objective, items.Dev, 0, log, 0, cancellation);
        }
    }

    private IEnumerable<TrainStep> Timed(Trainer trainer, CancellationToken cancellation)
    {
        _stepping.Start();
        foreach (var step in trainer.Steps(cancellation))
        {
            _stepping.Stop();
            yield return step;
            _stepping.Start();
        }

        _stepping.Stop();
    }

    private void Told(TrainStep step, RunLog log, Trainer trainer, double secondsBefore)
    {
        _tokens += step.Tokens;
        _losses.Enqueue(step.Loss);
        if (_losses.Count > LossesShown)
        {
            _losses.Dequeue();
        }

        PretrainLog.Step(log, step, secondsBefore + _clock.Elapsed.TotalSeconds);
        _state = _state with
        {
            Step = step.Number,
            Loss = _losses.Average(),
            TokensPerSecond = _tokens / _stepping.Elapsed.TotalSeconds,
            SecondsLeft = _clock.Elapsed.TotalSeconds / ++_stepsHere * (trainer.TotalSteps - step.Number),
        };
        Tell(_state);
    }

    private void Evaluate(LanguageObjective objective, IReadOnlyList<int> dev, int step, RunLog log, double secondsBefore, CancellationToken cancellation)
    {
        Tell(_state with { Phase = PretrainPhase.Evaluating });
        _latest = objective.Evaluate(dev, cancellation);
        _before ??= _latest;
        PretrainLog.Dev(log, step, _latest.Value, secondsBefore + _clock.Elapsed.TotalSeconds);
        _state = _state with { DevLoss = _latest.Value.Loss };
        Tell(_state);
    }

    private PretrainReport Finish(
        LanguageModel model, Adapter? whole, TokenCorpus corpus, int maxTokens, (IReadOnlyList<int> Train, IReadOnlyList<int> Dev) items, LanguageObjective objective, Trainer trainer,
        double seconds)
    {
        var trained = model.Parameters().Where(p => p.Parameter.Trainable).Sum(p => p.Parameter.Value.Count);
        using var scope = new TensorScope();

        if (whole is not null)
        {
            Copy(model.Adapter, whole);
        }

        var adapter = whole ?? model.Adapter;
        var folds = WeightMerger.CanMerge(adapter, _backbone);

        // After hours of training a difference is told, not refused; what is not finite still is.
        using var merged = folds
            ? WeightMerger.Merge(_backbone, adapter, objective.Probe(items.Train[0]), double.MaxValue, output => output.Logits ?? output.LastHiddenState)
            : null;
        if (!folds)
        {
            TaskModelPackage.Save(adapter, _backbone, maxTokens, run.Package(PretrainedFolder.AdapterName), settings.Backbone, new JsonObject { ["settings"] = settings.ToJson() });
        }

        var architecture = PretrainedFolder.Write(run.Root, _backbone, model.Head, loaded.Folder);
        using var written = Backbone.Load(run.Root);
        return new PretrainReport(
            run.Root, architecture, written.Fingerprint, items.Train.Count, items.Train.Sum(i => (long)corpus.Lengths[i]), corpus.CutItems, items.Dev.Count, trainer.StepsDone,
            _tokensBefore + _tokens, trained, model.Head?.IsPretrained ?? true, _before?.Loss, _latest?.Loss, _latest?.Accuracy, seconds,
            _stepping.Elapsed.TotalSeconds > 0 ? _tokens / _stepping.Elapsed.TotalSeconds : 0, merged?.MaxRelativeDifference ?? 0)
        {
            Adapter = folds ? null : run.Package(PretrainedFolder.AdapterName),
        };
    }

    private void Tell(PretrainProgress state) => progress?.Invoke(state);
}
