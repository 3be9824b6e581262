using Graft.Torch;

namespace Graft.Methods.Core;

/// <summary>Where a task starts that is added to a trained adapter. Stateless.</summary>
public static class NewTask
{
    /// <summary>The share that each known task has in the start of a new one.</summary>
    /// <param name="similarities">For each row of the new task its similarity to each known task; at least one row and one task.</param>
    /// <param name="start">How the new task starts.</param>
    /// <param name="temperature">τ of a mixture.</param>
    /// <returns>Weights that sum to 1; all zero for a fresh start.</returns>
    public static double[] Weights(IReadOnlyList<double[]> similarities, TaskStart start, double temperature)
    {
        ArgumentNullException.ThrowIfNull(similarities);
        var means = Means(similarities);
        return start switch
        {
            TaskStart.Nearest => One(means.Length, Largest(means)),
            TaskStart.Vote => One(means.Length, Largest(Votes(similarities, means))),
            TaskStart.Mixture => Softmax(means, temperature),
            _ => new double[means.Length],
        };
    }

    /// <summary>The whole share for the task with the largest score, the first of equals.</summary>
    /// <param name="scores">A score of each known task, at least one; NaN is the smallest.</param>
    public static double[] Best(IReadOnlyList<double> scores)
    {
        ArgumentNullException.ThrowIfNull(scores);
        return One(scores.Count, Largest([.. scores.Select(s => double.IsNaN(s) ? double.NegativeInfinity : s)]));
    }

    /// <summary>The mean similarity to each known task.</summary>
    /// <param name="similarities">For each row its similarity to each known task; at least one row.</param>
    public static double[] Means(IReadOnlyList<double[]> similarities)
    {
        ArgumentNullException.ThrowIfNull(similarities);
        return [.. Enumerable.Range(0, similarities[0].Length).Select(t => similarities.Average(row => row[t]))];
    }

    /// <summary>Sets what belongs to a task alone to a weighted mean of what belongs to others.</summary>
    /// <param name="adapter">The adapter; changed.</param>
    /// <param name="task">The task to start.</param>
    /// <param name="weights">The share of each other task; a single share of 1 copies it bit for bit. None leaves the task as it is.</param>
    public static void StartAt(Adapter adapter, string task, IReadOnlyDictionary<string, double> weights)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        ArgumentNullException.ThrowIfNull(weights);
        var shares = weights.Where(w => w.Value > 0).ToList();
        if (shares.Count == 0)
        {
            return;
        }

        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        var values = CompactForm.State(adapter).ToDictionary(s => s.Path, s => s.Value, StringComparer.Ordinal);
        foreach (var (path, value) in values.Where(v => adapter.TaskOf(v.Key) == task))
        {
            var key = path[$"tasks.{task}".Length..];
            value.Copy_(shares.Count == 1
                ? values[$"tasks.{shares[0].Key}{key}"]
                : shares.Select(s => values[$"tasks.{s.Key}{key}"] * s.Value).Aggregate((sum, term) => sum + term));
        }
    }

    // A row counts as a whole vote, and its nearness decides between equals.
    private static double[] Votes(IReadOnlyList<double[]> similarities, double[] means)
    {
        var votes = means.Select(m => m / (4.0 * means.Length)).ToArray();
        foreach (var row in similarities)
        {
            votes[Largest(row)]++;
        }

        return votes;
    }

    private static double[] Softmax(double[] values, double temperature)
    {
        var powers = values.Select(v => Math.Exp((v - values.Max()) / temperature)).ToArray();
        return [.. powers.Select(p => p / powers.Sum())];
    }

    private static double[] One(int count, int at) => [.. Enumerable.Range(0, count).Select(i => i == at ? 1.0 : 0)];

    private static int Largest(double[] values) => Array.IndexOf(values, values.Max());
}
