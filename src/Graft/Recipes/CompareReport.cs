using System.Text.Json.Nodes;
using Graft.Evaluation.Comparisons;
using Graft.Training;

namespace Graft.Recipes;

/// <summary>A run that failed.</summary>
/// <param name="Run">The run as <c>METHOD/TASK/SIZE/SEED</c>.</param>
/// <param name="Reason">Why, in one sentence.</param>
public sealed record CompareFailure(string Run, string Reason);

/// <summary>What a call of <see cref="Compare"/> came to. Immutable.</summary>
/// <param name="Folder">The comparison's folder.</param>
/// <param name="Comparison">The plan and all of its runs that are finished, whoever did them.</param>
/// <param name="Failures">The runs that failed in this call, in the order of the plan.</param>
/// <param name="Done">The number of runs that this process did.</param>
public sealed record CompareReport(string Folder, Comparison Comparison, IReadOnlyList<CompareFailure> Failures, int Done)
{
    /// <summary>The documented object of <c>graft compare --json</c>.</summary>
    public JsonObject ToJson()
    {
        var summary = ComparisonSummary.Of(Comparison);
        return new JsonObject
        {
            ["name"] = Comparison.Plan.Name,
            ["folder"] = Folder,
            ["planned"] = Comparison.Planned,
            ["finished"] = Comparison.Runs.Count,
            ["failed"] = new JsonArray([.. Failures.Select(f => (JsonNode)new JsonObject { ["run"] = f.Run, ["reason"] = f.Reason })]),
            ["methods"] = new JsonArray([.. summary.Methods.Select(m => (JsonNode)ToJson(m))]),
            ["recommendations"] = new JsonArray([.. Recommendation.Of(summary).Select(r => (JsonNode)new JsonObject
            {
                ["size"] = r.Size,
                ["method"] = r.Choice.Method,
                ["text"] = r.Text,
            })]),
        };
    }

    private static JsonObject ToJson(MethodSummary method) => new()
    {
        ["method"] = method.Method,
        ["size"] = method.Size,
        ["mean"] = RunLog.Number(method.Score.Mean),
        ["deviation"] = method.Score.Deviation is { } deviation ? RunLog.Number(deviation) : null,
        ["low"] = method.Score.HasInterval ? RunLog.Number(method.Score.Low) : null,
        ["high"] = method.Score.HasInterval ? RunLog.Number(method.Score.High) : null,
        ["runs"] = method.Score.Runs,
        ["rank"] = method.Rank,
        ["bytesPerTask"] = method.BytesPerTask,
        ["parametersPerTask"] = method.ParametersPerTask,
        ["seconds"] = method.Seconds,
        ["peakMemory"] = method.PeakMemory,
    };
}
