namespace Graft.Evaluation.Comparisons;

/// <summary>The matrix of a plan with the runs that are finished, by their places. Immutable.</summary>
internal sealed class PlannedRuns
{
    private readonly ComparisonPlan _plan;
    private readonly Dictionary<(string Method, string Task, int? Size, long Seed), ComparisonRun> _runs = [];

    /// <summary>Puts finished runs in their places; runs that the plan does not name have none.</summary>
    /// <param name="comparison">The plan and the runs.</param>
    internal PlannedRuns(Comparison comparison)
    {
        _plan = comparison.Plan;
        foreach (var run in comparison.Runs)
        {
            _runs[(run.Method, run.Task, run.Size, run.Seed)] = run;
        }

        Missing =
        [
            .. from size in _plan.Sizes from method in _plan.Methods from task in _plan.Tasks from seed in _plan.Seeds
               where Get(method.Name, task.Name, size, seed) is null
               select new MissingRun(method.Name, task.Name, size, seed),
        ];
    }

    /// <summary>The runs that are not finished, in the order of the plan.</summary>
    internal IReadOnlyList<MissingRun> Missing { get; }

    /// <summary>The run of a place; null while it is missing.</summary>
    internal ComparisonRun? Get(string method, string task, int? size, long seed) => _runs.GetValueOrDefault((method, task, size, seed));

    /// <summary>The finished runs of a method on a task, in the order of the seeds.</summary>
    internal IReadOnlyList<ComparisonRun> Of(string method, string task, int? size) => [.. _plan.Seeds.Select(seed => Get(method, task, size, seed)).OfType<ComparisonRun>()];

    /// <summary>The finished runs of a method.</summary>
    internal IReadOnlyList<ComparisonRun> Of(string method, int? size) => [.. _plan.Tasks.SelectMany(task => Of(method, task.Name, size))];

    /// <summary>The finished runs of a method, task by task; tasks without any are left out.</summary>
    internal IReadOnlyList<IReadOnlyList<ComparisonRun>> ByTask(string method, int? size) =>
        [.. _plan.Tasks.Select(task => Of(method, task.Name, size)).Where(finished => finished.Count > 0)];

    /// <summary>The tasks and seeds for which every one of some methods is finished.</summary>
    internal IReadOnlyList<(string Task, long Seed)> Common(IReadOnlyCollection<string> methods, int? size) =>
    [
        .. from task in _plan.Tasks from seed in _plan.Seeds
           where methods.Count > 0 && methods.All(method => Get(method, task.Name, size, seed) is not null)
           select (task.Name, seed),
    ];
}
