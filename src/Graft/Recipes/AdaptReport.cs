using System.Text.Json.Nodes;
using Graft.Methods.Core;
using Graft.Tasks.Heads;

namespace Graft.Recipes;

/// <summary>What adding a task came to. Immutable.</summary>
/// <param name="Task">The training.</param>
/// <param name="Package">The package with the task, as <c>FOLDER#TASK</c>.</param>
/// <param name="Start">How the task started; null where it started at a task that was named.</param>
/// <param name="Similarities">How like its rows are to each known task on average, largest first; empty where the method cannot tell.</param>
/// <param name="Weights">The share of each known task in the start; empty for a fresh one.</param>
/// <param name="Trained">The numbers that trained, in adapter and head.</param>
public sealed record AdaptReport(
    TaskReport Task, string Package, TaskStart? Start, IReadOnlyDictionary<string, double> Similarities, IReadOnlyDictionary<string, double> Weights, long Trained)
{
    /// <summary>How well its rows are answered under each known task's part, largest first; empty unless it started at the best one.</summary>
    public IReadOnlyDictionary<string, double> Scores { get; init; } = new Dictionary<string, double>(StringComparer.Ordinal);

    /// <summary>The known task at whose head the new one began, as it answers with the same labels; null for a new head.</summary>
    public string? Head { get; init; }

    /// <summary>The report as JSON.</summary>
    public JsonObject ToJson()
    {
        var json = Origin(new AdaptStart(Start, Weights) { Similarities = Similarities, Scores = Scores, Head = Head });
        json.Insert(0, "package", Package);
        json["trained"] = Trained;
        json["task"] = Task.ToJson();
        return json;
    }

    /// <summary>Where a task started, as JSON.</summary>
    internal static JsonObject Origin(AdaptStart start) => new()
    {
        ["start"] = start.How is { } how ? HeadSettings.Name(how) : null,
        ["similarities"] = Numbers(start.Similarities),
        ["scores"] = Numbers(start.Scores),
        ["weights"] = Numbers(start.Weights),
        ["head"] = start.Head,
    };

    private static JsonObject Numbers(IReadOnlyDictionary<string, double> values) =>
        new(values.Select(v => KeyValuePair.Create(v.Key, (JsonNode?)Math.Round(v.Value, 6))));
}
