using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Packages;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>
/// Adds a task to a trained adapter of several from a few rows: what <c>graft adapt</c> does. The task starts where its rows lie among the known
/// tasks, and what is chosen of the adapter trains on; other tasks' parts never do. Stateless; one call uses one thread besides libtorch's own.
/// </summary>
public static class Adapt
{
    /// <summary>Starts the task, trains it, and writes it into the package or into one of its own.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="progress">Told what happens, synchronously; null for nobody.</param>
    /// <param name="cancellation">Stops between steps; nothing is written then.</param>
    /// <exception cref="GraftException">A setting, file, task, or the loss is at fault.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static AdaptReport Run(AdaptSettings settings, Action<TrainProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(settings);
        if (settings.Join && settings.Tune.Any(t => t != AdaptSettings.Own))
        {
            throw new GraftException(
                $"Training '{string.Join(", ", settings.Tune)}' changes what the tasks of '{settings.Package}' share, so the new task cannot join them; give --out for a package of its own, or train its own part alone (--tune own).");
        }

        var package = JointPackage.Open(settings.Package);
        var method = PeftMethods.Get(package.Manifest.Method);
        var data = Rows(settings.Training, package);
        var training = Inherited(settings, package, data.Task.Kind) with
        {
            Method = method.Name, Set = package.Manifest.Config, Backbone = settings.Backbone ?? package.Manifest.Backbone.Source, CheckpointEvery = 0, Resume = false,
            HeadFactor = settings.HeadFactor ?? Factor(AdaptSettings.UsualHeadRate),
        };
        var ownFactor = settings.OwnFactor ?? Factor(AdaptSettings.UsualOwnRate);
        using var loaded = LoadedBackbone.Load(
            GraftModel.FindBackbone(package.Folder, package.Manifest.Backbone, settings.Backbone),
            new BackboneOptions(training.FrozenType, Device.Parse(training.Device), training.HeadPooling == Pooling.Pooler, training.Head == HeadKind.Pooled));
        using var stored = package.LoadAdapter(loaded.Backbone);
        using var known = TrainingForm.Of(stored, loaded.Backbone);
        CheckTuned(known, settings);
        var task = data.Task.Name;
        var start = AdaptStart.Find(settings, training, data, loaded, package, known, cancellation);
        var ownLosses = settings.OwnLosses ?? settings.Tune.Any(t => t != AdaptSettings.Own);
        var trained = 0L;
        using var adapters = TrainedAdapters.Given(method, known.Config, loaded.Backbone, rng =>
        {
            var adapter = AdapterTasks.Add(known, loaded.Backbone, task, rng);
            try
            {
                NewTask.StartAt(adapter, task, start.Weights);
                var held = Freeze(adapter, task, settings.Tune);
                Quicken(adapter, ownFactor);
                adapter.HasAuxiliaryLosses = ownLosses;
                trained = adapter.Parameters().Where(p => p.Trainable).Sum(p => p.Value.Count);
                return (adapter, held);
            }
            catch
            {
                adapter.Dispose();
                throw;
            }
        });
        var unit = new TrainUnit(task, [data])
        {
            IsJoint = true,
            Adapted = Described(settings, package, start, ownFactor, ownLosses),
            Begin = start.Head is { } head ? models => KnownHead.Take(package, head, models.Models[0]) : null,
        };
        var report = new TrainTask(training, RunFolder.Open(training, [task], unit.Adapted), loaded, method, known.Config, adapters, unit, (1, 1), progress).Run(cancellation).Tasks[0];
        using var model = TaskModelPackage.Load(AdapterPackage.Open(report.Package), loaded.Backbone);
        var place = settings.Join
            ? TaskModelPackage.AddTask(package, model, AdapterPackage.Open(report.Package).Manifest.Training).Task(task).Place
            : report.Package;
        return new AdaptReport(report with { Package = place }, place, start.How, start.Similarities, start.Weights, trained + model.Head.ParameterCount)
        {
            Scores = start.Scores,
            Head = start.Head,
        };

        // 0.01 / 0.003 is 3.33, and 0.003 / 0.003 is 1 whatever the last bit says.
        double Factor(double rate) => Math.Round(rate / method.DefaultLearningRate, 2);
    }

    private static TaskData Rows(TrainSettings training, JointPackage package)
    {
        if (training.Tasks.Count != 1)
        {
            throw new GraftException($"{training.Tasks.Count} tasks are named, and one is added at a time; name one with --task.");
        }

        var data = Train.Load(training.Tasks[0], training);
        return package.Tasks.Contains(data.Task.Name, StringComparer.Ordinal)
            ? throw new GraftException($"The package '{package.Folder}' holds the task '{data.Task.Name}'; give the new one another name, or take that one away.")
            : data;
    }

    // New tasks are answered as the known ones are: by the head of the task that is named to start at, or of the first one that asks alike, for places in
    // a text or for something about all of it. A setting that is said, or differs from what training has by itself, is not the package's.
    private static TrainSettings Inherited(AdaptSettings settings, JointPackage package, TaskKind kind)
    {
        var training = settings.Training;
        if (package.Tasks.Count == 0)
        {
            return training;
        }

        var known = package.Tasks.Where(t => t == settings.From).Concat(package.Tasks).Select(package.Task).ToList();
        if (known.Find(p => (TaskModelPackage.Task(p).Kind == TaskKind.Span) == (kind == TaskKind.Span)) is not { } pattern)
        {
            return training with { Head = training.Head ?? (TaskModelPackage.Head(known[0]) is TextHeadConfig ? HeadKind.Text : HeadKind.Pooled) };
        }

        var usual = new TrainSettings { Tasks = [], Out = "" };
        training = training with { MaxTokens = training.MaxTokens ?? pattern.Manifest.MaxTokens };
        return TaskModelPackage.Head(pattern) switch
        {
            PooledHeadConfig head when (training.Head ?? HeadKind.Pooled) == HeadKind.Pooled => training with
            {
                Head = HeadKind.Pooled,
                HeadPooling = Kept("head_pooling", t => t.HeadPooling, head.Pooling),
                HeadLayers = Kept("head_layers", t => t.HeadLayers, head.Layers),
                HeadDropout = Kept("head_dropout", t => t.HeadDropout, head.Dropout),
            },
            SpanHeadConfig head when (training.Head ?? HeadKind.Pooled) == HeadKind.Pooled => training with
            {
                Head = HeadKind.Pooled,
                HeadLayers = Kept("head_layers", t => t.HeadLayers, head.Layers),
                HeadDropout = Kept("head_dropout", t => t.HeadDropout, head.Dropout),
                Overlap = Kept("overlap", t => t.Overlap, head.Overlap),
                AnswerTokens = Kept("answer_tokens", t => t.AnswerTokens, head.Search.AnswerTokens),
                NBest = Kept("n_best", t => t.NBest, head.Search.NBest),
                NullThreshold = Kept("null_threshold", t => t.NullThreshold, head.Search.NullThreshold),
            },
            TextHeadConfig head when (training.Head ?? HeadKind.Text) == HeadKind.Text => training with
            {
                Head = HeadKind.Text,
                Beams = Kept("beams", t => t.Beams, head.Beams),
                LossReduction = Kept("loss_reduction", t => t.LossReduction, head.Reduction),
            },
            _ => training,
        };

        T Kept<T>(string key, Func<TrainSettings, T> of, T packages) =>
            settings.Given.Contains(key, StringComparer.Ordinal) || !EqualityComparer<T>.Default.Equals(of(training), of(usual)) ? of(training) : packages;
    }

    // What the package and the run's folder keep of how the task came about; rows, examples and seed are among the settings of its training.
    private static JsonObject Described(AdaptSettings settings, JointPackage package, AdaptStart start, double ownFactor, bool ownLosses)
    {
        var origin = AdaptReport.Origin(start);
        origin.Insert(0, "package", settings.Package);
        origin.Insert(1, "shared", package.Manifest.AdapterFile.Sha256);
        origin["tune"] = new JsonArray([.. settings.Tune.Select(t => (JsonNode)t)]);
        origin["own_factor"] = ownFactor;
        origin["own_losses"] = ownLosses;
        return origin;
    }

    // Found before rows are compared and before a folder is made.
    private static void CheckTuned(Adapter known, AdaptSettings settings)
    {
        if (!known.Method.SharesAcrossTasks)
        {
            throw new GraftException(
                $"The tasks of '{settings.Package}' share one adapter of {known.Method.Name}, which has nothing of a task's own to add; train the new task with them, or alone (graft train).");
        }

        var names = Names(known);
        foreach (var name in settings.Tune.Where(n => n is not (AdaptSettings.Own or AdaptSettings.All) && !names.Contains(n)))
        {
            throw new GraftException($"An adapter of {known.Method.Name} has no part '{name}' to train; {Suggest.Hint(name, [AdaptSettings.Own, .. names, AdaptSettings.All])}");
        }
    }

    /// <summary>Lets only the chosen parameters train; those of other tasks never do.</summary>
    /// <returns>What is held back.</returns>
    private static List<Parameter> Freeze(Adapter adapter, string task, IReadOnlyList<string> tune)
    {
        List<Parameter> held = [];
        foreach (var (path, parameter) in adapter.NamedParameters().Where(p => p.Parameter.Trainable))
        {
            var chosen = adapter.TaskOf(path) is { } of ? of == task && tune.Any(t => t is AdaptSettings.Own or AdaptSettings.All)
                : tune.Contains(AdaptSettings.All) || tune.Contains(PartOf(path));
            if (!chosen)
            {
                parameter.Trainable = false;
                held.Add(parameter);
            }
        }

        return adapter.Parameters().Any(p => p.Trainable) ? held : throw new GraftException(
            $"Nothing of the adapter of {adapter.Method.Name} can train with --tune {string.Join(',', tune)}: its package may keep that in a form that computes only; choose more of it.");
    }

    // A task's own vectors, such as a prototype, begin among those of other tasks: at the rate of matrices they would hardly leave their place.
    private static void Quicken(Adapter adapter, double factor)
    {
        List<Parameter> vectors = [.. adapter.NamedParameters().Where(p => p.Parameter.Trainable && adapter.TaskOf(p.Path) is not null && p.Parameter.Value.Rank < 2).Select(p => p.Parameter)];
        if (vectors.Count > 0)
        {
            adapter.Regroup(new AdapterGroup(AdaptSettings.Own, vectors) { Factor = factor });
        }
    }

    private static HashSet<string> Names(Adapter adapter) =>
        [.. adapter.NamedParameters().Where(p => adapter.TaskOf(p.Path) is null).Select(p => PartOf(p.Path))];

    // What is shared by name, such as shared.hypernetwork.layers; all else sits in blocks.
    private static string PartOf(string path) => path.Split('.') is ["shared", var name, ..] ? name : AdaptSettings.Blocks;
}
