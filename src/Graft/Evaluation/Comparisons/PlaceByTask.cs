using System.Text.Json.Nodes;
using Graft.Evaluation.Reports;

namespace Graft.Evaluation.Comparisons;

/// <summary>A place that a method of a plan names, such as a backbone or a package: one for all tasks of the plan, or one for each. Immutable.</summary>
public sealed record PlaceByTask
{
    private readonly string? _all;

    /// <summary>One for all tasks.</summary>
    /// <param name="all">The place.</param>
    public PlaceByTask(string all) => _all = all;

    /// <summary>One for each task.</summary>
    /// <param name="byTask">The places by the tasks' names in the plan.</param>
    public PlaceByTask(IReadOnlyDictionary<string, string> byTask) => ByTask = byTask;

    /// <summary>The places by the tasks' names in the plan; null for one for all.</summary>
    public IReadOnlyDictionary<string, string>? ByTask { get; }

    /// <summary>The place for a task; null where it is given by task and not for this one.</summary>
    /// <param name="task">The task or mixture.</param>
    public string? Of(PlannedTask task)
    {
        ArgumentNullException.ThrowIfNull(task);
        return ByTask is null ? _all : ByTask.GetValueOrDefault(task.Name);
    }

    /// <summary>The place as a plan has it: a text, or an object with one for each task.</summary>
    public JsonNode ToJson() => ByTask is null ? JsonValue.Create(_all)! : new JsonObject(ByTask.Select(t => KeyValuePair.Create(t.Key, (JsonNode?)t.Value)));

    /// <summary>The place in words.</summary>
    public override string ToString() => ByTask is null ? _all! : ReportWords.Listed(ByTask.Select(t => $"{t.Value} for {t.Key}"));
}
