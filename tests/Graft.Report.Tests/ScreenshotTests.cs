using Graft.Evaluation.Comparisons;
using Graft.TestKit;
using Microsoft.Playwright;
using Xunit;

namespace Graft.Report.Tests;

/// <summary>
/// Pictures of a report for people to look at, made on request (<c>--explicit only</c>): GRAFT_SCREENSHOTS names their folder, GRAFT_COMPARISON
/// the folder of a comparison other than the sample.
/// </summary>
public sealed class ScreenshotTests(ReportBrowser browser)
{
    private static readonly string s_folder = Directory.CreateDirectory(Environment.GetEnvironmentVariable("GRAFT_SCREENSHOTS") ?? "artifacts/screenshots").FullName;

    private static Comparison Comparison =>
        Environment.GetEnvironmentVariable("GRAFT_COMPARISON") is { Length: > 0 } folder ? ComparisonFolder.Load(folder) : SampleComparison.Make();

    [Theory(Explicit = true)]
    [InlineData("light", 1280, ColorScheme.Light)]
    [InlineData("dark", 1280, ColorScheme.Dark)]
    [InlineData("phone", 390, ColorScheme.Light)]
    public async Task The_whole_page(string name, int width, ColorScheme colors)
    {
        var report = await browser.Open(Comparison, new() { ViewportSize = new() { Width = width, Height = 900 }, ColorScheme = colors, DeviceScaleFactor = 1 });

        await report.Page.ScreenshotAsync(new() { Path = Path.Combine(s_folder, name + ".png"), FullPage = true });
    }

    [Fact(Explicit = true)]
    public async Task The_printed_page()
    {
        var report = await browser.Open(Comparison, new() { ColorScheme = ColorScheme.Dark });

        await report.Page.PdfAsync(new() { Path = Path.Combine(s_folder, "print.pdf"), Format = "A4", PrintBackground = true });
    }
}
