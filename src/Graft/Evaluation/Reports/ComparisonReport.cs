using Graft.Evaluation.Comparisons;
using Graft.Torch;

namespace Graft.Evaluation.Reports;

/// <summary>
/// A comparison for people: <c>report.html</c>, one page with everything in it (charts, tables, filters, data) that asks nothing of any
/// network, and <c>report.md</c>, its tables in Markdown. The same comparison gives the same bytes. Stateless and thread-safe.
/// </summary>
public static class ComparisonReport
{
    /// <summary>The page.</summary>
    /// <param name="comparison">The comparison.</param>
    /// <param name="storage">What many tasks take on disk; null where nobody measured it, which the page says.</param>
    /// <exception cref="GraftException">None of its runs is finished.</exception>
    public static string Html(Comparison comparison, StorageAccount? storage = null)
    {
        Require(comparison);
        return ReportPage.Of("report.html", $"{comparison.Plan.Name}: methods compared", ReportDataBuilder.Of(comparison, storage).ToJson());
    }

    /// <summary>The tables in Markdown.</summary>
    /// <param name="comparison">The comparison.</param>
    /// <param name="storage">What many tasks take on disk; null where nobody measured it.</param>
    /// <exception cref="GraftException">None of its runs is finished.</exception>
    public static string Markdown(Comparison comparison, StorageAccount? storage = null)
    {
        Require(comparison);
        return MarkdownReport.Of(comparison, storage);
    }

    private static void Require(Comparison comparison)
    {
        ArgumentNullException.ThrowIfNull(comparison);
        if (comparison.Runs.Count == 0)
        {
            throw new GraftException($"None of the {Amounts.Count(comparison.Planned)} runs of '{comparison.Plan.Name}' is finished; a report needs one at least: 'graft compare' does them.");
        }
    }
}
