using System.Text.Json.Nodes;
using Graft.Formats.Packages;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Training;

namespace Graft.Recipes;

/// <summary>What the joint training of several tasks came to. Immutable.</summary>
/// <param name="Package">The package's folder; each task's own numbers are in its report.</param>
/// <param name="SharedParameters">Trained parameters that the tasks share.</param>
/// <param name="SharedBytes">The bytes of what they share on disk: weights and manifest.</param>
/// <param name="Dev">The mean of the tasks' primary metrics on dev at the best step: what it was chosen by.</param>
/// <param name="Test">The same on test; null unless every task has labelled test rows.</param>
/// <param name="BestStep">The step that was kept.</param>
/// <param name="Steps">The steps done.</param>
/// <param name="Seconds">The wall time of training and evaluation on dev.</param>
public sealed record JointReport(
    string Package, long SharedParameters, long SharedBytes, double Dev, double? Test, int BestStep, int Steps, double Seconds)
{
    /// <summary>The report as JSON.</summary>
    public JsonObject ToJson() => new()
    {
        ["package"] = Package,
        ["sharedParameters"] = SharedParameters,
        ["sharedBytes"] = SharedBytes,
        ["dev"] = RunLog.Number(Dev),
        ["test"] = Test is { } test ? RunLog.Number(test) : null,
        ["bestStep"] = BestStep,
        ["steps"] = Steps,
        ["seconds"] = Math.Round(Seconds, 3),
    };

    /// <summary>Reads a report that <see cref="ToJson"/> wrote.</summary>
    /// <param name="json">The object.</param>
    public static JointReport FromJson(JsonObject json) => new(
        json["package"]!.GetValue<string>(), json["sharedParameters"]!.GetValue<long>(), json["sharedBytes"]!.GetValue<long>(),
        json["dev"]?.GetValue<double>() ?? double.NaN, json["test"]?.GetValue<double>(), json["bestStep"]!.GetValue<int>(), json["steps"]!.GetValue<int>(),
        json["seconds"]!.GetValue<double>());

    internal static JointReport Of(IReadOnlyList<TaskReport> tasks, Adapter adapter, string package, double seconds) => new(
        package, adapter.NamedParameters().Where(p => p.Parameter.Trainable && adapter.TaskOf(p.Path) is null).Sum(p => p.Parameter.Value.Count),
        JointPackage.Open(package).SharedBytes, tasks.Average(t => t.Dev[t.PrimaryMetric]),
        tasks.All(t => t.Test.Count > 0) ? tasks.Average(t => t.Test[t.PrimaryMetric]) : null, tasks[0].BestStep, tasks[0].Steps, seconds);
}

/// <summary>What was trained in one go came to. Immutable.</summary>
/// <param name="Tasks">The tasks.</param>
/// <param name="Joint">What they came to together; null for a single task.</param>
internal sealed record UnitReport(IReadOnlyList<TaskReport> Tasks, JointReport? Joint)
{
    /// <summary>The mean of the tasks' primary metrics.</summary>
    public static double Average(IReadOnlyList<TaskData> tasks, IReadOnlyList<IReadOnlyDictionary<string, double>> metrics) =>
        tasks.Zip(metrics, (t, m) => m[t.Task.PrimaryMetric]).Average();

    /// <summary>A single task's report, or an object with those of all.</summary>
    public JsonObject ToJson() => Joint is null ? Tasks[0].ToJson()
        : new JsonObject { ["tasks"] = new JsonArray([.. Tasks.Select(t => (JsonNode)t.ToJson())]), ["joint"] = Joint.ToJson() };

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    public static UnitReport FromJson(JsonObject json) => json["joint"] is JsonObject joint
        ? new UnitReport([.. json["tasks"]!.AsArray().Select(t => TaskReport.FromJson(t!.AsObject()))], JointReport.FromJson(joint))
        : new UnitReport([TaskReport.FromJson(json)], null);
}
