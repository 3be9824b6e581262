using Graft.Backbones;
using Graft.Torch;

namespace Graft.Methods.Core;

/// <summary>Where a new task started.</summary>
/// <param name="Similarities">How like its rows are to each known task on average; empty where nobody asked.</param>
/// <param name="Weights">The share of each known task in the start; empty for a fresh one.</param>
public sealed record TaskStartReport(IReadOnlyDictionary<string, double> Similarities, IReadOnlyDictionary<string, double> Weights);

/// <summary>Adds a task to a trained adapter. Stateless; the adapter that is made belongs to the caller.</summary>
public static class NewTask
{
    /// <summary>An adapter with one more task; everything else has the bits of the given one.</summary>
    /// <param name="adapter">The adapter; not changed.</param>
    /// <param name="backbone">The backbone it was attached to.</param>
    /// <param name="task">The new task.</param>
    /// <param name="rng">The generator of the new task's initial values.</param>
    /// <exception cref="GraftException">The method's adapters hold one task each, or the adapter holds a task of this name.</exception>
    public static Adapter Extend(Adapter adapter, Backbone backbone, string task, Rng rng)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        if (!adapter.Method.SharesAcrossTasks)
        {
            throw new GraftException($"An adapter of {adapter.Method.Name} holds one task, so that none can be added; train the new one by itself (graft train).");
        }

        if (adapter.Tasks.Contains(task, StringComparer.Ordinal))
        {
            throw new GraftException($"The adapter '{adapter.Name}' holds the task '{task}'; give the new one another name.");
        }

        var extended = adapter.Method.Attach(backbone, adapter.Name, adapter.Config, rng, [.. adapter.Tasks, task]);
        try
        {
            using var scope = new TensorScope();
            using var frozen = Autograd.NoGrad();
            if (adapter.Parameters().FirstOrDefault() is { } first)
            {
                extended.ConvertTo(first.Value.DType);
            }

            var values = State(extended).ToDictionary(s => s.Path, s => s.Value, StringComparer.Ordinal);
            foreach (var (path, value) in State(adapter))
            {
                values[path].Copy_(value);
            }

            return extended;
        }
        catch
        {
            extended.Dispose();
            throw;
        }
    }

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
        var values = State(adapter).ToDictionary(s => s.Path, s => s.Value, StringComparer.Ordinal);
        foreach (var (path, value) in values.Where(v => adapter.TaskOf(v.Key) == task))
        {
            var key = path[$"tasks.{task}".Length..];
            value.Copy_(shares.Count == 1
                ? values[$"tasks.{shares[0].Key}{key}"]
                : shares.Select(s => values[$"tasks.{s.Key}{key}"] * s.Value).Aggregate((sum, term) => sum + term));
        }
    }

    private static IEnumerable<(string Path, Tensor Value)> State(Adapter adapter) =>
        adapter.NamedParameters().Select(p => (p.Path, p.Parameter.Value)).Concat(adapter.NamedBuffers().Select(b => (b.Path, b.Buffer.Value)));

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
