namespace Graft.Evaluation.Statistics;

/// <summary>The offers that no other one beats in both cost and value. Stateless and thread-safe.</summary>
public static class ParetoFront
{
    /// <summary>Which offers are on the front: no other costs at most as much and is worth at least as much, one of them strictly.</summary>
    /// <param name="offers">The offers: a lower cost and a higher value are better.</param>
    /// <returns>One answer per offer; equal offers are on the front together.</returns>
    public static bool[] Of(IReadOnlyList<(double Cost, double Value)> offers) =>
        [.. offers.Select(mine => !offers.Any(other => other.Cost <= mine.Cost && other.Value >= mine.Value && other != mine))];
}
