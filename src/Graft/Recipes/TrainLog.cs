using System.Text.Json.Nodes;
using Graft.Evaluation;
using Graft.Tasks.Batches;
using Graft.Tasks.Heads;
using Graft.Training;

namespace Graft.Recipes;

/// <summary>
/// The lines of a training's log. A single task's lines have its numbers; of several tasks each has them by task, and averages beside them.
/// Stateless.
/// </summary>
internal static class TrainLog
{
    /// <summary>The first line: what is trained on what.</summary>
    public static void Start(
        RunLog log, TrainUnit unit, TrainSettings settings, JsonObject config, TaskModels models, IReadOnlyList<TokenizedRows> train) => log.Write(
        "start",
        unit.IsJoint ? ("tasks", List(unit, i => unit.Tasks[i].Task.Name)) : ("task", unit.Name),
        ("settings", settings.ToJson()),
        ("config", config),
        ("backbone", models.Backbone.Fingerprint),
        ("train_rows", ByTask(unit, i => train[i].Count)),
        ("dev_rows", ByTask(unit, i => unit.Tasks[i].Dev.Count)),
        ("truncated_rows", ByTask(unit, i => train[i].TruncatedRows)),
        ("max_tokens", ByTask(unit, i => models.Models[i].MaxTokens)),
        ("trained_parameters", models.Parameters().Where(p => p.Parameter.Trainable).Sum(p => p.Parameter.Value.Count)));

    /// <summary>A step.</summary>
    public static void Step(RunLog log, TrainUnit unit, TrainStep step)
    {
        List<(string Key, JsonNode? Value)> values =
        [
            ("step", step.Number),
            ("epoch", Math.Round(step.Epoch, 4)),
            ("loss", RunLog.Number(step.Loss)),
            ("gradient_norm", RunLog.Number(step.GradientNorm)),
            ("lr", step.LearningRate),
            ("rows", step.Rows),
            ("tokens", step.Tokens),
        ];
        if (unit.IsJoint)
        {
            values.Add(("tasks", new JsonObject(step.Tasks.Select(t =>
                KeyValuePair.Create(t.Task, (JsonNode?)new JsonObject { ["loss"] = RunLog.Number(t.Loss), ["rows"] = t.Rows })))));
        }

        log.Write("step", [.. values]);
    }

    /// <summary>An evaluation on dev.</summary>
    public static void Dev(RunLog log, TrainUnit unit, int step, int best, IReadOnlyList<EvaluationResult> results)
    {
        List<(string Key, JsonNode? Value)> values = [("step", step), ("metrics", ByTask(unit, i => Json(results[i].Metrics))), ("best_step", best)];
        if (unit.IsJoint)
        {
            values.Add(("average", RunLog.Number(UnitReport.Average(unit.Tasks, [.. results.Select(r => r.Metrics)]))));
        }

        if (results.Any(r => r.Observed.Count > 0))
        {
            values.Add(("observed", ByTask(unit, i => ObservedValue.ToJson(results[i].Observed))));
        }

        log.Write("dev", [.. values]);
    }

    /// <summary>Metrics as JSON, values that are not finite as null.</summary>
    public static JsonObject Json(IReadOnlyDictionary<string, double> metrics) =>
        new(metrics.Select(m => KeyValuePair.Create(m.Key, RunLog.Number(m.Value))));

    private static JsonNode? ByTask(TrainUnit unit, Func<int, JsonNode?> of) => !unit.IsJoint ? of(0)
        : new JsonObject(unit.Tasks.Select((t, i) => KeyValuePair.Create(t.Task.Name, of(i))));

    private static JsonArray List(TrainUnit unit, Func<int, JsonNode?> of) => [.. unit.Tasks.Select((_, i) => of(i))];
}
