using Graft.Evaluation.Comparisons;
using Graft.TestKit;
using Xunit;

namespace Graft.Report.Tests;

/// <summary>Comparisons that are small, unfinished, mixed or hostile.</summary>
public sealed class UnusualReportTests(ReportBrowser browser)
{
    private const string NoBrowser = "There is no Chromium on this machine (Debian: apt-get install chromium)";

    public static bool CanRun => ReportBrowser.IsThere;

    [Fact(SkipUnless = nameof(CanRun), Skip = NoBrowser)]
    public async Task A_comparison_under_way_says_what_is_missing()
    {
        var report = await browser.Open(SampleComparison.Make(keep: r => r.Method is "lora" or "head" && (r.Task != "mrpc" || r.Method == "head") && r.Seed < 2));

        Assert.StartsWith("244 runs of 288 are missing.", await report.Page.Locator("#incomplete").TextContentAsync(), StringComparison.Ordinal);
        Assert.Contains("lora: not all tasks are finished", await report.Page.Locator("#numbers").TextContentAsync(), StringComparison.Ordinal);
        Assert.Equal(2, await report.Page.Locator(".ledger tbody tr").CountAsync());
        Assert.Empty(report.Complaints);
    }

    [Fact(SkipUnless = nameof(CanRun), Skip = NoBrowser)]
    public async Task One_run_gives_a_report_without_intervals()
    {
        var all = SampleComparison.Make(keep: r => r is { Method: "lora", Task: "mrpc", Size: 100, Seed: 0 });
        var plan = all.Plan with { Methods = [.. all.Plan.Methods.Where(m => m.Name == "lora")], Tasks = [.. all.Plan.Tasks.Where(t => t.Name == "mrpc")], Sizes = [100], Seeds = [0] };

        var report = await browser.Open(ComparisonFolder.Of(plan, all.Runs));

        Assert.Empty(report.Complaints);
        Assert.Contains("too few seeds for an interval", await report.Page.Locator(".ledger").TextContentAsync(), StringComparison.Ordinal);
        Assert.Contains("one number of training rows", await report.Page.Locator("#growth").TextContentAsync(), StringComparison.Ordinal);
        Assert.Contains("Two methods", await report.Page.Locator("#pairs").TextContentAsync(), StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", await report.Page.Locator("body").InnerTextAsync(), StringComparison.Ordinal);
        Assert.Empty(report.Complaints);
    }

    [Fact(SkipUnless = nameof(CanRun), Skip = NoBrowser)]
    public async Task A_mixture_can_be_seen_whole_and_part_by_part()
    {
        var report = await browser.Open(SampleComparison.WithMixture());

        Assert.Contains("sst-2 in both", await report.Page.Locator(".heat thead").TextContentAsync(), StringComparison.Ordinal);
        await report.Page.Locator("#task").SelectOptionAsync(["cooking in both"]);
        Assert.Equal(8, await report.Page.Locator(".ledger tbody tr").CountAsync());
        Assert.Equal(8, await report.Page.Locator("#curves .chart svg").CountAsync());
        Assert.Empty(report.Complaints);
    }

    [Fact(SkipUnless = nameof(CanRun), Skip = NoBrowser)]
    public async Task Claims_show_their_verdicts_and_unfold()
    {
        var all = SampleComparison.Make();
        var plan = all.Plan with
        {
            Hypotheses =
            [
                new Hypothesis("LoRA beats a head", "lora", HypothesisKind.Better, ["head"]),
                new Hypothesis("A head beats LoRA", "head", HypothesisKind.Better, ["lora"]) { Sizes = [500] },
            ],
        };

        var report = await browser.Open(all with { Plan = plan });
        var claims = report.Page.Locator(".claim");

        Assert.Equal(["supported", "refuted"], await report.Page.EvaluateAsync<string[]>("[...document.querySelectorAll('.claim .verdict')].map(v => v.lastChild.textContent)"));
        await claims.First.Locator("summary").ClickAsync();
        Assert.Equal(2, await claims.First.Locator("tbody tr").CountAsync());
        Assert.True(await claims.First.Locator("table").IsVisibleAsync());
        Assert.Empty(report.Complaints);
    }

    [Fact(SkipUnless = nameof(CanRun), Skip = NoBrowser)]
    public async Task Names_are_words_and_never_markup()
    {
        const string Hostile = "</script><img src=x onerror=alert(1)>'\"\\ {{data}} \u2028|";
        var all = SampleComparison.Make();
        var plan = all.Plan with
        {
            Name = Hostile,
            Methods = [.. all.Plan.Methods.Select(m => m.Name == "lora" ? m with { Name = Hostile } : m)],
            Tasks = [.. all.Plan.Tasks.Select(t => t.Name == "mrpc" ? t with { Name = Hostile } : t)],
        };
        var renamed = ComparisonFolder.Of(plan, all.Runs.Select(r => r with { Method = r.Method == "lora" ? Hostile : r.Method, Task = r.Task == "mrpc" ? Hostile : r.Task }));

        var report = await browser.Open(renamed);

        Assert.Equal(0, await report.Page.Locator("img").CountAsync());
        Assert.Contains(Hostile, await report.Page.EvaluateAsync<string[]>("[...document.querySelectorAll('.ledger tbody th')].map(th => th.firstChild.textContent)"));
        Assert.Equal($"{Hostile.Replace("\u2028", " ", StringComparison.Ordinal)}: methods compared", (await report.Page.TitleAsync()).Replace("\u2028", " ", StringComparison.Ordinal));
        Assert.Empty(report.Complaints);
    }

    [Fact(SkipUnless = nameof(CanRun), Skip = NoBrowser)]
    public async Task Metrics_that_are_no_number_leave_gaps_and_no_error()
    {
        var all = SampleComparison.Make();
        var runs = all.Runs.Select(r => r.Task != "stsb" || r.Seed != 1 ? r : r with
        {
            Scores = [.. r.Scores.Select(s => s with { Curve = [.. s.Curve.Select(p => p with { Dev = double.NaN, Loss = double.NaN })] })],
            Pictures = [],
        });

        var report = await browser.Open(all with { Runs = [.. runs] });

        Assert.DoesNotContain("NaN", await report.Page.Locator("body").InnerTextAsync(), StringComparison.Ordinal);
        Assert.Empty(report.Complaints);
    }
}
