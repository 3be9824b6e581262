using Microsoft.Playwright;
using Xunit;

namespace Graft.Report.Tests;

/// <summary>A report for those who read it by ear, by keyboard, in the dark or on paper.</summary>
public sealed class AccessTests(ReportBrowser browser)
{
    private const string NoBrowser = "There is no Chromium on this machine (Debian: apt-get install chromium)";

    // Relative luminance and contrast as WCAG 2.2 defines them, of what is drawn and not of what the style sheet says.
    private const string Contrast = """
        selector => {
          const channels = color => { const c = document.createElement('canvas').getContext('2d', { willReadFrequently: true }); c.fillStyle = color; c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data].slice(0, 3); };
          const luminance = color => channels(color).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
          const behind = e => { for (; e; e = e.parentElement) { const b = getComputedStyle(e).backgroundColor; if (b !== 'rgba(0, 0, 0, 0)') return b; } };
          return Math.min(...[...document.querySelectorAll(selector)].map(e => {
            const style = getComputedStyle(e), drawn = e instanceof SVGElement ? style.fill : style.color;
            const [a, b] = [luminance(drawn), luminance(behind(e.closest('.chart') ?? e))].sort((x, y) => y - x);
            return (a + 0.05) / (b + 0.05);
          }));
        }
        """;

    public static bool CanRun => ReportBrowser.IsThere;

    [Theory(SkipUnless = nameof(CanRun), Skip = NoBrowser)]
    [InlineData(ColorScheme.Light)]
    [InlineData(ColorScheme.Dark)]
    public async Task Words_stand_out_from_what_is_behind_them(ColorScheme colors)
    {
        var report = await browser.Open(ReportBrowser.Sample, new() { ColorScheme = colors });

        foreach (var words in new[] { "h1", ".interval", ".lede", ".note", ".eyebrow", ".tag", ".ledger td", ".heat td:not(.none)", ".matrix td small", ".segmented label", "figcaption, caption", "#tradeoff [class*=role-axis-label] text", "#tradeoff [class*=mark-text] text" })
        {
            if (await report.Page.Locator(words).CountAsync() > 0)
            {
                var contrast = await report.Page.EvaluateAsync<double>(Contrast, words);
                Assert.True(contrast >= 4.5, $"{words} in {colors}: {contrast:0.00}");
            }
        }
    }

    [Fact(SkipUnless = nameof(CanRun), Skip = NoBrowser)]
    public async Task Everything_has_a_name()
    {
        var report = await browser.Open(ReportBrowser.Sample);

        Assert.Empty(await report.Page.EvaluateAsync<string[]>("[...document.querySelectorAll('.chart')].filter(c => c.getAttribute('role') !== 'img' || c.getAttribute('aria-label').length < 20).map(c => c.closest('section').id)"));
        Assert.Empty(await report.Page.EvaluateAsync<string[]>("[...document.querySelectorAll('select, input')].filter(e => !e.labels.length).map(e => e.outerHTML)"));
        Assert.Empty(await report.Page.EvaluateAsync<string[]>("[...document.querySelectorAll('table')].filter(t => !t.tHead || [...t.tHead.rows[0].cells].slice(1).some(c => c.scope !== 'col')).map(t => t.className)"));
        Assert.Empty(await report.Page.EvaluateAsync<string[]>("Object.entries(Object.groupBy([...document.querySelectorAll('[id]')], e => e.id)).filter(([, es]) => es.length > 1).map(([id]) => id)"));
        Assert.Equal("en", await report.Page.GetAttributeAsync("html", "lang"));
        Assert.Equal(1, await report.Page.Locator("h1").CountAsync());
    }

    [Fact(SkipUnless = nameof(CanRun), Skip = NoBrowser)]
    public async Task The_keyboard_reaches_the_filters_and_the_first_key_skips_them()
    {
        var report = await browser.Open(ReportBrowser.Sample);

        await report.Page.Keyboard.PressAsync("Tab");
        Assert.Equal("Skip to the results", await report.Page.EvaluateAsync<string>("document.activeElement.textContent"));

        await report.Page.Locator("#methods input").First.FocusAsync();
        await report.Page.Keyboard.PressAsync("Space");
        Assert.Equal("(7 of 8)", await report.Page.Locator("#shown").TextContentAsync());
    }

    [Fact(SkipUnless = nameof(CanRun), Skip = NoBrowser)]
    public async Task The_switch_goes_from_the_system_to_light_to_dark()
    {
        var report = await browser.Open(ReportBrowser.Sample, new() { ColorScheme = ColorScheme.Light });
        List<string> papers = [await Paper(report)];
        for (var i = 0; i < 2; i++)
        {
            await report.Page.Locator("#theme").ClickAsync();
            papers.Add(await Paper(report));
        }

        Assert.Equal(papers[0], papers[1]);
        Assert.NotEqual(papers[1], papers[2]);

        await report.Page.EmulateMediaAsync(new() { Media = Media.Print });
        Assert.Equal("rgb(255, 255, 255)", await Paper(report));
    }

    private static Task<string> Paper(OpenReport report) => report.Page.EvaluateAsync<string>("getComputedStyle(document.body).backgroundColor");
}
