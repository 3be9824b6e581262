using Graft.Evaluation.Reports;
using Graft.Methods.Core;
using Microsoft.Playwright;
using Xunit;

namespace Graft.Report.Tests;

/// <summary>The page of a package, as <c>graft inspect --page</c> writes it.</summary>
public sealed class PackagePageTests(ReportBrowser browser)
{
    private const string NoBrowser = "There is no Chromium on this machine (Debian: apt-get install chromium)";

    private static readonly IReadOnlyList<MethodPicture> s_pictures = [.. ReportBrowser.Sample.Runs.SelectMany(r => r.Pictures).DistinctBy(p => p.Title)];

    public static bool CanRun => ReportBrowser.IsThere;

    [Theory(SkipUnless = nameof(CanRun), Skip = NoBrowser)]
    [InlineData(1280, ColorScheme.Light)]
    [InlineData(390, ColorScheme.Dark)]
    public async Task Every_picture_is_drawn_with_its_words_and_nothing_complains(int width, ColorScheme colors)
    {
        var html = PackagePage.Html("lora for <b>rte</b> & mrpc", [["Settings", "rank 8"]], s_pictures);
        var report = await browser.Open(html, new() { ViewportSize = new() { Width = width, Height = 844 }, ColorScheme = colors });

        var marks = await report.Page.EvaluateAsync<int[]>("[...document.querySelectorAll('.chart')].map(c => c.querySelectorAll('[class*=role-mark] path').length)");
        Assert.Equal(s_pictures.Select(p => p.Title), await report.Page.Locator("#learnt h3").AllTextContentsAsync());
        Assert.Equal(s_pictures.Select(p => p is HeatMap map ? map.Cells.Count : ((Scatter)p).Points.Count), marks);
        Assert.Equal("lora for <b>rte</b> & mrpc", await report.Page.Locator("h1").TextContentAsync());
        Assert.Equal("rank 8", await report.Page.Locator("#facts dd").TextContentAsync());
        Assert.True(await report.Page.EvaluateAsync<int>("document.documentElement.scrollWidth") <= width, "the page is wider than its window");
        Assert.Empty(report.Complaints);
    }
}
