using Graft.Evaluation.Statistics;

namespace Graft.Evaluation.Comparisons;

/// <summary>
/// The statistics of a comparison. Every size of the plan is judged by itself. A score is a run's mean over the tasks of its row of the
/// matrix (<see cref="ComparisonRun.Score"/>), a fraction. Numbers are made of the runs that are finished, and say of how many;
/// what is missing is listed. Immutable; the same runs give the same numbers.
/// </summary>
/// <param name="Methods">Each method with each size, sizes and methods in the order of the plan; those without any run are left out.</param>
/// <param name="Tasks">Each method with each task and size, in the order of the plan; those without any run are left out.</param>
/// <param name="Pairs">Each pair of methods with each size, the earlier one of the plan first; those without a common run are left out.</param>
/// <param name="Missing">The runs of the plan that are not finished.</param>
public sealed record ComparisonSummary(
    IReadOnlyList<MethodSummary> Methods, IReadOnlyList<TaskSummary> Tasks, IReadOnlyList<PairSummary> Pairs, IReadOnlyList<MissingRun> Missing)
{
    /// <summary>Computes the statistics of the runs that a plan names; other runs are left aside.</summary>
    /// <param name="comparison">The plan and its finished runs.</param>
    public static ComparisonSummary Of(Comparison comparison)
    {
        var plan = comparison.Plan;
        var runs = new PlannedRuns(comparison);
        return new ComparisonSummary(
            [.. plan.Sizes.SelectMany(size => MethodsOf(plan, runs, size))],
            [.. from size in plan.Sizes from method in plan.Methods from task in plan.Tasks
                let finished = runs.Of(method.Name, task.Name, size)
                where finished.Count > 0
                select TaskSummary.Of(method.Name, task.Name, size, finished)],
            [.. plan.Sizes.SelectMany(size => PairsOf(plan, runs, size))],
            runs.Missing);
    }

    /// <summary>The pair of two methods, whichever of them the plan names first.</summary>
    /// <param name="first">The method whose wins are counted.</param>
    /// <param name="second">The other.</param>
    /// <param name="size">The training rows; null for all.</param>
    /// <returns>The pair; null where no run of both is finished for the same task and seed.</returns>
    public PairSummary? Pair(string first, string second, int? size) => Pairs
        .Where(p => p.Size == size)
        .Select(p => (p.First, p.Second) == (first, second) ? p : (p.Second, p.First) == (first, second) ? p.Turned() : null)
        .FirstOrDefault(p => p is not null);

    private static IEnumerable<MethodSummary> MethodsOf(ComparisonPlan plan, PlannedRuns runs, int? size)
    {
        var started = plan.Methods.Select(m => m.Name).Where(m => runs.Of(m, size).Count > 0).ToList();
        var mostTasks = started.Select(m => runs.ByTask(m, size).Count).DefaultIfEmpty().Max();
        var blocks = runs.Common(started, size);
        var ranks = blocks.Count > 0
            ? Ranks.Mean([.. blocks.Select(block => started.Select(m => runs.Get(m, block.Task, size, block.Seed)!.Score).ToList())])
            : null;
        var summaries = started
            .Select((method, i) => MethodSummary.Of(method, size, runs.ByTask(method, size)) with
            {
                Rank = ranks?[i],
                RankedOver = blocks.Count,
                IsComparable = runs.ByTask(method, size).Count == mostTasks,
            })
            .ToList();
        var comparable = summaries.Where(s => s.IsComparable).ToList();
        var front = ParetoFront.Of([.. comparable.Select(s => (s.BytesPerTask, s.Score.Mean))]);
        var onFront = comparable.Where((_, i) => front[i]).Select(s => s.Method).ToHashSet(StringComparer.Ordinal);
        return summaries.Select(s => s with { IsOnFront = onFront.Contains(s.Method) });
    }

    private static IEnumerable<PairSummary> PairsOf(ComparisonPlan plan, PlannedRuns runs, int? size)
    {
        var names = plan.Methods.Select(m => m.Name).ToList();
        var pairs = (
            from first in Enumerable.Range(0, names.Count)
            from second in Enumerable.Range(first + 1, names.Count - first - 1)
            let blocks = runs.Common([names[first], names[second]], size)
            where blocks.Count > 0
            select Compare(runs, names[first], names[second], size, blocks)).ToList();
        var adjusted = Holm.Adjust([.. pairs.Select(p => p.Test.P)]);
        return pairs.Select((pair, i) => pair with { AdjustedP = adjusted[i] });
    }

    private static PairSummary Compare(PlannedRuns runs, string first, string second, int? size, IReadOnlyList<(string Task, long Seed)> blocks)
    {
        var scores = blocks.Select(b => (b.Task, b.Seed, First: runs.Get(first, b.Task, size, b.Seed)!.Score, Second: runs.Get(second, b.Task, size, b.Seed)!.Score)).ToList();
        return new PairSummary(
            first, second, size,
            Wilcoxon.Compare([.. scores.Select(s => s.First)], [.. scores.Select(s => s.Second)]),
            Estimate.Of(scores.Select(s => (s.Task, s.Seed, s.First - s.Second))));
    }
}
