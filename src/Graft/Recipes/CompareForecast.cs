using System.Text.Json.Nodes;
using Graft.Evaluation.Comparisons;

namespace Graft.Recipes;

/// <summary>What a method of a plan costs. Immutable.</summary>
/// <param name="Method">The plan's name for the method.</param>
/// <param name="Trained">Trained parameters of <see cref="Tasks"/> tasks, without heads.</param>
/// <param name="Stored">Parameters that their packages keep, without heads.</param>
/// <param name="PackageBytes">Bytes of their packages on disk, heads and manifests included.</param>
/// <param name="StepSeconds">The measured time of an optimizer step; null where the method could not be trained that briefly.</param>
/// <param name="Planned">Its runs.</param>
/// <param name="Finished">Those that are finished.</param>
/// <param name="SecondsLeft">The time that the others will take, one after the other; null without <paramref name="StepSeconds"/>.</param>
public sealed record MethodForecast(
    string Method, long Trained, long Stored, long PackageBytes, double? StepSeconds, int Planned, int Finished, double? SecondsLeft)
{
    /// <summary>The tasks that parameters and bytes are of: 1, or those of the plan's largest mixture.</summary>
    public int Tasks { get; init; } = 1;
}

/// <summary>The runs of a plan on one task with one number of rows. Immutable.</summary>
/// <param name="Task">The plan's name for the task or mixture.</param>
/// <param name="Size">Training rows of each task; null for all.</param>
/// <param name="TrainRows">The training rows of all of its tasks together.</param>
/// <param name="Steps">The optimizer steps of one training, over all of its tasks.</param>
/// <param name="Planned">The runs.</param>
/// <param name="Finished">Those that are finished.</param>
public sealed record GroupForecast(string Task, int? Size, int TrainRows, int Steps, int Planned, int Finished);

/// <summary>What a call of <see cref="Compare.Run(CompareSettings, Action{CompareProgress}?, CancellationToken)"/> would do. Immutable.</summary>
/// <param name="Plan">The plan.</param>
/// <param name="Folder">The comparison's folder.</param>
/// <param name="Groups">The runs, by task and size.</param>
/// <param name="Methods">The methods, in the order of the plan.</param>
public sealed record CompareForecast(ComparisonPlan Plan, string Folder, IReadOnlyList<GroupForecast> Groups, IReadOnlyList<MethodForecast> Methods)
{
    /// <summary>The runs asked for.</summary>
    public int Planned => Methods.Sum(m => m.Planned);

    /// <summary>Those that are finished.</summary>
    public int Finished => Methods.Sum(m => m.Finished);

    /// <summary>The time that the rest will take in one process, from a measured step of each method; null where one could not be measured.</summary>
    public double? SecondsLeft => Methods.All(m => m.SecondsLeft is not null) ? Methods.Sum(m => m.SecondsLeft) : null;

    /// <summary>The documented object of <c>graft compare --dry-run --json</c>.</summary>
    public JsonObject ToJson() => new()
    {
        ["plan"] = Plan.ToJson(),
        ["folder"] = Folder,
        ["planned"] = Planned,
        ["finished"] = Finished,
        ["secondsLeft"] = SecondsLeft,
        ["groups"] = new JsonArray([.. Groups.Select(g => (JsonNode)new JsonObject
        {
            ["task"] = g.Task,
            ["size"] = g.Size,
            ["trainRows"] = g.TrainRows,
            ["steps"] = g.Steps,
            ["planned"] = g.Planned,
            ["finished"] = g.Finished,
        })]),
        ["methods"] = new JsonArray([.. Methods.Select(m => (JsonNode)new JsonObject
        {
            ["method"] = m.Method,
            ["tasks"] = m.Tasks,
            ["trainedParameters"] = m.Trained,
            ["storedParameters"] = m.Stored,
            ["packageBytes"] = m.PackageBytes,
            ["stepSeconds"] = m.StepSeconds,
            ["planned"] = m.Planned,
            ["finished"] = m.Finished,
            ["secondsLeft"] = m.SecondsLeft,
        })]),
    };
}
