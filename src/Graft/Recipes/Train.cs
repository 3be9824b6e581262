using Graft.Backbones;
using Graft.Formats.Sources;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.Text;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>
/// Trains tasks one after another on one loaded backbone, a package each: what <c>graft train</c> does. Stateless; one call uses one thread
/// besides libtorch's own.
/// </summary>
public static class Train
{
    /// <summary>Trains every task of the settings.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="progress">Told what happens, synchronously; null for nobody.</param>
    /// <param name="cancellation">Stops between steps, after a checkpoint.</param>
    /// <exception cref="GraftException">A setting, file, task, or the loss is at fault.</exception>
    /// <exception cref="TrainingInterruptedException">It was cancelled; a call with <c>Resume</c> goes on bit for bit.</exception>
    public static TrainReport Run(
        TrainSettings settings, Action<TrainProgress>? progress = null, CancellationToken cancellation = default)
    {
        var method = PeftMethods.Get(settings.Method);
        var config = method.ReadConfig(settings.Set, "the settings of the method");
        var tasks = settings.Tasks.Select(t => Load(t, settings)).ToList();
        if (tasks.GroupBy(t => t.Task.Name, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
        {
            throw new GraftException($"The task '{twice.Key}' is named twice; name each task once.");
        }

        var folder = ModelSources.Resolve(settings.Backbone);
        using var backbone = Backbone.Load(
            folder, new BackboneOptions(settings.FrozenType, Device.Parse(settings.Device), settings.HeadPooling == Pooling.Pooler));
        var tokenizer = Tokenizer.Load(folder);
        config = method.Resolve(config, tokenizer);
        using var trained = TrainedAdapters.Load(method, config, backbone);
        config = trained.Config;
        var run = RunFolder.Open(settings);
        var reports = new List<TaskReport>();
        for (var i = 0; i < tasks.Count; i++)
        {
            var task = new TrainTask(settings, run, backbone, tokenizer, method, config, trained, tasks[i], (i + 1, tasks.Count), progress);
            reports.Add(task.Run(cancellation));
        }

        return new TrainReport(
            reports, folder, backbone.Fingerprint, method.Name, method.WriteConfig(config), settings.Seed, Versions());
    }

    private static TaskData Load(string task, TrainSettings settings)
    {
        var data = TaskCatalog.Resolve(task, settings.Data, settings.Seed);
        return settings.Examples is { } examples ? data.Take(examples, settings.Seed) : data;
    }

    private static Dictionary<string, string> Versions() => new(StringComparer.Ordinal)
    {
        ["graft"] = typeof(Train).Assembly.GetName().Version!.ToString(3),
        ["libtorch"] = TorchRuntime.Version,
        ["dotnet"] = Environment.Version.ToString(),
    };
}
