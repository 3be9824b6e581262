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

    /// <summary>The mean of the means of several strata, each counting the same, however many values it has.</summary>
    /// <param name="strata">At least one stratum with at least one number each.</param>
    /// <exception cref="ArgumentException">There is no stratum, or one is empty.</exception>
    public static double Mean(IReadOnlyCollection<IReadOnlyList<double>> strata) => Mean([.. strata.Select(Mean)]);

    /// <summary>The 95 % interval of the mean of one sample: that of <see cref="Bootstrap95(IReadOnlyList{IReadOnlyList{double}}, int)"/> for one stratum.</summary>
    /// <param name="values">At least one number.</param>
    /// <param name="seed">The seed of the resamples.</param>
    /// <exception cref="ArgumentException">There is no value.</exception>
    public static ConfidenceInterval Bootstrap95(IReadOnlyList<double> values, int seed = 0) => Bootstrap95([values], seed);

    /// <summary>
    /// The percentile bootstrap's 95 % interval of the mean of strata's means (Efron and Tibshirani 1993, chapter 13): 10,000
    /// resamples with replacement within each stratum, cut at 2.5 % and 97.5 % with linear interpolation. Strata are kept, so the
    /// interval says how the mean would vary with new values of the same strata, not with others. Of n values n - 1 are drawn,
    /// which makes the variance of a resampled mean the unbiased s²/n (Rao and Wu 1988; drawing n makes the intervals of three
    /// values too narrow by a fifth); a stratum of one value has no spread to show. The draws depend on the seed alone.
    /// </summary>
    /// <param name="strata">At least one stratum with at least one number each.</param>
    /// <param name="seed">The seed of the resamples.</param>
    /// <returns>The interval; a point where no stratum has two different values.</returns>
    /// <exception cref="ArgumentException">There is no stratum, or one is empty.</exception>
    public static ConfidenceInterval Bootstrap95(IReadOnlyList<IReadOnlyList<double>> strata, int seed = 0)
    {
        if (strata.Count == 0 || strata.Any(s => s.Count == 0))
        {
            throw new ArgumentException("No values give no interval.", nameof(strata));
        }

        var random = new Random(seed);
        var means = new double[Resamples];
        for (var r = 0; r < Resamples; r++)
        {
            var sum = 0.0;
            foreach (var stratum in strata)
            {
                sum += ResampledMean(stratum, random);
            }

            means[r] = sum / strata.Count;
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

    private static double ResampledMean(IReadOnlyList<double> values, Random random)
    {
        var draws = Math.Max(1, values.Count - 1);
        var sum = 0.0;
        for (var i = 0; i < draws; i++)
        {
            sum += values[random.Next(values.Count)];
        }

        return sum / draws;
    }
}
