using Graft.Evaluation.Reports;
using Graft.TestKit;
using Xunit;

namespace Graft.Tests.Evaluation.Reports;

public sealed class MarkdownReportTests
{
    [Fact]
    public void A_mixture_has_a_table_of_its_tasks()
    {
        var comparison = SampleComparison.WithMixture();
        var mixture = comparison.Plan.Tasks.Single(t => t.Tasks.Count > 1);
        var method = comparison.Plan.Methods[0].Name;
        var size = comparison.Plan.Sizes[0];
        var runs = comparison.Runs.Where(r => r.Task == mixture.Name && r.Method == method && r.Size == size).ToList();

        var lines = MarkdownReport.Of(comparison, storage: null).Split('\n');
        var heading = Array.IndexOf(lines, $"### {mixture.Name}, task by task");
        var table = lines.Skip(heading + 2).TakeWhile(l => l.StartsWith('|')).ToList();

        Assert.Equal($"| method | {string.Join(" | ", runs[0].Scores.Select(s => s.Task))} |", table[0]);
        var cells = table.Single(l => l.StartsWith($"| {method} |", StringComparison.Ordinal)).Split('|', StringSplitOptions.TrimEntries);
        for (var part = 0; part < runs[0].Scores.Count; part++)
        {
            Assert.StartsWith($"{100 * runs.Average(r => r.Scores[part].Score):0.0} ± ", cells[2 + part], StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_comparison_without_mixtures_has_no_such_table() =>
        Assert.DoesNotContain("task by task", MarkdownReport.Of(SampleComparison.Make(), storage: null), StringComparison.Ordinal);
}
