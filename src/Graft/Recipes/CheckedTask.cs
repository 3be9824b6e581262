using System.Text.Json.Nodes;
using Graft.Tasks;

namespace Graft.Recipes;

/// <summary>A task that was found in a folder. Immutable.</summary>
/// <param name="Task">Its name.</param>
/// <param name="Suite">The suite of a built-in task, null for a task file.</param>
/// <param name="Place">The folder of its data, or its task file.</param>
/// <param name="Data">What its rows are; null where they cannot be read.</param>
/// <param name="Published">The rows that each split has as published; empty where nothing says it.</param>
/// <param name="Fault">What is wrong with its files, null when nothing is.</param>
public sealed record CheckedTask(string Task, string? Suite, string Place, CheckedRows? Data, IReadOnlyDictionary<Split, int> Published, string? Fault)
{
    /// <summary>The task as JSON.</summary>
    public JsonObject ToJson() => new()
    {
        ["task"] = Task,
        ["suite"] = Suite,
        ["place"] = Place,
        ["kind"] = Data?.Task.Kind.ToString().ToLowerInvariant(),
        ["rows"] = Data is null ? null : Rows(split => Data.Counts[split]),
        ["published"] = Published.Count == 0 ? null : Rows(split => Published.TryGetValue(split, out var rows) ? rows : null),
        ["dev_is_cut_from_train"] = Data?.DevIsCutFromTrain,
        ["skipped"] = Data?.Skipped,
        ["labels"] = Data is null ? null : new JsonObject(Data.Task.Labels.Zip(Data.TrainLabels, (label, rows) => KeyValuePair.Create(label, (JsonNode?)rows))),
        ["notes"] = new JsonArray([.. (Data?.Notes ?? []).Select(note => (JsonNode?)note)]),
        ["fault"] = Fault,
    };

    private static JsonObject Rows(Func<Split, int?> rows) =>
        new(Enum.GetValues<Split>().Select(split => KeyValuePair.Create(split.ToString().ToLowerInvariant(), (JsonNode?)rows(split))));
}

/// <summary>What the rows of a task are, without the rows: a folder may hold more of them than memory does. Immutable.</summary>
/// <param name="Task">What is asked.</param>
/// <param name="Counts">The rows of each split.</param>
/// <param name="TrainLabels">The training rows of each label.</param>
/// <param name="DevIsCutFromTrain">Whether there is no dev file.</param>
/// <param name="Skipped">Rows that were left out because the task file says so.</param>
/// <param name="Notes">What the user should know about the rows, a sentence each.</param>
public sealed record CheckedRows(
    TaskDefinition Task, IReadOnlyDictionary<Split, int> Counts, IReadOnlyList<int> TrainLabels, bool DevIsCutFromTrain, int Skipped, IReadOnlyList<string> Notes)
{
    /// <summary>Counts the rows of a task.</summary>
    /// <param name="data">The task.</param>
    public static CheckedRows Of(TaskData data)
    {
        ArgumentNullException.ThrowIfNull(data);
        return new CheckedRows(
            data.Task, Enum.GetValues<Split>().ToDictionary(split => split, split => data.Rows(split).Count), data.LabelHistogram(data.Train), data.DevIsCutFromTrain, data.SkippedRows, data.Notes);
    }
}
