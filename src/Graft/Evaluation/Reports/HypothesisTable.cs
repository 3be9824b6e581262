using Graft.Evaluation.Comparisons;

namespace Graft.Evaluation.Reports;

/// <summary>The hypotheses of a comparison in words, the same on the page and in Markdown.</summary>
internal static class HypothesisTable
{
    /// <summary>The headings of <see cref="Checks"/>.</summary>
    public static IReadOnlyList<string> Head { get; } = ["against", "training rows", "difference in points", "adapter's bytes", "so it is"];

    /// <summary>What a verdict is called.</summary>
    /// <param name="verdict">The verdict.</param>
    public static string Word(Verdict verdict) => verdict.ToString().ToLowerInvariant();

    /// <summary>What the hypothesis says exactly.</summary>
    /// <param name="hypothesis">The hypothesis.</param>
    public static string Meaning(Hypothesis hypothesis)
    {
        var than = ReportWords.Listed(hypothesis.Than);
        var where = hypothesis.Task is { } task ? $", on {task}" : "";
        var says = hypothesis.Kind switch
        {
            HypothesisKind.Better => $"{hypothesis.Method} scores higher than {than}",
            HypothesisKind.AsGood => $"{hypothesis.Method} scores no more than {100 * hypothesis.Margin:0.##} {(hypothesis.Margin == 0.01 ? "point" : "points")} lower than {than}",
            _ => $"{hypothesis.Method} leads {than} by more with fewer training rows",
        };
        return says + where + (hypothesis.StorageRatio is { } ratio ? $", with at most {ratio:0.###} of the adapter's bytes" : "");
    }

    /// <summary>A row for each check.</summary>
    /// <param name="test">The tested hypothesis.</param>
    public static IReadOnlyList<IReadOnlyList<string>> Checks(HypothesisTest test) =>
    [
        .. test.Checks.Select(c => (IReadOnlyList<string>)
        [
            c.Other,
            test.Hypothesis.Kind == HypothesisKind.LeadsMoreWithLess ? "fewest minus most" : ReportWords.Rows(c.Size),
            c.Difference is { } difference ? Points(difference) : "–",
            c.StorageRatio is { } ratio ? $"{ratio:0.###} of its" : "–",
            Word(c.Verdict),
        ]),
    ];

    private static string Points(Estimate difference) =>
        $"{Signed(difference.Mean)}{(difference.HasInterval ? $" [{Signed(difference.Low)}, {Signed(difference.High)}]" : "")}";

    private static string Signed(double score) => (100 * score).ToString("+0.0;-0.0;0.0");
}
