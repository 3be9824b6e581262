namespace Graft.Evaluation.Comparisons;

/// <summary>What runs say of a hypothesis.</summary>
public enum Verdict
{
    /// <summary>The 95 % interval lies wholly where the hypothesis says.</summary>
    Supported,

    /// <summary>The 95 % interval lies wholly where it does not say, or a package is larger than it says.</summary>
    Refuted,

    /// <summary>The 95 % interval reaches to both sides.</summary>
    Undecided,

    /// <summary>Runs are missing, or there are too few seeds for an interval.</summary>
    Untested,
}

/// <summary>A hypothesis held against one other method. Immutable.</summary>
/// <param name="Other">The other method.</param>
/// <param name="Size">The training rows; null for all of them, and for a lead that is compared between two sizes.</param>
/// <param name="Difference">The method's mean score minus the other's, or by how much the lead is larger with fewer rows; null without common runs.</param>
/// <param name="StorageRatio">The adapters' bytes as a share of the other's; null where the hypothesis says nothing of them.</param>
/// <param name="Verdict">What follows.</param>
public sealed record HypothesisCheck(string Other, int? Size, Estimate? Difference, double? StorageRatio, Verdict Verdict);

/// <summary>
/// A hypothesis with its verdict. Better: the interval of the paired difference lies above 0 (refuted: below 0). As good: it lies above minus the margin, a
/// test of non-inferiority (refuted: below it). Leads more with less: the interval of the difference of the differences, by task and seed, lies
/// above 0. One check that is refuted refutes it; it is supported when all are. Immutable; the same runs give the same verdict.
/// </summary>
/// <param name="Hypothesis">The hypothesis.</param>
/// <param name="Verdict">The verdict over all checks.</param>
/// <param name="Checks">The checks, method by method, the plan's sizes in order.</param>
public sealed record HypothesisTest(Hypothesis Hypothesis, Verdict Verdict, IReadOnlyList<HypothesisCheck> Checks)
{
    /// <summary>Tests the hypotheses of a comparison's plan on its finished runs.</summary>
    /// <param name="comparison">The comparison.</param>
    public static IReadOnlyList<HypothesisTest> Of(Comparison comparison) => [.. comparison.Plan.Hypotheses.Select(h => Of(comparison, h))];

    private static HypothesisTest Of(Comparison comparison, Hypothesis hypothesis)
    {
        var about = hypothesis.Task is { } task ? comparison.Of(comparison.Plan.Tasks.Single(t => t.Name == task)) : comparison;
        var runs = new PlannedRuns(about);
        List<HypothesisCheck> checks =
        [
            .. from other in hypothesis.Than
               from check in hypothesis.Kind == HypothesisKind.LeadsMoreWithLess
                   ? [LeadsMore(runs, hypothesis, other, hypothesis.Sizes ?? comparison.Plan.Sizes)]
                   : (hypothesis.Sizes ?? comparison.Plan.Sizes).Select(size => Compare(runs, hypothesis, other, size))
               select check,
        ];
        return new HypothesisTest(hypothesis, Joined([.. checks.Select(c => c.Verdict)]), checks);
    }

    private static HypothesisCheck Compare(PlannedRuns runs, Hypothesis hypothesis, string other, int? size)
    {
        var blocks = runs.Common([hypothesis.Method, other], size);
        var bound = hypothesis.Kind == HypothesisKind.AsGood ? -hypothesis.Margin : 0;
        return Check(hypothesis, other, size, bound, Bytes(runs, hypothesis.Method, size) / Bytes(runs, other, size),
            [.. blocks.Select(b => (b.Task, b.Seed, Difference(runs, hypothesis.Method, other, b, size)))]);
    }

    private static HypothesisCheck LeadsMore(PlannedRuns runs, Hypothesis hypothesis, string other, IReadOnlyList<int?> sizes)
    {
        var (least, most) = (sizes.MinBy(Rows), sizes.MaxBy(Rows));
        string[] methods = [hypothesis.Method, other];
        var blocks = runs.Common(methods, least).Intersect(runs.Common(methods, most)).ToList();
        return Check(hypothesis, other, null, 0, Bytes(runs, hypothesis.Method, least) / Bytes(runs, other, least),
        [
            .. blocks.Select(b => (b.Task, b.Seed,
                Difference(runs, hypothesis.Method, other, b, least) - Difference(runs, hypothesis.Method, other, b, most))),
        ]);

        static int Rows(int? size) => size ?? int.MaxValue;
    }

    private static HypothesisCheck Check(
        Hypothesis hypothesis, string other, int? size, double bound, double ratio, IReadOnlyList<(string Task, long Seed, double Difference)> differences)
    {
        var estimate = differences.Count == 0 ? null : Estimate.Of(differences);
        var verdict = estimate is not { HasInterval: true } ? Verdict.Untested
            : estimate.Low > bound ? Verdict.Supported
            : estimate.High < bound ? Verdict.Refuted
            : Verdict.Undecided;
        double? share = hypothesis.StorageRatio is null || estimate is null ? null : ratio;
        return new HypothesisCheck(other, size, estimate, share, share > hypothesis.StorageRatio ? Verdict.Refuted : verdict);
    }

    private static double Difference(PlannedRuns runs, string method, string other, (string Task, long Seed) block, int? size) =>
        runs.Get(method, block.Task, size, block.Seed)!.Score - runs.Get(other, block.Task, size, block.Seed)!.Score;

    /// <summary>The mean bytes of a method's adapters, over the tasks.</summary>
    private static double Bytes(PlannedRuns runs, string method, int? size) =>
        runs.Of(method, size).Select(r => (double)r.Sizes.AdapterBytes / r.Sizes.Tasks).DefaultIfEmpty(double.NaN).Average();

    private static Verdict Joined(IReadOnlyList<Verdict> verdicts) =>
        verdicts.Contains(Verdict.Refuted) ? Verdict.Refuted
        : verdicts.Contains(Verdict.Untested) ? Verdict.Untested
        : verdicts.Contains(Verdict.Undecided) ? Verdict.Undecided
        : Verdict.Supported;
}
