namespace Graft.Evaluation.Statistics;

/// <summary>An interval of a bootstrap. Immutable.</summary>
/// <param name="Low">Its lower end.</param>
/// <param name="High">Its upper end.</param>
public readonly record struct ConfidenceInterval(double Low, double High);

/// <summary>What repeated runs gave: mean, deviation and how sure the mean is. Stateless and thread-safe.</summary>
public static class Sample
{
    private const int Resamples = 10_000;

    /// <summary>The arithmetic mean.</summary>
    /// <param name="values">At least one number.</param>
    /// <exception cref="ArgumentException">There is none.</exception>
    public static double Mean(IReadOnlyCollection<double> values) => values.Count > 0
        ? values.Average()
        : throw new ArgumentException("The mean of no values is not defined.", nameof(values));

    /// <summary>The standard deviation of a sample, <c>√(Σ (x - x̄)² / (n - 1))</c>; NaN for a single value, which says nothing about it.</summary>
    /// <param name="values">At least one number.</param>
    /// <exception cref="ArgumentException">There is none.</exception>
    public static double Deviation(IReadOnlyCollection<double> values)
    {
        var mean = Mean(values);
        return values.Count > 1 ? Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Count - 1)) : double.NaN;
    }

    /// <summary>
    /// The percentile bootstrap's 95 % interval of the mean (Efron and Tibshirani 1993, chapter 13): means of 10,000 resamples with
    /// replacement, cut at 2.5 % and 97.5 % with linear interpolation. The draws depend on the seed alone.
    /// </summary>
    /// <param name="values">At least one number.</param>
    /// <param name="seed">The seed of the resamples.</param>
    /// <returns>The interval; a point where all values are equal.</returns>
    /// <exception cref="ArgumentException">There is no value.</exception>
    public static ConfidenceInterval Bootstrap95(IReadOnlyList<double> values, int seed = 0)
    {
        if (values.Count == 0)
        {
            throw new ArgumentException("No values give no interval.", nameof(values));
        }

        var random = new Random(seed);
        var means = new double[Resamples];
        for (var r = 0; r < Resamples; r++)
        {
            var sum = 0.0;
            for (var i = 0; i < values.Count; i++)
            {
                sum += values[random.Next(values.Count)];
            }

            means[r] = sum / values.Count;
        }

        Array.Sort(means);
        return new ConfidenceInterval(Quantile(means, 0.025), Quantile(means, 0.975));
    }

    /// <summary>A quantile by linear interpolation between the order statistics around <c>(n - 1) p</c> (Hyndman and Fan's type 7).</summary>
    /// <param name="sorted">At least one number, ascending.</param>
    /// <param name="p">The share below it, in [0, 1].</param>
    public static double Quantile(IReadOnlyList<double> sorted, double p)
    {
        var place = (sorted.Count - 1) * p;
        var below = (int)Math.Floor(place);
        var above = Math.Min(below + 1, sorted.Count - 1);
        return sorted[below] + ((place - below) * (sorted[above] - sorted[below]));
    }
}
