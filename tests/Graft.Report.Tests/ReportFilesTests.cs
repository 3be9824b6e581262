using System.Text.RegularExpressions;
using Graft.Evaluation.Comparisons;
using Graft.Evaluation.Reports;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Report.Tests;

public sealed partial class ReportFilesTests
{
    private static readonly Comparison s_sample = SampleComparison.Make();

    [Fact]
    public void The_page_is_one_file_and_the_same_comparison_gives_the_same_bytes()
    {
        var page = ComparisonReport.Html(s_sample);

        Assert.DoesNotMatch(Reference(), page);
        Assert.DoesNotContain("{{", page[..page.IndexOf("<script", StringComparison.Ordinal)], StringComparison.Ordinal);
        Assert.Contains("Redistribution and use in source and binary forms", page, StringComparison.Ordinal);
        Assert.Equal(page, ComparisonReport.Html(SampleComparison.Make()));
    }

    [Fact]
    public void Markdown_has_a_table_for_each_size_with_intervals_and_every_task()
    {
        var lines = ComparisonReport.Markdown(s_sample).Split('\n');
        var best = ComparisonSummary.Of(s_sample).Methods.Where(m => m.Size == 500).MaxBy(m => m.Score.Mean)!;

        Assert.Contains("## 100 training rows", lines);
        var first = lines.SkipWhile(l => l != "## 500 training rows").First(l => l.StartsWith($"| {best.Method} ", StringComparison.Ordinal));
        Assert.Contains(FormattableString.Invariant($" {100 * best.Score.Mean:0.0} ± {100 * best.Score.Deviation:0.0} [{100 * best.Score.Low:0.0}, {100 * best.Score.High:0.0}] |"), first, StringComparison.Ordinal);
        Assert.Equal(2, lines.Count(l => l.StartsWith("| method | sentiment-yelp | sst-2 |", StringComparison.Ordinal)));
        Assert.All(lines.Where(l => l.StartsWith('|')).GroupBy(l => l.Count(c => c == '|')), group => Assert.Contains(group.Key, new[] { 8 }));
    }

    [Fact]
    public void The_files_are_made_from_plan_and_results_alone()
    {
        using var folder = new TestFolder();
        ComparisonFolder.Save(folder.At("run"), s_sample);

        var files = Recipes.Report.Write(folder.At("run"));
        var elsewhere = Recipes.Report.Write(folder.At("run"), folder.At("page.html"));

        Assert.Equal(File.ReadAllText(files.Page), File.ReadAllText(elsewhere.Page));
        Assert.Equal(folder.At("page.md"), elsewhere.Markdown);
        Assert.Equal(ComparisonReport.Markdown(s_sample), File.ReadAllText(files.Markdown));
        Assert.Equal(1 + s_sample.Runs.Count, Directory.EnumerateFiles(files.TensorBoard!, "*", SearchOption.AllDirectories).Count());
        Assert.Null(elsewhere.TensorBoard);

        SampleComparison.Storage().Save(folder.At("run", ComparisonFolder.StorageName));
        Assert.Contains("## Bytes of many tasks", File.ReadAllText(Recipes.Report.Write(folder.At("run")).Markdown), StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_reported_is_said_in_one_sentence()
    {
        using var folder = new TestFolder();
        ComparisonFolder.Save(folder.At("run"), s_sample with { Runs = [] });

        Assert.Contains("None of the 288 runs of 'sample' is finished", Assert.Throws<GraftException>(() => Recipes.Report.Write(folder.At("run"))).Message, StringComparison.Ordinal);
        Assert.Contains("holds no comparison", Assert.Throws<GraftException>(() => Recipes.Report.Write(folder.Path)).Message, StringComparison.Ordinal);

        ComparisonFolder.Save(folder.At("run"), s_sample);
        Assert.Contains("ends in .html", Assert.Throws<GraftException>(() => Recipes.Report.Write(folder.At("run"), folder.At("page.md"))).Message, StringComparison.Ordinal);
        Assert.Contains("Cannot write", Assert.Throws<GraftException>(() => Recipes.Report.Write(folder.At("run"), folder.At("no/such/folder/page.html"))).Message, StringComparison.Ordinal);
    }

    [GeneratedRegex("""<(script|link|img)[^>]*(src|href)="(?!data:)""", RegexOptions.ExplicitCapture, 5000)]
    private static partial Regex Reference();
}
