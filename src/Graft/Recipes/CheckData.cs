using System.Text.Json.Nodes;
using Graft.Tasks;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>A file of no known task. Immutable.</summary>
/// <param name="Path">The file.</param>
/// <param name="Guess">What it looks like, in half a sentence.</param>
public sealed record UnknownData(string Path, string Guess);

/// <summary>What is in a folder of data. Immutable.</summary>
/// <param name="Tasks">The tasks, in the order of their places.</param>
/// <param name="Unknown">Files of no task, in the order of their names.</param>
public sealed record DataReport(IReadOnlyList<CheckedTask> Tasks, IReadOnlyList<UnknownData> Unknown)
{
    /// <summary>Whether the files of every task can be read.</summary>
    public bool IsSound => Tasks.All(task => task.Fault is null);

    /// <summary>The report as JSON.</summary>
    public JsonObject ToJson() => new()
    {
        ["tasks"] = new JsonArray([.. Tasks.Select(task => (JsonNode?)task.ToJson())]),
        ["unknown"] = new JsonArray([.. Unknown.Select(file => (JsonNode?)new JsonObject { ["path"] = file.Path, ["looks_like"] = file.Guess })]),
    };
}

/// <summary>Says what is in a folder of data, reading every row: what <c>graft data check</c> does. Stateless.</summary>
public static class CheckData
{
    /// <summary>How deep folders are looked into: a suite's folder, a task's, one of its draws.</summary>
    private const int Depth = 3;

    private static readonly string[] s_explains = [".md", ".pdf", ".sh", ".py", ".ds_store", ".html"];
    private static readonly string[] s_notes = ["license", "readme", "mapping", "classes", "categories", "notice", "manifest"];

    /// <summary>Reads the built-in tasks and the task files of a folder, and looks at the files that belong to none.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="cancellation">Stops between tasks.</param>
    /// <exception cref="GraftException">There is no such folder.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static DataReport Run(string folder, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(folder);
        if (!Directory.Exists(folder))
        {
            throw new GraftException($"{folder}: no such data folder; check the path.");
        }

        var (tasks, files) = (new List<CheckedTask>(), new List<UnknownData>());
        var taken = new HashSet<string>(StringComparer.Ordinal);
        foreach (var place in Below(folder, Depth, files))
        {
            var own = Directory.EnumerateFiles(place, "*" + TaskFile.Ending).Order(StringComparer.Ordinal).ToList();
            var published = Published(place, own.Count > 0, taken);
            foreach (var task in published)
            {
                cancellation.ThrowIfCancellationRequested();
                tasks.Add(Checked(task.Name, task.Suite, place, () => task.LoadFrom(place), task.PublishedRowsIn(place)));
            }

            taken.UnionWith(published.SelectMany(task => task.FilesIn(place)));
            foreach (var file in own)
            {
                cancellation.ThrowIfCancellationRequested();
                tasks.Add(Checked(Path.GetFileName(file)[..^TaskFile.Ending.Length], null, file, () => Own(file, taken), new Dictionary<Split, int>()));
            }

            if (published.Count == 0)
            {
                files.AddRange(Directory.EnumerateFiles(place).Where(MayHoldRows).Order(StringComparer.Ordinal).Select(file => new UnknownData(file, "")));
            }
        }

        // A file below a built-in task's folder, such as one of test rows without labels, belongs to the task.
        var folders = tasks.Where(task => task.Suite is not null).Select(task => task.Place + Path.DirectorySeparatorChar).ToHashSet(StringComparer.Ordinal);
        return new DataReport(
            tasks,
            [
                .. files
                    .Where(file => !taken.Contains(Path.GetFullPath(file.Path)) && !folders.Any(own => file.Path.StartsWith(own, StringComparison.Ordinal)))
                    .Select(file => file.Guess.Length > 0 ? file : file with { Guess = DataGuess.Of(file.Path) }),
            ]);
    }

    // Names of files may be several tasks', and of those that have them the ones count whose columns are there; where it is none's, each says what it lacks,
    // unless a task file says what the folder is. A folder whose files a task above has read, such as its data/, is no task again.
    private static List<PublishedTask> Published(string place, bool hasTaskFile, HashSet<string> taken)
    {
        var named = PublishedTask.All.Where(task => task.IsAt(place) && !task.FilesIn(place).All(taken.Contains)).ToList();
        var fitting = named.FindAll(task => task.Fits(place));
        return fitting.Count > 0 || hasTaskFile ? fitting : named;
    }

    private static TaskData Own(string file, HashSet<string> taken)
    {
        taken.UnionWith(TaskFile.Describe(file).FilesIn(Path.GetDirectoryName(Path.GetFullPath(file))!));
        return TaskFile.Load(file);
    }

    private static CheckedTask Checked(string name, string? suite, string place, Func<TaskData> load, IReadOnlyDictionary<Split, int> published)
    {
        try
        {
            return new CheckedTask(name, suite, place, CheckedRows.Of(load()), published, null);
        }
        catch (GraftException fault)
        {
            return new CheckedTask(name, suite, place, null, published, fault.Message);
        }
    }

    private static IEnumerable<string> Below(string folder, int depth, List<UnknownData> unreadable)
    {
        List<string> inside;
        try
        {
            inside = [.. Directory.EnumerateDirectories(folder).Where(f => depth > 0 && !Path.GetFileName(f).StartsWith('.')).Order(StringComparer.Ordinal)];
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            unreadable.Add(new UnknownData(folder, $"it cannot be read ({fault.Message.TrimEnd('.')})"));
            yield break;
        }

        yield return Path.TrimEndingDirectorySeparator(folder);
        foreach (var deeper in inside.SelectMany(f => Below(f, depth - 1, unreadable)))
        {
            yield return deeper;
        }
    }

    private static bool MayHoldRows(string file)
    {
        var name = Path.GetFileName(file).ToLowerInvariant();
        return !name.StartsWith('.') && !name.EndsWith(TaskFile.Ending, StringComparison.Ordinal) && !s_explains.Contains(Path.GetExtension(name), StringComparer.Ordinal) && !Array.Exists(s_notes, note => name.StartsWith(note, StringComparison.Ordinal));
    }
}
