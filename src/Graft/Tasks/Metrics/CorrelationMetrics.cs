namespace Graft.Tasks;

/// <summary>Correlations of numbers: 0 when either side is constant or there are fewer than two rows, NaN when a number is not finite. Stateless.</summary>
internal static class CorrelationMetrics
{
    /// <summary>sum (x - mean x)(y - mean y) / sqrt(sum (x - mean x)^2 sum (y - mean y)^2).</summary>
    public static double Pearson(Predictions predictions) => Pearson(predictions.ExpectedScores, predictions.PredictedScores);

    /// <summary>Pearson's correlation of the ranks, rows of equal value sharing the mean of their ranks.</summary>
    public static double Spearman(Predictions predictions) =>
        predictions.ExpectedScores.Concat(predictions.PredictedScores).All(double.IsFinite)
            ? Pearson(Ranks(predictions.ExpectedScores), Ranks(predictions.PredictedScores))
            : double.NaN;

    private static double Pearson(IReadOnlyList<double> x, IReadOnlyList<double> y)
    {
        if (!x.Concat(y).All(double.IsFinite))
        {
            return double.NaN;
        }

        if (IsConstant(x) || IsConstant(y))
        {
            return 0;
        }

        var (a, b) = (Centred(x), Centred(y));
        double product = 0, ofA = 0, ofB = 0;
        for (var row = 0; row < a.Length; row++)
        {
            product += a[row] * b[row];
            ofA += a[row] * a[row];
            ofB += b[row] * b[row];
        }

        return Math.Clamp(product / (Math.Sqrt(ofA) * Math.Sqrt(ofB)), -1, 1);
    }

    private static bool IsConstant(IReadOnlyList<double> values) => values.Count == 0 || values.All(value => value == values[0]);

    /// <summary>The values less their mean, scaled so that the largest is 1: huge and tiny numbers neither overflow nor vanish when squared.</summary>
    private static double[] Centred(IReadOnlyList<double> values)
    {
        var largest = values.Max(Math.Abs);
        var scaled = values.Select(value => value / largest).ToArray();
        var mean = scaled.Average();
        var spread = scaled.Max(value => Math.Abs(value - mean));
        return [.. scaled.Select(value => spread == 0 ? 0 : (value - mean) / spread)];
    }

    private static double[] Ranks(IReadOnlyList<double> values)
    {
        var order = Enumerable.Range(0, values.Count).OrderBy(row => values[row]).ToArray();
        var ranks = new double[values.Count];
        for (var first = 0; first < order.Length;)
        {
            var last = first;
            while (last + 1 < order.Length && values[order[last + 1]] == values[order[first]])
            {
                last++;
            }

            for (var at = first; at <= last; at++)
            {
                ranks[order[at]] = ((first + last) / 2.0) + 1;
            }

            first = last + 1;
        }

        return ranks;
    }
}
