namespace Graft.Evaluation.Statistics;

/// <summary>Places of values among each other. Stateless and thread-safe.</summary>
public static class Ranks
{
    /// <summary>The rank of each value from 1, ties sharing the mean of their places.</summary>
    /// <param name="values">The values.</param>
    /// <param name="descending">Whether the largest value has rank 1.</param>
    /// <returns>One rank per value, in the order of the values.</returns>
    public static double[] Of(IReadOnlyList<double> values, bool descending = false)
    {
        var order = Enumerable.Range(0, values.Count).ToArray();
        Array.Sort(order, (a, b) => (descending ? -1 : 1) * values[a].CompareTo(values[b]));
        var ranks = new double[values.Count];
        for (var start = 0; start < order.Length;)
        {
            var end = start + 1;
            while (end < order.Length && values[order[end]].Equals(values[order[start]]))
            {
                end++;
            }

            for (var i = start; i < end; i++)
            {
                ranks[order[i]] = (start + 1 + end) / 2.0;
            }

            start = end;
        }

        return ranks;
    }

    /// <summary>The mean rank of each competitor over several tables of results, rank 1 for the largest (Demšar 2006, section 3.2.2).</summary>
    /// <param name="results">One row per task and seed: the results of the same competitors in the same order.</param>
    /// <returns>One mean rank per competitor.</returns>
    /// <exception cref="ArgumentException">There is no row, or rows differ in length.</exception>
    public static double[] Mean(IReadOnlyList<IReadOnlyList<double>> results)
    {
        if (results.Count == 0 || results.Any(r => r.Count != results[0].Count))
        {
            throw new ArgumentException("Mean ranks need rows of equal length, at least one.", nameof(results));
        }

        var sums = new double[results[0].Count];
        foreach (var row in results)
        {
            var ranks = Of(row, descending: true);
            for (var i = 0; i < sums.Length; i++)
            {
                sums[i] += ranks[i];
            }
        }

        return [.. sums.Select(s => s / results.Count)];
    }
}
