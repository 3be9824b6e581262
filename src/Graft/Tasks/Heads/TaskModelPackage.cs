using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Packages;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Tasks.Heads;

/// <summary>Saves a task's model as a package and loads it back, bit for bit. Stateless; saving to one folder is for one thread.</summary>
public static class TaskModelPackage
{
    /// <summary>Writes a model as a package, its adapter in the compact form; one that is there is replaced in one step.</summary>
    /// <param name="model">The model.</param>
    /// <param name="folder">The folder.</param>
    /// <param name="source">The name that the backbone was asked for by: <c>minilm</c>, <c>hf:ORG/NAME</c>, or a folder, of which the last part is kept.</param>
    /// <param name="training">How it was trained and what came of it: settings, data sizes, dev metrics; null for nothing.</param>
    /// <returns>The package.</returns>
    /// <exception cref="GraftException">The folder holds something else, the disk is full, or the place cannot be written; nothing changes then.</exception>
    public static AdapterPackage Save(TaskModel model, string folder, string? source = null, JsonObject? training = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        return Save(
            model.Adapter, model.Backbone, folder, new PackageContent(Described(model.Task), HeadSettings.ToJson(model.Head.Config), model.Head, model.MaxTokens), source, training);
    }

    /// <summary>
    /// Writes an adapter that pretraining left as a package of no task, in the compact form: what a training can begin at (<c>graft train --start</c>).
    /// One that is there is replaced in one step.
    /// </summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="backbone">The backbone that it was trained on.</param>
    /// <param name="maxTokens">The longest text in tokens.</param>
    /// <param name="folder">The folder.</param>
    /// <param name="source">The name that the backbone was asked for by, as in <see cref="Save(TaskModel, string, string?, JsonObject?)"/>.</param>
    /// <param name="training">How it was trained; null for nothing.</param>
    /// <exception cref="GraftException">The folder holds something else, the disk is full, or the place cannot be written; nothing changes then.</exception>
    public static AdapterPackage Save(Adapter adapter, Backbone backbone, int maxTokens, string folder, string? source = null, JsonObject? training = null)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        ArgumentNullException.ThrowIfNull(backbone);
        using var none = new NoHead();
        return Save(adapter, backbone, folder, new PackageContent(new PackageTask(adapter.Name, PackageTask.Pretraining, [], [], false), [], none, maxTokens), source, training);
    }

    private static AdapterPackage Save(Adapter trained, Backbone backbone, string folder, PackageContent content, string? source, JsonObject? training) =>
        Compact(trained, backbone, adapter => AdapterPackage.Save(
            folder,
            (adapterFile, headFile) => new PackageManifest(
                adapter.Method.Name, adapter.Method.WriteConfig(adapter.Config), content.Task, content.HeadSettings, content.MaxTokens, Described(backbone, source),
                training ?? [], PackageManifest.OwnVersions())
            { AdapterFile = adapterFile, HeadFile = headFile },
            adapter,
            content.Head));

    /// <summary>
    /// Writes models of tasks that share an adapter as one package, the adapter in the compact form: what is shared once, and a small part for each
    /// task; one that is there is replaced in one step.
    /// </summary>
    /// <param name="models">The models.</param>
    /// <param name="folder">The folder.</param>
    /// <param name="source">The name that the backbone was asked for by: <c>minilm</c>, <c>hf:ORG/NAME</c>, or a folder, of which the last part is kept.</param>
    /// <param name="training">How they were trained; null for nothing.</param>
    /// <param name="ofTask">How a task was trained and what came of it; null for nothing.</param>
    /// <exception cref="GraftException">The folder holds something else, the disk is full, or the place cannot be written; nothing changes then.</exception>
    public static JointPackage Save(
        TaskModels models, string folder, string? source = null, JsonObject? training = null, Func<TaskModel, JsonObject>? ofTask = null)
    {
        ArgumentNullException.ThrowIfNull(models);
        return Compact(models.Adapter, models.Backbone, adapter => JointPackage.Save(
            folder,
            adapterFile => new JointManifest(
                adapter.Method.Name, adapter.Method.WriteConfig(adapter.Config), Described(models.Backbone, source), training ?? [], PackageManifest.OwnVersions())
            { AdapterFile = adapterFile },
            adapter,
            [.. models.Models.Select(m => Described(m, ofTask?.Invoke(m)))]));
    }

    /// <summary>Adds a task to a package of several, or replaces one; no other file is touched.</summary>
    /// <param name="package">The package.</param>
    /// <param name="model">The task's model; what its adapter shares has to be the package's, bit for bit.</param>
    /// <param name="training">How it was trained and what came of it; null for nothing.</param>
    /// <exception cref="GraftException">The adapter shares something else, or the place cannot be written; nothing changes then.</exception>
    public static JointPackage AddTask(JointPackage package, TaskModel model, JsonObject? training = null)
    {
        ArgumentNullException.ThrowIfNull(package);
        ArgumentNullException.ThrowIfNull(model);
        return Compact(model.Adapter, model.Backbone, adapter => package.AddTask(adapter, Described(model, training)));
    }

    private static T Compact<T>(Adapter trained, Backbone backbone, Func<Adapter, T> save)
    {
        var adapter = CompactForm.Of(trained, backbone);
        try
        {
            return save(adapter);
        }
        finally
        {
            if (!ReferenceEquals(adapter, trained))
            {
                adapter.Dispose();
            }
        }
    }

    private static JointTask Described(TaskModel model, JsonObject? training) =>
        new(Described(model.Task), HeadSettings.ToJson(model.Head.Config), model.Head, model.MaxTokens, training ?? []);

    private static PackageTask Described(TaskDefinition task) => new(task.Name, HeadSettings.Name(task.Kind), task.Labels, task.MetricNames, task.IsPair);

    private static PackageBackbone Described(Backbone backbone, string? source) =>
        new(backbone.Config.ModelType, backbone.Config.HiddenSize, backbone.Config.Layers, SourceName(source), backbone.Fingerprint);

    /// <summary>Loads a package onto the backbone that it was trained on.</summary>
    /// <param name="folder">The package's folder.</param>
    /// <param name="backbone">The backbone; not owned.</param>
    /// <exception cref="GraftException">No package, another backbone, or a key, shape or setting that does not fit.</exception>
    public static TaskModel Load(string folder, Backbone backbone) => Load(AdapterPackage.Open(folder), backbone);

    /// <summary>Loads a package onto the backbone that it was trained on.</summary>
    /// <param name="package">The package.</param>
    /// <param name="backbone">The backbone; not owned.</param>
    /// <exception cref="GraftException">Another backbone, or a key, shape or setting that does not fit.</exception>
    public static TaskModel Load(AdapterPackage package, Backbone backbone)
    {
        ArgumentNullException.ThrowIfNull(package);
        return Load([package], backbone)[0];
    }

    /// <summary>Loads packages onto the backbone that they were trained on; tasks of one package of several get one adapter.</summary>
    /// <param name="packages">The packages.</param>
    /// <param name="backbone">The backbone; not owned.</param>
    /// <exception cref="GraftException">Another backbone, or a key, shape or setting that does not fit.</exception>
    public static IReadOnlyList<TaskModel> Load(IReadOnlyList<AdapterPackage> packages, Backbone backbone)
    {
        ArgumentNullException.ThrowIfNull(packages);
        ArgumentNullException.ThrowIfNull(backbone);
        var adapters = new Dictionary<string, Adapter>(StringComparer.Ordinal);
        var models = new List<TaskModel>();
        try
        {
            foreach (var package in packages)
            {
                var (task, config) = (Task(package), Head(package));
                if (!adapters.TryGetValue(package.Folder, out var adapter))
                {
                    string[] together = [.. packages.Where(p => p.Folder == package.Folder).Select(p => p.Manifest.Task.Name).Distinct(StringComparer.Ordinal)];
                    adapters.Add(package.Folder, adapter = package.Joint?.LoadAdapter(backbone, together) ?? package.LoadAdapter(backbone));
                }

                using var rng = new Rng(0, Device.Cpu);
                var head = package.LoadHead(HeadSettings.Create(config, backbone, rng));
                models.Add(new TaskModel(task, backbone, adapter, head, Math.Min(package.Manifest.MaxTokens, backbone.Config.MaxTokens)));
            }

            return models;
        }
        catch
        {
            models.ForEach(m => m.Dispose());
            adapters.Values.ToList().ForEach(a => a.Dispose());
            throw;
        }
    }

    /// <summary>What a package predicts.</summary>
    /// <param name="package">The package.</param>
    /// <exception cref="GraftException">The manifest names an unknown kind or metric, or too few labels.</exception>
    public static TaskDefinition Task(AdapterPackage package)
    {
        ArgumentNullException.ThrowIfNull(package);
        var (path, stored) = (ManifestOf(package), package.Manifest.Task);
        if (!package.HasTask)
        {
            throw new GraftException($"'{package.Place}' is an adapter that pretraining left, which answers no task yet; train one that begins at it with graft train --start {package.Place}.");
        }

        var kind = HeadSettings.Choice<TaskKind>(path, "task.kind", stored.Kind);
        var least = kind switch { TaskKind.Classification => 2, TaskKind.Multilabel => 1, _ => 0 };
        if (stored.Labels.Count < least || (kind is TaskKind.Regression or TaskKind.Span && stored.Labels.Count > 0) || stored.Labels.Distinct(StringComparer.Ordinal).Count() != stored.Labels.Count)
        {
            throw new GraftException($"{path}: 'task.labels' has {stored.Labels.Count} labels, which is no list for a {stored.Kind} task; take the package from where it was trained again.");
        }

        if (stored.Metrics.Count == 0)
        {
            throw new GraftException($"{path}: 'task.metrics' is missing or empty, expected at least one metric; take the package from where it was trained again.");
        }

        foreach (var metric in stored.Metrics)
        {
            if (!Metrics.All.Any(m => m.Name == metric))
            {
                throw new GraftException($"{path}: there is no metric '{metric}'; {Suggest.Hint(metric, [.. Metrics.All.Select(m => m.Name)])}");
            }

            Metrics.Check(metric, kind, stored.Labels.Count, path);
        }

        return new TaskDefinition(stored.Name, kind, stored.Labels, stored.Metrics, stored.Pair);
    }

    /// <summary>The settings of a package's head.</summary>
    /// <param name="package">The package.</param>
    /// <exception cref="GraftException">A setting is unknown or has a value out of range.</exception>
    public static HeadConfig Head(AdapterPackage package)
    {
        ArgumentNullException.ThrowIfNull(package);
        return HeadSettings.Read(package.Manifest.Head, Task(package), ManifestOf(package));
    }

    /// <summary>Which parts of its backbone a package was trained on: those that its head reads.</summary>
    /// <param name="package">The package.</param>
    /// <exception cref="GraftException">A setting of the head is unknown or has a value out of range.</exception>
    public static BackboneOptions Parts(AdapterPackage package)
    {
        var head = Head(package);
        return new BackboneOptions(Pooler: head is PooledHeadConfig { Pooling: Pooling.Pooler }, EncoderOnly: head is not TextHeadConfig);
    }

    // What a package has besides its adapter.
    private sealed record PackageContent(PackageTask Task, JsonObject HeadSettings, Module Head, int MaxTokens);

    private sealed class NoHead : Module;

    private static string ManifestOf(AdapterPackage package) => package.ManifestPath;

    private static string SourceName(string? source) => source is null ? "unnamed"
        : Directory.Exists(source) ? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(source)))
        : source;
}
