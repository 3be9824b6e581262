using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Graft.Tasks;
using Graft.Tasks.Mixtures;

namespace Graft.Evaluation.Comparisons;

/// <summary>
/// A matrix of runs, methods × tasks × sizes × seeds on one backbone, and the budget that every run gets. Immutable. Its file is
/// <c>plan.json</c>, whose keys are the snake_case names of the properties; <c>docs/compare.md</c> shows one.
/// </summary>
public sealed partial record ComparisonPlan
{
    /// <summary>The comparison's name: that of its file without <c>.json</c> where it gives none.</summary>
    public required string Name { get; init; }

    /// <summary>A backbone folder, or the name of a pulled one.</summary>
    public string Backbone { get; init; } = "minilm";

    /// <summary>The methods, in the order in which reports show them.</summary>
    public required IReadOnlyList<PlannedMethod> Methods { get; init; }

    /// <summary>The tasks and mixtures of tasks, in the order in which reports show them.</summary>
    public required IReadOnlyList<PlannedTask> Tasks { get; init; }

    /// <summary>Training rows of each task; null for all.</summary>
    public IReadOnlyList<int?> Sizes { get; init; } = [null];

    /// <summary>The seeds.</summary>
    public IReadOnlyList<long> Seeds { get; init; } = [0, 1, 2];

    /// <summary>A folder to look for the tasks' data first.</summary>
    public string? Data { get; init; }

    /// <summary>Where dev and test rows come from.</summary>
    public SplitRule Split { get; init; }

    /// <summary>The seed of the orders of that rule.</summary>
    public long SplitSeed { get; init; } = 32;

    /// <summary>Passes over the rows; null where <see cref="Steps"/> is given.</summary>
    public double? Epochs { get; init; }

    /// <summary>Optimizer steps of every run, whatever the method and size.</summary>
    public int? Steps { get; init; }

    /// <summary>Evaluations on dev during a run, spread evenly over its steps; the best one is kept.</summary>
    public int Evaluations { get; init; } = 5;

    /// <summary>Rows of an optimizer step.</summary>
    public int Batch { get; init; } = 16;

    /// <summary>How the tasks of a mixture are drawn by methods that train them together.</summary>
    public MixtureSettings Mixture { get; init; } = new();

    /// <summary>
    /// What the method's own learning rate is multiplied by in the search that every method gets: with the first seed of each method,
    /// task and size every factor is tried and the best on dev is kept, for the other seeds too. One factor: no search.
    /// </summary>
    public IReadOnlyList<double> LearningRateFactors { get; init; } = [0.3, 1, 3];

    /// <summary>The most training rows of a task, drawn with seed 0, of which the sizes are drawn; null for all.</summary>
    public int? TrainRows { get; init; }

    /// <summary>The most dev rows that are evaluated on, drawn with seed 0; null for all.</summary>
    public int? DevRows { get; init; }

    /// <summary>The most test rows that are evaluated on, drawn with seed 0; null for all.</summary>
    public int? TestRows { get; init; }

    /// <summary>The longest row in tokens; null for the model's longest, at most 256.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>The type of the frozen weights: <c>f32</c> or <c>bf16</c>.</summary>
    public string Precision { get; init; } = "f32";

    /// <summary>Where to compute: <c>cpu</c>, <c>cuda</c> or <c>cuda:1</c>.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>Statements that the comparison tests; they do not change its runs.</summary>
    public IReadOnlyList<Hypothesis> Hypotheses { get; init; } = [];

    /// <summary>
    /// Every run of the matrix: seed by seed, then by size, task and method, so that a comparison that is under way has seen every method on
    /// every task early. A run of a later seed comes after the run of the first seed, whose learning rate it takes.
    /// </summary>
    [JsonIgnore]
    public IEnumerable<PlannedRun> Runs =>
        from seed in Seeds from size in Sizes from task in Tasks from method in Methods select new PlannedRun(method, task, size, seed);
}

/// <summary>A run of a plan's matrix. Immutable.</summary>
/// <param name="Method">The method.</param>
/// <param name="Task">The task or mixture.</param>
/// <param name="Size">Training rows of each task; null for all.</param>
/// <param name="Seed">The seed.</param>
public sealed record PlannedRun(PlannedMethod Method, PlannedTask Task, int? Size, long Seed)
{
    /// <summary>The run in a word, as <c>--only</c> takes it: <c>METHOD/TASK/SIZE/SEED</c>.</summary>
    public string Label => $"{Method.Name}/{Task.Name}/{(Size is { } size ? $"{size}" : ComparisonPlan.AllRows)}/{Seed}";
}

/// <summary>A method of a plan. Immutable.</summary>
/// <param name="Name">What reports call it; unique in the plan.</param>
/// <param name="Method">Its name in the registry.</param>
/// <param name="Set">Its settings; what they do not name keeps its default.</param>
/// <param name="LearningRate">The learning rate that the search's factors multiply; null for the method's own.</param>
/// <param name="Share">Whether the tasks of a mixture train one adapter, where the method's adapters hold one task.</param>
public sealed record PlannedMethod(string Name, string Method, JsonObject? Set = null, double? LearningRate = null, bool Share = false)
{
    /// <summary>The backbone that it tunes instead of the plan's, such as one that was pretrained on a field's texts or a task's own; null for the plan's.</summary>
    public PlaceByTask? Backbone { get; init; }

    /// <summary>The package at whose adapter its own begin, such as one that was pretrained; null to begin anew.</summary>
    public PlaceByTask? Start { get; init; }
}

/// <summary>A task of a plan, or a mixture of tasks, which is one row of the matrix. Immutable.</summary>
/// <param name="Name">What reports call it; unique in the plan.</param>
/// <param name="Tasks">Names of tasks or paths of task files: one, or several for a mixture.</param>
public sealed record PlannedTask(string Name, IReadOnlyList<string> Tasks);
