using Graft.Evaluation.Statistics;

namespace Graft.Evaluation.Comparisons;

/// <summary>A method with one number of training rows over all tasks. Immutable.</summary>
/// <param name="Method">The plan's name for the method.</param>
/// <param name="Size">The training rows of each task; null for all.</param>
/// <param name="Score">The mean score.</param>
/// <param name="Tasks">The tasks (rows of the matrix) with at least one finished run.</param>
public sealed record MethodSummary(string Method, int? Size, Estimate Score, int Tasks)
{
    /// <summary>
    /// The mean rank among the methods that have any run of this size, 1 for the best, over the tasks and seeds that all of them
    /// have finished (<see cref="Ranks.Mean"/>); null where there is none.
    /// </summary>
    public double? Rank { get; init; }

    /// <summary>The number of tasks and seeds that <see cref="Rank"/> is a mean of.</summary>
    public int RankedOver { get; init; }

    /// <summary>Whether it has as many tasks as any other method of this size: a mean over fewer tasks is of other tasks and cannot be compared.</summary>
    public bool IsComparable { get; init; }

    /// <summary>Whether no comparable method has at least its mean score at no more bytes per task (<see cref="ParetoFront"/>).</summary>
    public bool IsOnFront { get; init; }

    /// <summary>Bytes on disk per task, head and manifest included: the mean over tasks.</summary>
    public required double BytesPerTask { get; init; }

    /// <summary>Stored parameters per task without the head: the mean over tasks.</summary>
    public required double ParametersPerTask { get; init; }

    /// <summary>The median wall time of a run in seconds; runs that searched for a learning rate count with their search.</summary>
    public required double Seconds { get; init; }

    /// <summary>The largest memory of any run in bytes; null where no run knows.</summary>
    public long? PeakMemory { get; init; }

    /// <summary>Summarizes the runs of a method.</summary>
    /// <param name="method">The plan's name for the method.</param>
    /// <param name="size">The training rows of each task; null for all.</param>
    /// <param name="byTask">Its finished runs, task by task: at least one.</param>
    internal static MethodSummary Of(string method, int? size, IReadOnlyList<IReadOnlyList<ComparisonRun>> byTask)
    {
        var runs = byTask.SelectMany(task => task).ToList();
        return new MethodSummary(method, size, Estimate.Of(runs.Select(r => (r.Task, r.Seed, r.Score))), byTask.Count)
        {
            BytesPerTask = MeanOverTasks(run => run.Sizes.BytesPerTask),
            ParametersPerTask = MeanOverTasks(run => run.Sizes.StoredPerTask),
            Seconds = Sample.Quantile([.. runs.Select(run => run.Seconds).Order()], 0.5),
            PeakMemory = runs.Max(run => run.PeakMemory),
        };

        double MeanOverTasks(Func<ComparisonRun, double> number) => Sample.Mean([.. byTask.Select(task => task.Select(number).ToList())]);
    }
}

/// <summary>A method on one task (or mixture) with one number of training rows. Immutable.</summary>
/// <param name="Method">The plan's name for the method.</param>
/// <param name="Task">The plan's name for the task.</param>
/// <param name="Size">The training rows; null for all.</param>
/// <param name="Score">The mean score over the seeds.</param>
/// <param name="Metric">The metric: those of a mixture's tasks are joined by <c>/</c> where they differ.</param>
/// <param name="Split">What it was measured on: <c>test</c>, <c>dev</c> where there are no labelled test rows, or <c>dev/test</c> for a mixture of both.</param>
/// <param name="TrainRows">The rows trained on, of all its tasks together.</param>
public sealed record TaskSummary(string Method, string Task, int? Size, Estimate Score, string Metric, string Split, int TrainRows)
{
    /// <summary>Summarizes the runs of a method on a task.</summary>
    /// <param name="method">The plan's name for the method.</param>
    /// <param name="task">The plan's name for the task.</param>
    /// <param name="size">The training rows; null for all.</param>
    /// <param name="runs">Its finished runs: at least one.</param>
    internal static TaskSummary Of(string method, string task, int? size, IReadOnlyList<ComparisonRun> runs)
    {
        var scores = runs.SelectMany(run => run.Scores).ToList();
        return new TaskSummary(
            method, task, size, Estimate.Of(runs.Select(r => (r.Task, r.Seed, r.Score))),
            Joined(scores.Select(s => s.Metric)), Joined(scores.Select(s => s.Split)), runs[0].Scores.Sum(s => s.TrainRows));
    }

    private static string Joined(IEnumerable<string> names) => string.Join('/', names.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
}

/// <summary>Two methods over the tasks and seeds that both have finished with one number of training rows. Immutable.</summary>
/// <param name="First">The method whose wins are counted.</param>
/// <param name="Second">The other.</param>
/// <param name="Size">The training rows of each task; null for all.</param>
/// <param name="Test">
/// Wins, ties and losses by task and seed, and Wilcoxon's signed-rank test of them. The seeds of a task resemble each other more than
/// tasks do, so the probability is that of these tasks.
/// </param>
/// <param name="Difference">The mean of the first's score minus the second's, with its interval; <see cref="Estimate.Runs"/> is the number of pairs.</param>
public sealed record PairSummary(string First, string Second, int? Size, PairedComparison Test, Estimate Difference)
{
    /// <summary>The probability after Holm's correction for all pairs of this size (<see cref="Holm.Adjust"/>).</summary>
    public double AdjustedP { get; init; }

    /// <summary>The pair seen from the second.</summary>
    public PairSummary Turned() => this with
    {
        First = Second, Second = First, Difference = Difference.Negated(), Test = Test with { Wins = Test.Losses, Losses = Test.Wins },
    };
}

/// <summary>A run of the plan that is not finished. Immutable.</summary>
/// <param name="Method">The plan's name for the method.</param>
/// <param name="Task">The plan's name for the task.</param>
/// <param name="Size">The training rows; null for all.</param>
/// <param name="Seed">The seed.</param>
public sealed record MissingRun(string Method, string Task, int? Size, long Seed);
