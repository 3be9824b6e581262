using Graft.Backbones;
using Graft.Formats.Packages;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>
/// Trains tasks on one loaded backbone: what <c>graft train</c> does. One after another, a package each; or together on one adapter, as one package,
/// where the method's adapters hold several tasks or the settings ask for it. Stateless; one call uses one thread besides libtorch's own.
/// </summary>
public static class Train
{
    private const string SettingsSource = "the settings of the method";

    /// <summary>Trains every task of the settings.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="progress">Told what happens, synchronously; null for nobody.</param>
    /// <param name="cancellation">Stops between steps, after a checkpoint.</param>
    /// <exception cref="GraftException">A setting, file, task, or the loss is at fault.</exception>
    /// <exception cref="TrainingInterruptedException">It was cancelled; a call with <c>Resume</c> goes on bit for bit.</exception>
    public static TrainReport Run(
        TrainSettings settings, Action<TrainProgress>? progress = null, CancellationToken cancellation = default)
    {
        // What can be wrong without a model is found before one is loaded.
        var method = PeftMethods.Get(settings.Method);
        _ = method.ReadConfig(TrainedAdapters.Settings(Start(settings, method), settings.Set), SettingsSource);

        var tasks = settings.Tasks.Select(t => Load(t, settings)).ToList();
        if (tasks.GroupBy(t => t.Task.Name, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
        {
            throw new GraftException($"The task '{twice.Key}' is named twice; name each task once.");
        }

        using var loaded = LoadedBackbone.Load(
            settings.Backbone, new BackboneOptions(settings.FrozenType, Device.Parse(settings.Device), settings.HeadPooling == Pooling.Pooler, settings.Head == HeadKind.Pooled));
        return Run(settings, loaded, tasks, progress, cancellation);
    }

    /// <summary>Trains tasks whose rows were read on a backbone that was loaded: for callers that train often on both.</summary>
    internal static TrainReport Run(
        TrainSettings settings, LoadedBackbone loaded, IReadOnlyList<TaskData> tasks, Action<TrainProgress>? progress, CancellationToken cancellation)
    {
        var method = PeftMethods.Get(settings.Method);
        var start = Start(settings, method);
        var config = method.Resolve(method.ReadConfig(TrainedAdapters.Settings(start, settings.Set), SettingsSource), loaded.Tokenizer);
        using var trained = start is null ? TrainedAdapters.Load(method, config, loaded.Backbone) : TrainedAdapters.At(start, method, config, loaded.Backbone);
        config = trained.Config;
        List<TrainUnit> units = method.SharesAcrossTasks || settings.Share
            ? [new TrainUnit(TrainUnit.Joint, tasks) { IsJoint = true, Adapted = trained.Origin }]
            : [.. tasks.Select(t => new TrainUnit(t.Task.Name, [t]) { Adapted = trained.Origin })];
        var run = RunFolder.Open(settings, units.Select(u => u.Name), trained.Origin);
        var reports = new List<UnitReport>();
        for (var i = 0; i < units.Count; i++)
        {
            var task = new TrainTask(settings, run, loaded, method, config, trained, units[i], (i + 1, units.Count), progress);
            reports.Add(task.Run(cancellation));
        }

        return new TrainReport(
            [.. reports.SelectMany(r => r.Tasks)], loaded.Folder, loaded.Backbone.Fingerprint, method.Name, method.WriteConfig(config), settings.Seed,
            PackageManifest.OwnVersions())
        {
            Joint = reports[0].Joint,
        };
    }

    /// <summary>A task with the rows that settings ask for.</summary>
    internal static TaskData Load(string task, TrainSettings settings)
    {
        var data = PublishedSplit.Of(TaskCatalog.Resolve(task, settings.Data), settings.Split, settings.SplitSeed);
        return settings.Examples is { } examples ? data.Take(examples, settings.Seed) : data;
    }

    private static AdapterPackage? Start(TrainSettings settings, PeftMethod method) =>
        settings.Start is { } start ? TrainedAdapters.Start(start, method, settings.Out) : null;
}
