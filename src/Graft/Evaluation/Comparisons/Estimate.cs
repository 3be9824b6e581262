using Graft.Evaluation.Statistics;

namespace Graft.Evaluation.Comparisons;

/// <summary>
/// A mean of scores (fractions) and how sure it is. Immutable.
/// </summary>
/// <param name="Mean">The mean over the tasks of each task's mean over its seeds.</param>
/// <param name="Deviation">The standard deviation between seeds of the mean over the tasks, of the seeds that have every task; null for fewer than two.</param>
/// <param name="Low">
/// The lower end of the 95 % bootstrap interval that draws seeds within each task
/// (<see cref="Sample.Bootstrap95(IReadOnlyList{IReadOnlyList{double}}, int)"/>). Tasks are kept: it speaks of these tasks, not of others.
/// </param>
/// <param name="High">Its upper end; with one seed both ends are the mean, and <see cref="HasInterval"/> says no.</param>
/// <param name="Runs">The number of scores.</param>
public sealed record Estimate(double Mean, double? Deviation, double Low, double High, int Runs)
{
    /// <summary>Whether there were seeds enough, two of every task, for an interval to say something.</summary>
    public bool HasInterval => Deviation is not null;

    /// <summary>Estimates the mean of scores.</summary>
    /// <param name="scores">At least one score with its task and seed.</param>
    /// <exception cref="ArgumentException">There is none.</exception>
    public static Estimate Of(IEnumerable<(string Task, long Seed, double Score)> scores)
    {
        var all = scores.ToList();
        var tasks = all.GroupBy(s => s.Task, StringComparer.Ordinal).Select(task => task.Select(s => s.Score).ToList()).ToList();
        var bySeed = all.GroupBy(s => s.Seed).Where(seed => seed.Count() == tasks.Count).Select(seed => seed.Average(s => s.Score)).ToList();
        var (low, high) = Sample.Bootstrap95([.. tasks]);
        return new Estimate(Sample.Mean([.. tasks]), bySeed.Count > 1 ? Sample.Deviation(bySeed) : null, low, high, all.Count);
    }

    /// <summary>The estimate of the same with the opposite sign.</summary>
    internal Estimate Negated() => this with { Mean = -Mean, Low = -High, High = -Low };
}
