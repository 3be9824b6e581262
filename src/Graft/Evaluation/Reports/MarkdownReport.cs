using System.Text;
using Graft.Evaluation.Comparisons;

namespace Graft.Evaluation.Reports;

/// <summary>A comparison as Markdown tables, for places that show no HTML. Stateless and thread-safe.</summary>
internal static class MarkdownReport
{
    private const string Unknown = "–";

    /// <summary>Writes the report.</summary>
    /// <param name="comparison">The comparison, with at least one finished run.</param>
    /// <param name="storage">Its storage account, where there is one.</param>
    public static string Of(Comparison comparison, StorageAccount? storage)
    {
        var summary = ComparisonSummary.Of(comparison);
        var advice = Recommendation.Of(summary);
        var words = new ReportWords(comparison);
        var text = new StringBuilder($"# {comparison.Plan.Name}: methods compared\n\n{words.Deck}\n");
        if (words.Incomplete is { } incomplete)
        {
            text.Append($"\n> {incomplete}\n");
        }

        foreach (var each in advice)
        {
            text.Append($"\n* {each.Text}");
        }

        text.Append("\n\nScores are mean ± standard deviation over seeds [95 % interval of the mean].\n");
        foreach (var size in comparison.Plan.Sizes.Where(size => summary.Methods.Any(m => m.Size == size)))
        {
            var choice = advice.First(a => a.Size == size).Choice.Method;
            var methods = summary.Methods.Where(m => m.Size == size).OrderByDescending(m => m.Score.Mean).ToList();
            text.Append($"\n## {(size is null ? "All" : ReportWords.Rows(size))} training rows\n\n");
            Table(
                text, ["method", words.Score, "mean rank", "bytes per task", "parameters per task", "time of a run", "memory"],
                methods.Select(m => (string[])[
                    m.Method + (m.Method == choice ? " (recommended)" : m.IsComparable ? "" : " (not all tasks)"), Cell(m.Score), m.Rank?.ToString("0.0") ?? Unknown,
                    Amounts.Bytes((long)m.BytesPerTask), Amounts.Count((long)Math.Round(m.ParametersPerTask)), Amounts.Duration(m.Seconds),
                    m.PeakMemory is { } memory ? Amounts.Bytes(memory) : Unknown]));
            text.Append('\n');
            PerTask(text, size, methods, [.. comparison.Plan.Tasks.Select(task => (task.Name, summary.Tasks.Where(s => s.Task == task.Name)))]);
            foreach (var mixture in comparison.Plan.Tasks.Where(t => comparison.PartsOf(t).Any()))
            {
                text.Append($"\n### {mixture.Name}, task by task\n\n");
                PerTask(text, size, methods, [.. comparison.PartsOf(mixture).Select(part => (part.Task, (IEnumerable<TaskSummary>)ComparisonSummary.Of(part.Alone).Tasks))]);
            }
        }

        var hypotheses = HypothesisTest.Of(comparison);
        if (hypotheses.Count > 0)
        {
            text.Append("\n## What was claimed\n");
        }

        foreach (var test in hypotheses)
        {
            text.Append($"\n**{test.Hypothesis.Text}: {HypothesisTable.Word(test.Verdict)}** ({HypothesisTable.Meaning(test.Hypothesis)})\n\n");
            Table(text, HypothesisTable.Head, HypothesisTable.Checks(test));
        }

        if (storage is not null)
        {
            text.Append("\n## Bytes of many tasks\n\n");
            Table(text, ["method", .. StorageAccount.TaskCounts.Select(c => $"{Amounts.Count(c)} {(c == 1 ? "task" : "tasks")}")], storage.Methods.Select(m => (string[])[m.Method, .. m.Points.Select(p => Amounts.Bytes(p.Bytes))]));
            text.Append($"\n{ReportWords.Storage(storage)}\n");
        }

        text.Append("\n## How this was made\n");
        foreach (var fact in words.Facts)
        {
            text.Append($"\n* {fact[0]}: {fact[1]}");
        }

        if (summary.Missing.Count > 0)
        {
            text.Append("\n\n## Missing runs\n").AppendJoin("", summary.Missing.Select(run => $"\n* {ReportWords.Missing(run)}"));
        }

        return text.Append('\n').ToString();
    }

    private static void PerTask(
        StringBuilder text, int? size, IEnumerable<MethodSummary> methods, IReadOnlyList<(string Task, IEnumerable<TaskSummary> Scores)> columns) => Table(
        text, ["method", .. columns.Select(c => c.Task)],
        methods.Select(m => (string[])[m.Method, .. columns.Select(c =>
            c.Scores.FirstOrDefault(s => s.Size == size && s.Method == m.Method) is { } found ? Cell(found.Score) : Unknown)]));

    private static string Cell(Estimate score)
    {
        var deviation = score.Deviation is { } known ? $" ± {Points(known)}" : "";
        return Points(score.Mean) + deviation + (score.HasInterval ? $" [{Points(score.Low)}, {Points(score.High)}]" : "");
    }

    private static string Points(double score) => (100 * score).ToString("0.0");

    // The first column is of names, the others of numbers. A bar inside of a name would end its cell.
    private static void Table(StringBuilder text, IReadOnlyList<string> head, IEnumerable<IReadOnlyList<string>> rows)
    {
        Row(text, head);
        text.Append("|---|").Insert(text.Length, "--:|", head.Count - 1).Append('\n');
        foreach (var row in rows)
        {
            Row(text, row);
        }
    }

    private static void Row(StringBuilder text, IEnumerable<string> cells) =>
        text.Append("| ").AppendJoin(" | ", cells.Select(c => c.Replace("|", "\\|", StringComparison.Ordinal))).Append(" |\n");
}
