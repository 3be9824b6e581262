using Graft.Evaluation.Comparisons;
using Microsoft.Playwright;
using Xunit;

namespace Graft.Report.Tests;

public sealed class ScreenshotTests(ReportBrowser browser)
{
    /// <summary>
    /// Pictures of a report for people to look at, made on request (<c>--explicit only</c>): GRAFT_SCREENSHOTS names their folder,
    /// GRAFT_COMPARISON the folder of a comparison other than the sample.
    /// </summary>
    [Fact(Explicit = true)]
    public async Task Light_dark_phone_and_paper()
    {
        var folder = Directory.CreateDirectory(Environment.GetEnvironmentVariable("GRAFT_SCREENSHOTS") ?? "artifacts/screenshots").FullName;
        var comparison = Environment.GetEnvironmentVariable("GRAFT_COMPARISON") is { Length: > 0 } place ? ComparisonFolder.Load(place) : ReportBrowser.Sample;
        foreach (var (name, width, colors) in new[] { ("light", 1280, ColorScheme.Light), ("dark", 1280, ColorScheme.Dark), ("phone", 390, ColorScheme.Light) })
        {
            var report = await browser.Open(comparison, new() { ViewportSize = new() { Width = width, Height = 900 }, ColorScheme = colors, DeviceScaleFactor = 1.5f });
            await report.Page.ScreenshotAsync(new() { Path = Path.Combine(folder, name + ".png"), FullPage = true });
            await report.Page.Locator("#tradeoff .chart").ScreenshotAsync(new() { Path = Path.Combine(folder, $"tradeoff-{name}.png") });
            if (name == "dark")
            {
                await report.Page.PdfAsync(new() { Path = Path.Combine(folder, "paper.pdf"), Format = "A4", PrintBackground = true });
            }
        }
    }
}
