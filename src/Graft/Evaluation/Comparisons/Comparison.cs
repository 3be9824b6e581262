namespace Graft.Evaluation.Comparisons;

/// <summary>A plan and the runs of it that are finished, in the order of the plan: what reports and statistics are made of. Immutable.</summary>
/// <param name="Plan">The plan.</param>
/// <param name="Runs">Its finished runs.</param>
/// <param name="Planned">The number of runs of the whole matrix.</param>
public sealed record Comparison(ComparisonPlan Plan, IReadOnlyList<ComparisonRun> Runs, int Planned)
{
    /// <summary>The comparison on one row of the matrix alone.</summary>
    /// <param name="task">The task or mixture.</param>
    public Comparison Of(PlannedTask task) => this with { Plan = Plan with { Tasks = [task] } };

    /// <summary>The tasks of a mixture, each with the comparison of what the mixture's runs came to on it.</summary>
    /// <param name="mixture">The mixture.</param>
    /// <returns>None for a single task, and none before a run of the mixture is finished.</returns>
    public IEnumerable<(string Task, string Metric, Comparison Alone)> PartsOf(PlannedTask mixture)
    {
        var runs = Runs.Where(r => r.Task == mixture.Name).ToList();
        return runs.Count == 0 || runs[0].Scores.Count == 1
            ? []
            : runs[0].Scores.Select((part, i) =>
                (part.Task, part.Metric, Of(mixture) with { Runs = [.. runs.Select(r => r with { Scores = [r.Scores[i]] })] }));
    }
}
