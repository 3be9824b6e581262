using Graft.Evaluation.Comparisons;
using Graft.Recipes;

namespace Graft.Cli.Display;

/// <summary>The end of <c>graft compare</c>: a table of methods for each size, the recommendation in words, and where everything lies.</summary>
internal static class CompareTable
{
    /// <summary>Writes it to standard output.</summary>
    /// <param name="terminal">Where.</param>
    /// <param name="report">What the comparison came to.</param>
    /// <param name="page">The report's page; null where no run is finished.</param>
    public static void Write(Terminal terminal, CompareReport report, string? page)
    {
        ComparisonSummary summary = ComparisonSummary.Of(report.Comparison);
        foreach (int? size in report.Comparison.Plan.Sizes.Where(size => summary.Methods.Any(method => method.Size == size)))
        {
            var table = new TextTable(
                "method", new Column("score", Right: true, Strong: true), Number("95 % interval"), Number("rank"), Number("runs"), Number("per task"), Number("parameters"), Number("time"), Number("memory"));
            foreach (MethodSummary method in summary.Methods.Where(method => method.Size == size).OrderByDescending(method => method.Score.Mean))
            {
                table.Add(
                    method.Method, Score(method.Score), Interval(method.Score), method.Rank is { } rank ? $"{rank:0.0}" : "", $"{method.Score.Runs}",
                    Amounts.Bytes((long)method.BytesPerTask), Amounts.Count((long)method.ParametersPerTask), Amounts.Duration(method.Seconds),
                    method.PeakMemory is { } bytes ? Amounts.Bytes(bytes) : "");
            }

            terminal.Out.WriteLine(size is { } rows ? $"{rows} training rows a task" : "all training rows");
            table.Write(terminal.Data);
            terminal.Out.WriteLine();
        }

        foreach (Recommendation recommendation in Recommendation.Of(summary))
        {
            terminal.Out.WriteLine(recommendation.Text);
        }

        terminal.Out.WriteLine();
        string missing = report.Comparison.Runs.Count < report.Comparison.Planned ? $" of {report.Comparison.Planned}" : "";
        terminal.Out.WriteLine($"Comparison: {report.Comparison.Runs.Count}{missing} runs in {report.Folder}");
        if (page is not null)
        {
            terminal.Out.WriteLine($"Report: {page}");
        }
    }

    private static Column Number(string heading) => new(heading, Right: true);

    private static string Score(Estimate score) => score.Deviation is { } deviation ? $"{100 * score.Mean:0.0} ± {100 * deviation:0.0}" : $"{100 * score.Mean:0.0}";

    private static string Interval(Estimate score) => score.HasInterval ? $"{100 * score.Low:0.0} to {100 * score.High:0.0}" : "one seed";
}
