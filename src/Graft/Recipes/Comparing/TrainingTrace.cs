using System.Text.Json;
using Graft.Evaluation.Comparisons;

namespace Graft.Recipes.Comparing;

/// <summary>What the log of a task's training tells beyond its report. Immutable.</summary>
/// <param name="Curve">A point an evaluation.</param>
/// <param name="Observed">What the adapter's parts showed on dev at the best step, means by name.</param>
/// <param name="Rows">The training rows of all steps.</param>
/// <param name="Tokens">Their tokens, padding not counted.</param>
internal sealed record TrainingTrace(IReadOnlyList<CurvePoint> Curve, IReadOnlyDictionary<string, double> Observed, long Rows, long Tokens)
{
    /// <summary>Reads a log.</summary>
    /// <param name="path">The log.</param>
    /// <param name="metric">The primary metric.</param>
    /// <param name="bestStep">The step that was kept.</param>
    /// <param name="task">One of several tasks that were trained together, whose losses and metrics are taken; null for a training of one task.</param>
    public static TrainingTrace Read(string path, string metric, int bestStep, string? task = null)
    {
        List<CurvePoint> curve = [];
        Dictionary<string, double> observed = new(StringComparer.Ordinal);
        List<double> losses = [];
        var (rows, tokens) = (0L, 0L);
        foreach (var line in File.ReadLines(path))
        {
            using var document = JsonDocument.Parse(line);
            var entry = document.RootElement;
            switch (entry.GetProperty("event").GetString())
            {
                case "step":
                    if (Of(entry, "tasks", task) is { } step)
                    {
                        losses.Add(Number(step.GetProperty("loss")));
                    }

                    rows += entry.GetProperty("rows").GetInt64();
                    tokens += entry.GetProperty("tokens").GetInt64();
                    break;
                case "dev":
                    var number = entry.GetProperty("step").GetInt32();
                    var metrics = entry.GetProperty("metrics");
                    curve.Add(new CurvePoint(
                        number, losses.Count > 0 ? losses.Average() : double.NaN, Number((task is null ? metrics : metrics.GetProperty(task)).GetProperty(metric))));
                    losses.Clear();
                    if (number == bestStep && entry.TryGetProperty("observed", out _) && Of(entry, "observed", task) is { } values)
                    {
                        values = task is null ? values.GetProperty("observed") : values;
                        observed = values.EnumerateObject().ToDictionary(v => v.Name, v => Number(v.Value.GetProperty("mean")), StringComparer.Ordinal);
                    }

                    break;
                default:
                    break;
            }
        }

        return new TrainingTrace(curve, observed, rows, tokens);
    }

    // The entry itself, or its part of a task; null where the task has none, as in a step without its rows.
    private static JsonElement? Of(JsonElement entry, string key, string? task) =>
        task is null ? entry : entry.GetProperty(key).TryGetProperty(task, out var own) ? own : null;

    // The log writes what is not finite as null.
    private static double Number(JsonElement value) => value.ValueKind == JsonValueKind.Null ? double.NaN : value.GetDouble();
}
