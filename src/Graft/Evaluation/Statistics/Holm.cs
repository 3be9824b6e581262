namespace Graft.Evaluation.Statistics;

/// <summary>Holm's correction for many tests at once (Holm 1979, A simple sequentially rejective multiple test procedure). Stateless and thread-safe.</summary>
public static class Holm
{
    /// <summary>
    /// Adjusts the probabilities of a family of tests: the i-th smallest of m becomes <c>max over j ≤ i of min(1, (m - j + 1) p_j)</c>.
    /// Rejecting what is at most α keeps the chance of any false rejection in the family at α, however the tests depend on each other.
    /// </summary>
    /// <param name="probabilities">The probabilities, in any order.</param>
    /// <returns>One adjusted probability each, in the same order.</returns>
    public static double[] Adjust(IReadOnlyList<double> probabilities)
    {
        var adjusted = new double[probabilities.Count];
        var largest = 0.0;
        foreach (var (place, index) in Enumerable.Range(0, adjusted.Length).OrderBy(i => probabilities[i]).Index())
        {
            largest = Math.Max(largest, Math.Min(1, (adjusted.Length - place) * probabilities[index]));
            adjusted[index] = largest;
        }

        return adjusted;
    }
}
