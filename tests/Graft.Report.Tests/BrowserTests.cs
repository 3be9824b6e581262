using System.Globalization;
using Graft.Evaluation.Comparisons;
using Microsoft.Playwright;
using Xunit;

namespace Graft.Report.Tests;

/// <summary>A report as its readers use it.</summary>
public sealed class BrowserTests(ReportBrowser browser)
{
    private const string NoBrowser = "There is no Chromium on this machine (Debian: apt-get install chromium)";

    public static bool CanRun => ReportBrowser.IsThere;

    [Theory(SkipUnless = nameof(CanRun), Skip = NoBrowser)]
    [InlineData(1280, ColorScheme.Light)]
    [InlineData(390, ColorScheme.Dark)]
    public async Task Every_chart_has_marks_and_nothing_complains(int width, ColorScheme colors)
    {
        var report = await browser.Open(ReportBrowser.Sample, new() { ViewportSize = new() { Width = width, Height = 844 }, ColorScheme = colors });

        var marks = await report.Page.EvaluateAsync<int[]>("[...document.querySelectorAll('.chart')].map(c => c.querySelectorAll('[class*=mark-symbol] path, [class*=mark-line] path, [class*=mark-rect] path').length)");
        var charts = await report.Page.EvaluateAsync<string[]>("[...document.querySelectorAll('section')].filter(s => s.querySelector('.chart, table')).map(s => s.id)");
        Assert.True(marks.Length >= 1 + (3 * 8) + 2, $"{marks.Length} charts");
        Assert.All(marks, count => Assert.True(count > 0));
        Assert.Superset(new HashSet<string>(["tradeoff", "numbers", "growth", "tasks", "pairs", "curves", "rates", "storage", "learnt"]), charts.ToHashSet(StringComparer.Ordinal));
        Assert.True(await report.Page.EvaluateAsync<int>("document.documentElement.scrollWidth") <= width, "the page is wider than its window");
        Assert.Empty(report.Complaints);
    }

    [Fact(SkipUnless = nameof(CanRun), Skip = NoBrowser)]
    public async Task A_method_that_is_left_out_is_gone_from_every_chart_and_table()
    {
        var report = await browser.Open(ReportBrowser.Sample);
        Assert.All(await Figures(report), text => Assert.Contains("bitfit", text, StringComparison.Ordinal));

        await report.Page.Locator("#methods label", new() { HasTextString = "bitfit" }).ClickAsync();

        Assert.All(await Figures(report), text => Assert.DoesNotContain("bitfit", text, StringComparison.Ordinal));
        Assert.Contains("without=bitfit", report.Page.Url, StringComparison.Ordinal);
        Assert.Contains("7 methods", await report.Page.Locator("#status").TextContentAsync(), StringComparison.Ordinal);

        await report.Page.EvaluateAsync("document.querySelectorAll('#methods input:checked').forEach(box => box.click())");

        Assert.All(await Figures(report), text => Assert.DoesNotContain("lora", text, StringComparison.Ordinal));
        await report.Page.GetByRole(AriaRole.Button, new() { Name = "all", Exact = true }).ClickAsync();
        Assert.All(await Figures(report), text => Assert.Contains("bitfit", text, StringComparison.Ordinal));
        Assert.Empty(report.Complaints);
    }

    [Fact(SkipUnless = nameof(CanRun), Skip = NoBrowser)]
    public async Task A_task_and_a_size_change_every_number()
    {
        var report = await browser.Open(ReportBrowser.Sample);

        await report.Page.GetByLabel("Task", new() { Exact = true }).First.SelectOptionAsync("trec-6");
        await report.Page.GetByText("100", new() { Exact = true }).First.ClickAsync();

        var alone = ReportBrowser.Sample with { Plan = ReportBrowser.Sample.Plan with { Tasks = [.. ReportBrowser.Sample.Plan.Tasks.Where(t => t.Name == "trec-6")] } };
        var expected = ComparisonSummary.Of(alone).Methods.Where(m => m.Size == 100).OrderByDescending(m => m.Score.Mean).ToList();
        Assert.Equal(expected.Select(m => m.Method), await Rows(report));
        var scores = await report.Page.Locator(".ledger .score").AllTextContentsAsync();
        Assert.All(expected.Zip(scores), pair => Assert.Equal(
            string.Create(CultureInfo.InvariantCulture, $"{100 * pair.First.Score.Mean:0.0} ± {100 * pair.First.Score.Deviation:0.0} [{100 * pair.First.Score.Low:0.0}, {100 * pair.First.Score.High:0.0}]"), pair.Second));
        Assert.All(await report.Page.Locator("caption").AllTextContentsAsync(), caption => Assert.Contains("100 training rows", caption, StringComparison.Ordinal));
        Assert.Empty(report.Complaints);
    }

    [Fact(SkipUnless = nameof(CanRun), Skip = NoBrowser)]
    public async Task The_table_is_sorted_by_each_heading_with_mouse_and_keyboard()
    {
        var report = await browser.Open(ReportBrowser.Sample);
        var methods = ComparisonSummary.Of(ReportBrowser.Sample).Methods.Where(m => m.Size == 500).ToList();
        Assert.Equal(methods.OrderByDescending(m => m.Score.Mean).Select(m => m.Method), await Rows(report));

        var heading = report.Page.GetByRole(AriaRole.Button, new() { Name = "Bytes per task" });
        await heading.ClickAsync();
        Assert.Equal(methods.OrderBy(m => m.BytesPerTask).Select(m => m.Method), await Rows(report));
        Assert.Equal("ascending", await Sorted(report, "Bytes per task"));

        await report.Page.Keyboard.PressAsync("Enter");
        Assert.Equal(methods.OrderByDescending(m => m.BytesPerTask).Select(m => m.Method), await Rows(report));
        Assert.Equal("descending", await Sorted(report, "Bytes per task"));
        Assert.Equal("none", await Sorted(report, "Score"));

        await report.Page.GetByRole(AriaRole.Button, new() { Name = "Method", Exact = true }).ClickAsync();
        Assert.Equal(methods.Select(m => m.Method).Order(StringComparer.Ordinal), await Rows(report));
        Assert.Contains("Sorted by method", await report.Page.Locator("#status").TextContentAsync(), StringComparison.Ordinal);
    }

    [Fact(SkipUnless = nameof(CanRun), Skip = NoBrowser)]
    public async Task A_link_with_a_choice_opens_with_that_choice()
    {
        var report = await browser.Open(ReportBrowser.Sample);

        await report.Page.GotoAsync("about:blank");
        await report.Page.GoBackAsync();
        var address = report.Page.Url + "#task=mrpc&rows=100&without=full,head";
        await report.Page.GotoAsync("about:blank");
        await report.Page.GotoAsync(address);

        Assert.Equal("mrpc", await report.Page.EvaluateAsync<string>("document.getElementById('task').selectedOptions[0].text"));
        Assert.Equal(6, (await Rows(report)).Count);
        Assert.Contains("mrpc, 100 training rows", await report.Page.Locator(".ledger caption").TextContentAsync(), StringComparison.Ordinal);
    }

    [Fact(SkipUnless = nameof(CanRun), Skip = NoBrowser)]
    public async Task The_pictures_are_of_the_run_that_is_chosen()
    {
        var report = await browser.Open(ReportBrowser.Sample);

        await report.Page.Locator("#picked-m").SelectOptionAsync("unipelt");
        await report.Page.Locator("#picked-t").SelectOptionAsync("cooking");
        await report.Page.Locator("#picked-seed").SelectOptionAsync("2");

        var section = report.Page.Locator("#learnt");
        Assert.Contains("unipelt on cooking, 500 training rows, seed 2", await section.TextContentAsync(), StringComparison.Ordinal);
        Assert.Equal(2, await section.Locator(".chart svg").CountAsync());
        Assert.StartsWith("Which submodules UniPELT opened: gate from ", await section.Locator(".chart").First.GetAttributeAsync("aria-label"), StringComparison.Ordinal);
        Assert.Empty(report.Complaints);
    }

    private static async Task<IReadOnlyList<string>> Rows(OpenReport report) =>
        await report.Page.EvaluateAsync<string[]>("[...document.querySelectorAll('.ledger tbody th')].map(th => th.firstChild.textContent)");

    private static Task<string?> Sorted(OpenReport report, string heading) =>
        report.Page.Locator(".ledger th", new() { Has = report.Page.GetByRole(AriaRole.Button, new() { Name = heading, Exact = true }) }).GetAttributeAsync("aria-sort");

    /// <summary>What each figure that compares methods says: text, and the words for those who do not see it.</summary>
    private static Task<string[]> Figures(OpenReport report) => report.Page.EvaluateAsync<string[]>(
        "['tradeoff', 'numbers', 'growth', 'tasks', 'pairs', 'curves', 'rates', 'storage'].map(id => { const f = document.querySelector(`#${id} figure`); return f.textContent + [...f.querySelectorAll('[aria-label]')].map(e => e.getAttribute('aria-label')); })");
}
