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
        var adapter = CompactForm.Of(model.Adapter, model.Backbone);
        try
        {
            return Save(model, adapter, folder, source, training);
        }
        finally
        {
            if (!ReferenceEquals(adapter, model.Adapter))
            {
                adapter.Dispose();
            }
        }
    }

    private static AdapterPackage Save(TaskModel model, Adapter adapter, string folder, string? source, JsonObject? training)
    {
        var (task, backbone) = (model.Task, model.Backbone);
        return AdapterPackage.Save(
            folder,
            (adapterFile, headFile) => new PackageManifest(
                adapter.Method.Name,
                adapter.Method.WriteConfig(adapter.Config),
                new PackageTask(task.Name, HeadSettings.Name(task.Kind), task.Labels, task.MetricNames, task.IsPair),
                HeadSettings.ToJson(model.Head.Config),
                model.MaxTokens,
                new PackageBackbone(
                    backbone.Config.ModelType, backbone.Config.HiddenSize, backbone.Config.Layers, SourceName(source), backbone.Fingerprint),
                training ?? [],
                PackageManifest.OwnVersions())
            { AdapterFile = adapterFile, HeadFile = headFile },
            adapter,
            model.Head);
    }

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
        ArgumentNullException.ThrowIfNull(backbone);
        var task = Task(package);
        var config = Head(package);
        var adapter = package.LoadAdapter(backbone);
        try
        {
            using var rng = new Rng(0, Device.Cpu);
            var head = package.LoadHead(HeadSettings.Create(config, backbone, rng));
            return new TaskModel(task, backbone, adapter, head, Math.Min(package.Manifest.MaxTokens, backbone.Config.MaxTokens));
        }
        catch
        {
            adapter.Dispose();
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
        var kind = HeadSettings.Choice<TaskKind>(path, "task.kind", stored.Kind);
        var least = kind switch { TaskKind.Classification => 2, TaskKind.Multilabel => 1, _ => 0 };
        if (stored.Labels.Count < least || (kind == TaskKind.Regression && stored.Labels.Count > 0) || stored.Labels.Distinct(StringComparer.Ordinal).Count() != stored.Labels.Count)
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

    private static string ManifestOf(AdapterPackage package) => Path.Combine(package.Folder, AdapterPackage.ManifestName);

    private static string SourceName(string? source) => source is null ? "unnamed"
        : Directory.Exists(source) ? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(source)))
        : source;
}
