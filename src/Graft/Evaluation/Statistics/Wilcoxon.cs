namespace Graft.Evaluation.Statistics;

/// <summary>The outcome of a paired comparison. Immutable.</summary>
/// <param name="Wins">Pairs in which the first is larger.</param>
/// <param name="Ties">Pairs that are equal.</param>
/// <param name="Losses">Pairs in which the second is larger.</param>
/// <param name="Statistic">The smaller of the rank sums of positive and negative differences.</param>
/// <param name="P">The two-sided probability of a statistic at most as large if neither were better; 1 where every pair is equal.</param>
public sealed record PairedComparison(int Wins, int Ties, int Losses, double Statistic, double P);

/// <summary>
/// Wilcoxon's signed-rank test for paired results (Wilcoxon 1945): equal pairs are left out, equal differences share the mean of
/// their ranks. The probability is exact for up to 50 unequal pairs, ties included (the distribution over all 2ⁿ signs is
/// counted), and beyond that the normal approximation with correction for ties. Stateless and thread-safe.
/// </summary>
public static class Wilcoxon
{
    private const int MostExact = 50;

    /// <summary>Compares paired results.</summary>
    /// <param name="first">Results of the first, one per task and seed.</param>
    /// <param name="second">Results of the second for the same tasks and seeds.</param>
    /// <exception cref="ArgumentException">They differ in number.</exception>
    public static PairedComparison Compare(IReadOnlyList<double> first, IReadOnlyList<double> second)
    {
        if (first.Count != second.Count)
        {
            throw new ArgumentException($"{first.Count} results cannot be paired with {second.Count}.", nameof(second));
        }

        var differences = first.Zip(second, (a, b) => a - b).ToList();
        var unequal = differences.Where(d => d != 0).ToList();
        var wins = unequal.Count(d => d > 0);
        if (unequal.Count == 0)
        {
            return new PairedComparison(0, differences.Count, 0, 0, 1);
        }

        var ranks = Ranks.Of([.. unequal.Select(Math.Abs)]);
        var positive = ranks.Where((_, i) => unequal[i] > 0).Sum();
        var statistic = Math.Min(positive, ranks.Sum() - positive);
        var p = unequal.Count <= MostExact ? Exact(ranks, statistic) : Approximate(ranks, statistic);
        return new PairedComparison(wins, differences.Count - unequal.Count, unequal.Count - wins, statistic, p);
    }

    /// <summary>The share of the 2ⁿ ways to sign the ranks with a sum of positive ranks at most the statistic, on both sides.</summary>
    private static double Exact(double[] ranks, double statistic)
    {
        // Shared ranks are halves of whole numbers, so doubled ones are whole and their sums can be counted.
        var doubled = ranks.Select(r => (int)Math.Round(2 * r)).ToArray();
        var ways = new double[doubled.Sum() + 1];
        ways[0] = 1;
        foreach (var rank in doubled)
        {
            for (var sum = ways.Length - 1; sum >= rank; sum--)
            {
                ways[sum] += ways[sum - rank];
            }
        }

        return Math.Min(1, 2 * ways.Take((int)Math.Round(2 * statistic) + 1).Sum() / Math.Pow(2, ranks.Length));
    }

    private static double Approximate(double[] ranks, double statistic)
    {
        double n = ranks.Length;
        var ties = ranks.GroupBy(r => r).Sum(g => Math.Pow(g.Count(), 3) - g.Count());
        var deviation = Math.Sqrt((n * (n + 1) * ((2 * n) + 1) / 24) - (ties / 48));
        return Math.Min(1, 2 * NormalBelow((statistic - (n * (n + 1) / 4)) / deviation));
    }

    /// <summary>The standard normal distribution function by its continued fraction and series (Abramowitz and Stegun 26.2.10, 26.2.14).</summary>
    private static double NormalBelow(double z)
    {
        if (z > 0)
        {
            return 1 - NormalBelow(-z);
        }

        var x = -z;
        var density = Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);
        if (x > 3)
        {
            var fraction = 0.0;
            for (var k = 60; k > 0; k--)
            {
                fraction = k / (x + fraction);
            }

            return density / (x + fraction);
        }

        var (term, sum) = (x, x);
        for (var k = 1; Math.Abs(term) > 1e-17; k++)
        {
            term *= -x * x * ((2 * k) - 1) / (2.0 * k * ((2 * k) + 1));
            sum += term;
        }

        return 0.5 - (sum / Math.Sqrt(2 * Math.PI));
    }
}
