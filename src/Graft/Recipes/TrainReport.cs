using System.Text.Json.Nodes;
using Graft.Training;

namespace Graft.Recipes;

/// <summary>What a task's training came to.</summary>
/// <param name="Task">The task.</param>
/// <param name="Classes">Its number of labels; 0 for regression.</param>
/// <param name="TrainRows">The rows it was trained on.</param>
/// <param name="PrimaryMetric">The metric that the best step was chosen by.</param>
/// <param name="Dev">The dev metrics of the best step.</param>
/// <param name="Test">The test metrics of the best step, measured once; empty where the task has no labelled test rows.</param>
/// <param name="BestStep">The step that was kept.</param>
/// <param name="Steps">The steps done.</param>
/// <param name="TrainedParameters">Trained parameters of adapter and head; of a task that shares the adapter, those that are its own.</param>
/// <param name="AdapterBytes">The bytes of the adapter's weights on disk; of a task that shares the adapter, of its own.</param>
/// <param name="HeadBytes">The bytes of the head's weights on disk.</param>
/// <param name="Package">The package's folder, or <c>FOLDER#TASK</c>.</param>
/// <param name="Seconds">The wall time of training and evaluation on dev; of a joint training each task's equal share.</param>
/// <param name="RowsPerSecond">Training rows per second of training steps.</param>
/// <param name="TruncatedRows">Training rows that were longer than the model takes.</param>
public sealed record TaskReport(
    string Task, int Classes, int TrainRows, string PrimaryMetric,
    IReadOnlyDictionary<string, double> Dev, IReadOnlyDictionary<string, double> Test,
    int BestStep, int Steps, long TrainedParameters, long AdapterBytes, long HeadBytes, string Package,
    double Seconds, double RowsPerSecond, int TruncatedRows)
{
    /// <summary>The accuracy of always answering the commonest training label, on the rows that <see cref="Test"/> (or dev) was measured on.</summary>
    public double? Majority { get; init; }

    /// <summary>The primary metric of a linear probe on frozen features, on the same rows.</summary>
    public double? LinearProbe { get; init; }

    /// <summary>The report as JSON, metric values that are not finite as null.</summary>
    public JsonObject ToJson() => new()
    {
        ["task"] = Task,
        ["classes"] = Classes,
        ["trainRows"] = TrainRows,
        ["primaryMetric"] = PrimaryMetric,
        ["dev"] = Metrics(Dev),
        ["test"] = Metrics(Test),
        ["bestStep"] = BestStep,
        ["steps"] = Steps,
        ["trainedParameters"] = TrainedParameters,
        ["adapterBytes"] = AdapterBytes,
        ["headBytes"] = HeadBytes,
        ["package"] = Package,
        ["seconds"] = Math.Round(Seconds, 3),
        ["rowsPerSecond"] = Math.Round(RowsPerSecond, 1),
        ["truncatedRows"] = TruncatedRows,
        ["majority"] = Majority,
        ["linearProbe"] = LinearProbe,
    };

    /// <summary>Reads a report that <see cref="ToJson"/> wrote.</summary>
    /// <param name="json">The object.</param>
    public static TaskReport FromJson(JsonObject json) => new(
        json["task"]!.GetValue<string>(), json["classes"]!.GetValue<int>(), json["trainRows"]!.GetValue<int>(),
        json["primaryMetric"]!.GetValue<string>(), Metrics(json["dev"]!), Metrics(json["test"]!),
        json["bestStep"]!.GetValue<int>(), json["steps"]!.GetValue<int>(), json["trainedParameters"]!.GetValue<long>(),
        json["adapterBytes"]!.GetValue<long>(), json["headBytes"]!.GetValue<long>(), json["package"]!.GetValue<string>(),
        json["seconds"]!.GetValue<double>(), json["rowsPerSecond"]!.GetValue<double>(), json["truncatedRows"]!.GetValue<int>())
    {
        Majority = json["majority"]?.GetValue<double>(),
        LinearProbe = json["linearProbe"]?.GetValue<double>(),
    };

    private static JsonObject Metrics(IReadOnlyDictionary<string, double> values) =>
        new(values.Select(v => KeyValuePair.Create(v.Key, RunLog.Number(v.Value))));

    private static Dictionary<string, double> Metrics(JsonNode json) =>
        json.AsObject().ToDictionary(v => v.Key, v => v.Value?.GetValue<double>() ?? double.NaN, StringComparer.Ordinal);
}

/// <summary>What a call of <see cref="Train"/> came to.</summary>
/// <param name="Tasks">The tasks, in the order of the settings.</param>
/// <param name="Backbone">The backbone's folder.</param>
/// <param name="Fingerprint">The backbone's fingerprint.</param>
/// <param name="Method">The method.</param>
/// <param name="Config">The method's settings, every value written.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Versions">The versions of Graft, libtorch and .NET.</param>
public sealed record TrainReport(
    IReadOnlyList<TaskReport> Tasks, string Backbone, string Fingerprint, string Method, JsonObject Config, long Seed,
    IReadOnlyDictionary<string, string> Versions)
{
    /// <summary>What the tasks came to together, where they were trained on one adapter; null otherwise.</summary>
    public JointReport? Joint { get; init; }

    /// <summary>The documented object of <c>graft train --json</c>.</summary>
    public JsonObject ToJson() => new()
    {
        ["tasks"] = new JsonArray([.. Tasks.Select(t => (JsonNode)t.ToJson())]),
        ["joint"] = Joint?.ToJson(),
        ["backbone"] = Backbone,
        ["fingerprint"] = Fingerprint,
        ["method"] = Method,
        ["config"] = Config.DeepClone(),
        ["seed"] = Seed,
        ["versions"] = new JsonObject(Versions.Select(v => KeyValuePair.Create<string, JsonNode?>(v.Key, v.Value))),
    };
}
