using System.Text.Json.Nodes;
using Graft.Tasks;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>A task that was found in a folder. Immutable.</summary>
/// <param name="Task">Its name.</param>
/// <param name="Suite">The suite of a built-in task, null for a task file.</param>
/// <param name="Place">The folder of its data, or its task file.</param>
/// <param name="Data">Its rows; null where they cannot be read.</param>
/// <param name="Published">The rows that each split has as published; empty where nothing says it.</param>
/// <param name="Fault">What is wrong with its files, null when nothing is.</param>
public sealed record CheckedTask(string Task, string? Suite, string Place, TaskData? Data, IReadOnlyDictionary<Split, int> Published, string? Fault)
{
    /// <summary>The task as JSON.</summary>
    public JsonObject ToJson() => new()
    {
        ["task"] = Task,
        ["suite"] = Suite,
        ["place"] = Place,
        ["kind"] = Data?.Task.Kind.ToString().ToLowerInvariant(),
        ["rows"] = Data is null ? null : Rows(split => Data.Rows(split).Count),
        ["published"] = Published.Count == 0 ? null : Rows(split => Published.TryGetValue(split, out var rows) ? rows : null),
        ["dev_is_cut_from_train"] = Data?.DevIsCutFromTrain,
        ["skipped"] = Data?.SkippedRows,
        ["labels"] = Data is null ? null : new JsonObject(Data.Task.Labels.Zip(Data.LabelHistogram(Data.Train), (label, rows) => KeyValuePair.Create(label, (JsonNode?)rows))),
        ["notes"] = new JsonArray([.. (Data?.Notes ?? []).Select(note => (JsonNode?)note)]),
        ["fault"] = Fault,
    };

    private static JsonObject Rows(Func<Split, int?> rows) =>
        new(Enum.GetValues<Split>().Select(split => KeyValuePair.Create(split.ToString().ToLowerInvariant(), (JsonNode?)rows(split))));
}

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

        var (tasks, unknown) = (new List<CheckedTask>(), new List<UnknownData>());
        foreach (var place in Below(folder, Depth))
        {
            var published = PublishedTask.All.Where(task => task.IsAt(place)).ToList();
            var own = Directory.EnumerateFiles(place, "*" + TaskFile.Ending).Order(StringComparer.Ordinal).ToList();
            foreach (var task in published)
            {
                cancellation.ThrowIfCancellationRequested();
                tasks.Add(Checked(task.Name, task.Suite, place, () => task.LoadFrom(place), task.PublishedRows));
            }

            foreach (var file in own)
            {
                cancellation.ThrowIfCancellationRequested();
                tasks.Add(Checked(Path.GetFileName(file)[..^TaskFile.Ending.Length], null, file, () => TaskFile.Load(file), new Dictionary<Split, int>()));
            }

            if (published.Count == 0 && own.Count == 0)
            {
                unknown.AddRange(Directory.EnumerateFiles(place).Where(MayHoldRows).Order(StringComparer.Ordinal).Select(file => new UnknownData(file, DataGuess.Of(file))));
            }
        }

        // A file in a folder of its own, such as data/train.jsonl, belongs to the task above it.
        return new DataReport(tasks, [.. unknown.Where(file => !tasks.Exists(task => file.Path.StartsWith(FolderOf(task) + Path.DirectorySeparatorChar, StringComparison.Ordinal)))]);
    }

    private static CheckedTask Checked(string name, string? suite, string place, Func<TaskData> load, IReadOnlyDictionary<Split, int> published)
    {
        try
        {
            return new CheckedTask(name, suite, place, load(), published, null);
        }
        catch (GraftException fault)
        {
            return new CheckedTask(name, suite, place, null, published, fault.Message);
        }
    }

    private static string FolderOf(CheckedTask task) => task.Suite is null ? Path.GetDirectoryName(task.Place)! : task.Place;

    private static IEnumerable<string> Below(string folder, int depth)
    {
        yield return Path.TrimEndingDirectorySeparator(folder);
        var inside = Directory.EnumerateDirectories(folder).Where(f => depth > 0 && !Path.GetFileName(f).StartsWith('.')).Order(StringComparer.Ordinal);
        foreach (var deeper in inside.SelectMany(f => Below(f, depth - 1)))
        {
            yield return deeper;
        }
    }

    private static bool MayHoldRows(string file)
    {
        var name = Path.GetFileName(file).ToLowerInvariant();
        return !name.StartsWith('.') && !s_explains.Contains(Path.GetExtension(name), StringComparer.Ordinal) && !Array.Exists(s_notes, note => name.StartsWith(note, StringComparison.Ordinal));
    }
}
