using Graft.Backbones;
using Graft.Formats.Packages;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Batches;
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
        var training = settings.Training with
        {
            Method = method.Name, Set = package.Manifest.Config, Backbone = settings.Backbone ?? package.Manifest.Backbone.Source,
            Head = settings.Training.Head ?? Head(package), CheckpointEvery = 0, Resume = false,
        };
        var data = Rows(training, package);
        using var loaded = LoadedBackbone.Load(
            GraftModel.FindBackbone(package.Folder, package.Manifest.Backbone, settings.Backbone),
            new BackboneOptions(training.FrozenType, Device.Parse(training.Device), training.HeadPooling == Pooling.Pooler, training.Head == HeadKind.Pooled));
        using var stored = package.LoadAdapter(loaded.Backbone);
        using var known = TrainingForm.Of(stored, loaded.Backbone);
        CheckTuned(known, settings);
        var task = data.Task.Name;
        var (start, similarities, weights) = Start(settings, training, data, loaded, known);
        var trained = 0L;
        using var adapters = TrainedAdapters.Given(method, known.Config, loaded.Backbone, rng =>
        {
            var adapter = AdapterTasks.Add(known, loaded.Backbone, task, rng);
            try
            {
                NewTask.StartAt(adapter, task, weights);
                var held = Freeze(adapter, task, settings.Tune);
                trained = adapter.Parameters().Where(p => p.Trainable).Sum(p => p.Value.Count);
                return (adapter, held);
            }
            catch
            {
                adapter.Dispose();
                throw;
            }
        });
        var unit = new TrainUnit(task, [data]) { IsJoint = true };
        var report = new TrainTask(training, RunFolder.Open(training), loaded, method, known.Config, adapters, unit, (1, 1), progress).Run(cancellation).Tasks[0];
        using var model = TaskModelPackage.Load(AdapterPackage.Open(report.Package), loaded.Backbone);
        var place = settings.Join
            ? TaskModelPackage.AddTask(package, model, AdapterPackage.Open(report.Package).Manifest.Training).Task(task).Place
            : report.Package;
        return new AdaptReport(report with { Package = place }, place, start, similarities, weights, trained + model.Head.ParameterCount);
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

    // New tasks are answered as the known ones are.
    private static HeadKind? Head(JointPackage package) =>
        package.Tasks.Count == 0 ? null : TaskModelPackage.Head(package.Task(package.Tasks[0])) is PooledHeadConfig ? HeadKind.Pooled : HeadKind.Text;

    private static (TaskStart? Start, IReadOnlyDictionary<string, double> Similarities, IReadOnlyDictionary<string, double> Weights) Start(
        AdaptSettings settings, TrainSettings training, TaskData data, LoadedBackbone loaded, Adapter known)
    {
        var nothing = new Dictionary<string, double>(StringComparer.Ordinal);
        if (settings.From is { } from)
        {
            return known.Tasks.Contains(from, StringComparer.Ordinal)
                ? (null, nothing, new Dictionary<string, double>(StringComparer.Ordinal) { [from] = 1 })
                : throw new GraftException($"The package '{settings.Package}' does not hold the task '{from}'; {Suggest.Hint(from, known.Tasks)}");
        }

        if (known.Method is not IRetrievesTasks retriever || !retriever.Retrieves(known.Config) || known.Tasks.Count == 0)
        {
            return settings.Start is null or TaskStart.Fresh ? (TaskStart.Fresh, nothing, nothing) : throw new GraftException(
                $"{known.Method.Name} cannot tell with these settings which task rows are like, so that no nearest one is known; give --start fresh, or name a task with --from.");
        }

        var rows = Similarities(retriever, training, data, loaded, known);
        var start = settings.Start ?? TaskStart.Nearest;
        var weights = NewTask.Weights(rows, start, retriever.Temperature(known.Config));
        return (start, Named(NewTask.Means(rows)), start == TaskStart.Fresh ? nothing : Named(weights));

        IReadOnlyDictionary<string, double> Named(double[] values) =>
            known.Tasks.Zip(values).OrderByDescending(t => t.Second).ToDictionary(t => t.First, t => t.Second, StringComparer.Ordinal);
    }

    private static List<double[]> Similarities(IRetrievesTasks retriever, TrainSettings training, TaskData data, LoadedBackbone loaded, Adapter known)
    {
        var maxTokens = Math.Min(training.MaxTokens ?? 256, TaskModel.Room(loaded.Backbone, known.Method, known.Config));
        var rows = TokenizedRows.Create(data.Task, data.Train, loaded.Tokenizer, maxTokens, TaskHead.Of(training, data, loaded).Codec);
        List<double[]> similarities = [];
        foreach (var batch in Enumerable.Range(0, rows.Count).Chunk(32))
        {
            using var scope = new TensorScope();
            similarities.AddRange(retriever.Similarities(known, loaded.Backbone, rows.Batch(batch, loaded.Backbone.Device), known.Tasks));
        }

        return similarities;
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

    private static HashSet<string> Names(Adapter adapter) =>
        [.. adapter.NamedParameters().Where(p => adapter.TaskOf(p.Path) is null).Select(p => PartOf(p.Path))];

    // What is shared by name, such as shared.hypernetwork.layers; all else sits in blocks.
    private static string PartOf(string path) => path.Split('.') is ["shared", var name, ..] ? name : AdaptSettings.Blocks;
}
