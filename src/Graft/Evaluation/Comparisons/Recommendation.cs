namespace Graft.Evaluation.Comparisons;

/// <summary>
/// Which method a comparison recommends for one number of training rows, by a rule that is the same for everyone. Of the methods that
/// have the most tasks of this size (<see cref="MethodSummary.IsComparable"/>), the best one has the highest mean score. A
/// method is worse than it when the 95 % interval of their paired difference, by task and seed, lies above 0. Recommended is the
/// one with the fewest bytes per task that is not worse; of equal bytes the one with the higher mean. Where there is no interval
/// (fewer than two seeds) nothing is known of chance and the best mean is recommended, which the text says. Immutable.
/// </summary>
/// <param name="Size">The training rows of each task; null for all.</param>
/// <param name="Choice">The recommended method.</param>
/// <param name="Best">The method with the highest mean: often the same.</param>
/// <param name="AsGood">The other methods that are not worse than the best, by mean.</param>
/// <param name="Worse">The methods that are worse, by mean.</param>
/// <param name="Unknown">The methods that cannot be told from the best yet, for want of common seeds, by mean.</param>
public sealed record Recommendation(
    int? Size, MethodSummary Choice, MethodSummary Best,
    IReadOnlyList<MethodSummary> AsGood, IReadOnlyList<MethodSummary> Worse, IReadOnlyList<MethodSummary> Unknown)
{
    /// <summary>The recommendation in words, with its reasons and its limits.</summary>
    public string Text { get; private init; } = "";

    /// <summary>The recommendation of each size that has a finished run, in the order of the plan.</summary>
    /// <param name="summary">The statistics.</param>
    public static IReadOnlyList<Recommendation> Of(ComparisonSummary summary) =>
        [.. summary.Methods.Select(m => m.Size).Distinct().Select(size => Of(summary, size))];

    private static Recommendation Of(ComparisonSummary summary, int? size)
    {
        var methods = summary.Methods
            .Where(m => m.Size == size && m.IsComparable)
            .OrderByDescending(m => m.Score.Mean)
            .ThenBy(m => m.BytesPerTask)
            .ToList();
        var best = methods[0];
        var leads = methods.Skip(1).ToLookup(m => summary.Pair(best.Method, m.Method, size)?.Difference switch
        {
            { HasInterval: true, Low: > 0 } => Verdict.Worse,
            { HasInterval: true } => Verdict.AsGood,
            _ => Verdict.Unknown,
        });
        var choice = leads[Verdict.AsGood].Prepend(best).MinBy(m => m.BytesPerTask)!;
        var recommendation = new Recommendation(
            size, choice, best, [.. leads[Verdict.AsGood].Where(m => m != choice)], [.. leads[Verdict.Worse]], [.. leads[Verdict.Unknown]]);
        return recommendation with { Text = new RecommendationText(summary, recommendation).ToString() };
    }

    private enum Verdict
    {
        Worse,
        AsGood,
        Unknown,
    }
}
