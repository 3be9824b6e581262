using System.Collections.Concurrent;
using Graft.Evaluation.Comparisons;
using Graft.Evaluation.Reports;
using Graft.TestKit;
using Microsoft.Playwright;
using Xunit;

[assembly: AssemblyFixture(typeof(Graft.Report.Tests.ReportBrowser))]

namespace Graft.Report.Tests;

/// <summary>Debian's Chromium, driven by Playwright; one for all tests. Pages are opened from files, as readers open them.</summary>
public sealed class ReportBrowser : IAsyncLifetime
{
    private static readonly string? s_chromium = new[] { "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome" }.FirstOrDefault(File.Exists);
    private readonly TestFolder _folder = new();
    private readonly ConcurrentDictionary<Comparison, Lazy<string>> _files = new(ReferenceEqualityComparer.Instance);
    private IPlaywright? _playwright;
    private IBrowser? _browser;

    /// <summary>The sample, whose report is written once for all tests.</summary>
    public static Comparison Sample { get; } = SampleComparison.Make();

    /// <summary>Whether there is a Chromium; tests are skipped where there is none.</summary>
    public static bool IsThere => s_chromium is not null;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        if (IsThere)
        {
            _playwright = await Playwright.CreateAsync();
            _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = s_chromium, Args = ["--no-sandbox", "--disable-gpu"] });
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
        {
            await _browser.DisposeAsync();
        }

        _playwright?.Dispose();
        _folder.Dispose();
    }

    /// <summary>Opens the report of a comparison.</summary>
    /// <param name="comparison">The comparison.</param>
    /// <param name="options">The window; null for a wide, light one.</param>
    public async Task<OpenReport> Open(Comparison comparison, BrowserNewContextOptions? options = null)
    {
        return await OpenFile(_files.GetOrAdd(comparison, Written).Value, options);
    }

    /// <summary>Opens a page of one's own.</summary>
    /// <param name="html">The page.</param>
    /// <param name="options">The window; null for a wide, light one.</param>
    public Task<OpenReport> Open(string html, BrowserNewContextOptions? options = null)
    {
        var file = _folder.At($"{Guid.NewGuid():N}.html");
        File.WriteAllText(file, html);
        return OpenFile(file, options);
    }

    private async Task<OpenReport> OpenFile(string file, BrowserNewContextOptions? options)
    {
        var context = await _browser!.NewContextAsync(options ?? new() { ViewportSize = new() { Width = 1280, Height = 900 } });
        var page = await context.NewPageAsync();
        page.SetDefaultTimeout(120_000);
        var report = new OpenReport(page);
        await page.GotoAsync(new Uri(file).AbsoluteUri);
        return report;
    }

    private Lazy<string> Written(Comparison comparison) => new(() =>
    {
        var file = _folder.At($"{Guid.NewGuid():N}.html");
        File.WriteAllText(file, ComparisonReport.Html(comparison, SampleComparison.Storage()));
        return file;
    });
}

/// <summary>A report in a window, with everything that it complained about or asked for.</summary>
public sealed class OpenReport
{
    private readonly List<string> _complaints = [];

    /// <summary>Watches a page that is still empty.</summary>
    public OpenReport(IPage page)
    {
        Page = page;
        page.Console += (_, message) => Complain(message.Type is "error" or "warning", message.Text);
        page.PageError += (_, error) => Complain(true, error);
        page.Request += (_, request) => Complain(!request.Url.StartsWith("file:", StringComparison.Ordinal) && !request.Url.StartsWith("data:", StringComparison.Ordinal), $"asked for {request.Url}");
    }

    /// <summary>The page.</summary>
    public IPage Page { get; }

    /// <summary>Errors and warnings of the console, errors that nobody caught, and requests.</summary>
    public IReadOnlyList<string> Complaints
    {
        get
        {
            lock (_complaints)
            {
                return [.. _complaints];
            }
        }
    }

    private void Complain(bool really, string text)
    {
        if (really)
        {
            lock (_complaints)
            {
                _complaints.Add(text);
            }
        }
    }
}
