using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Formats.Packages;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>
/// The folder of a run: <c>run.json</c> (the settings), a package per task under the task's name, and under <c>training/</c> each task's log
/// (<c>TASK.jsonl</c>), checkpoint (<c>TASK.checkpoint.safetensors</c>, while it trains) and report (<c>TASK.report.json</c>, when it is done). Tasks that
/// are trained together have one of each, called <c>joint</c>.
/// </summary>
internal sealed class RunFolder
{
    /// <summary>The file with the settings, without which a folder is no run's.</summary>
    public const string Settings = "run.json";

    /// <summary>The folder with logs, checkpoints and reports.</summary>
    public const string Training = "training";

    /// <summary>The folder with the curves for TensorBoard.</summary>
    public const string EventsName = "tensorboard";

    private static readonly JsonSerializerOptions s_readable = new() { WriteIndented = true };
    private readonly string _path;

    private RunFolder(string path) => _path = path;

    public string Root => _path;

    /// <summary>Opens the folder of a new run, or of the one to resume.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="units">What its packages will be called.</param>
    /// <param name="adapted">The trained adapter that the run's come of, and how; null where they begin anew.</param>
    /// <exception cref="GraftException">It holds another run, or cannot be written.</exception>
    public static RunFolder Open(TrainSettings settings, IEnumerable<string> units, JsonObject? adapted = null)
    {
        // Before hours of training, not when its result is to be saved.
        foreach (var unit in units)
        {
            AdapterPackage.RefuseForeign(Path.Combine(settings.Out, unit));
        }

        var mine = settings.ToJson();
        if (adapted is not null)
        {
            mine["adapted"] = adapted.DeepClone();
        }

        return Open(settings.Out, mine, settings.Resume, settings.Overwrite);
    }

    /// <summary>Opens the folder of a new run, or of the one to resume.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="mine">The run's settings, which a resumed run has to have too.</param>
    /// <param name="resume">Whether to go on with the run that is there.</param>
    /// <param name="overwrite">Whether to replace it.</param>
    /// <exception cref="GraftException">It holds another run, or cannot be written.</exception>
    public static RunFolder Open(string path, JsonObject mine, bool resume, bool overwrite)
    {
        Check(path, mine, resume, overwrite);
        var folder = new RunFolder(path);
        try
        {
            var training = Path.Combine(path, Training);
            if (!resume && Directory.Exists(training))
            {
                Directory.Delete(training, recursive: true);
            }

            Directory.CreateDirectory(training);
            RemoveUnfinished(path);
            RemoveUnfinished(training);
            if (!resume)
            {
                WriteText(Path.Combine(path, Settings), mine.ToJsonString(s_readable));
            }

            return folder;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new GraftException($"The output folder '{path}' cannot be written ({e.Message}); give an --out folder that can be.", e);
        }
    }

    /// <summary>Whether a place is a run's folder or lies in it, so that a new run there would replace it.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="place">The place.</param>
    public static bool Holds(string path, string place) => (Path.GetFullPath(place) + Path.DirectorySeparatorChar)
        .StartsWith(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)) + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    /// <summary>Refuses a folder that <see cref="Open(string, JsonObject, bool, bool)"/> would refuse, and changes nothing.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="mine">The run's settings, which a resumed run has to have too.</param>
    /// <param name="resume">Whether to go on with the run that is there.</param>
    /// <param name="overwrite">Whether to replace it.</param>
    /// <exception cref="GraftException">It holds another run, or none to resume.</exception>
    public static void Check(string path, JsonObject mine, bool resume, bool overwrite)
    {
        var settingsPath = Path.Combine(path, Settings);
        if (File.Exists(settingsPath) && resume)
        {
            new RunFolder(path).RequireSame(settingsPath, mine);
        }
        else if (File.Exists(settingsPath) && !overwrite)
        {
            throw new GraftException(
                $"'{path}' holds a run already; go on with it (--resume), replace it (--overwrite), or give another --out.");
        }
        else if (resume)
        {
            throw new GraftException($"'{path}' holds no run to resume (no run.json); leave out --resume, or give the folder of the run.");
        }
    }

    public string Package(string task) => Path.Combine(_path, task);

    public string Log(string task) => Path.Combine(_path, Training, task + ".jsonl");

    public string Checkpoint(string task) => Path.Combine(_path, Training, task + ".checkpoint.safetensors");

    /// <summary>The texts of a pretraining as tokens, while it trains.</summary>
    public string Tokens => Path.Combine(_path, Training, "tokens.bin");

    /// <summary>The curves for TensorBoard.</summary>
    public string Events => Path.Combine(_path, EventsName);

    /// <summary>The report of a task that was finished by a run with the same identity; null where it is not finished.</summary>
    /// <exception cref="GraftException">It was finished with other data, whose result a resumed run would replace.</exception>
    public UnitReport? Finished(string task, string identity) =>
        Directory.Exists(Package(task)) && ReportOf(task, identity) is { } json ? Reading(task, () => UnitReport.FromJson(json)) : null;

    /// <summary>The report that was written by a run with the same identity; null where there is none.</summary>
    /// <exception cref="GraftException">It is of a run with other data.</exception>
    public JsonObject? ReportOf(string name, string identity)
    {
        var path = ReportPath(name);
        var json = !File.Exists(path) ? null : Reading(name, () => JsonNode.Parse(File.ReadAllText(path))!.AsObject());
        return json is null || Reading(name, () => json["identity"]?.GetValue<string>()) == identity
            ? json
            : throw new GraftException($"'{name}' in '{_path}' was finished with other settings or other data; resume with the same ones, or start anew with another --out, or with --overwrite.");
    }

    /// <summary>Marks a task as finished and removes its checkpoint.</summary>
    public void Finish(string name, JsonObject report, string identity)
    {
        report["identity"] = identity;
        WriteText(ReportPath(name), report.ToJsonString(s_readable));
        File.Delete(Checkpoint(name));
    }

    // What a process that was killed was writing under a temporary name.
    private static void RemoveUnfinished(string folder)
    {
        const int Number = 32;
        foreach (var entry in new DirectoryInfo(folder).EnumerateFileSystemInfos(".*.tmp").Where(e => e.Name is [.. var begin, _, _, _, _] && begin.Length > Number && Guid.TryParseExact(begin[^Number..], "N", out _)).ToList())
        {
            if (entry is DirectoryInfo made)
            {
                made.Delete(recursive: true);
            }
            else
            {
                entry.Delete();
            }
        }
    }

    private T? Reading<T>(string name, Func<T?> read)
        where T : class
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or NullReferenceException or FormatException)
        {
            throw new GraftException($"The report '{ReportPath(name)}' is damaged; delete it to train '{name}' anew.", e);
        }
    }

    private string ReportPath(string task) => Path.Combine(_path, Training, task + ".report.json");

    private void RequireSame(string settingsPath, JsonObject mine)
    {
        JsonObject there;
        try
        {
            there = JsonNode.Parse(File.ReadAllText(settingsPath))!.AsObject();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or NullReferenceException)
        {
            throw new GraftException($"'{settingsPath}' is damaged, so the run cannot be resumed; start anew with --overwrite.", e);
        }

        // A setting that is written only where it is given may be in one of them alone.
        var different = mine.Select(p => p.Key).Union(there.Select(p => p.Key), StringComparer.Ordinal).Where(key => !JsonNode.DeepEquals(mine[key], there[key])).ToList();
        if (different.Count > 0)
        {
            var list = string.Join(", ", different.Select(key => $"{key} (was {Text(there[key])}, now {Text(mine[key])})"));
            throw new GraftException(
                $"'{_path}' was started with other settings: {list}; resume with the same ones, or start anew with --overwrite or another --out.");
        }

        static string Text(JsonNode? value) => value?.ToJsonString() ?? "unset";
    }

    private static void WriteText(string path, string text) =>
        AtomicFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text + "\n")));
}
