using System.Net;
using System.Reflection;
using System.Text.RegularExpressions;

namespace Graft.Evaluation.Reports;

/// <summary>
/// The page of a report: the files of <c>Page/</c> (a template that names its style sheets and scripts, as any page does) put into one, with
/// the libraries that draw its charts and the data, so that it asks nothing of any network. Stateless and thread-safe.
/// </summary>
internal static partial class ReportPage
{
    private const string Resources = "Graft.Evaluation.Reports.";

    /// <summary>The version of Graft that makes the page.</summary>
    public static string Version { get; } =
        typeof(ReportPage).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    /// <summary>Puts a page together.</summary>
    /// <param name="template">The template's name in <c>Page/</c>.</param>
    /// <param name="title">The window's title.</param>
    /// <param name="json">The data as JSON without a <c>&lt;</c>, as the default encoder writes it: nothing in it can end the script element.</param>
    public static string Of(string template, string title, string json) => Part().Replace(Read(template), part => part.Groups["mark"].Value switch
    {
        "title" => WebUtility.HtmlEncode(title),
        "data" => json,
        "licence" => Read("vega.licence"),
        _ when part.Groups["sheet"] is { Success: true, Value: var sheet } => $"<style>\n{Read(sheet)}</style>",
        _ => $"<script>\n{Read(part.Groups["script"].Value)}</script>",
    });

    private static string Read(string name)
    {
        using var stream = typeof(ReportPage).Assembly.GetManifestResourceStream(Resources + name)
            ?? throw new InvalidOperationException($"The part '{name}' of the report's page is not in the assembly.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    // One pass over the template, so that nothing in a part is taken for a mark.
    [GeneratedRegex(
        """<link rel="stylesheet" href="(?<sheet>[^"]+)">|<script src="(?<script>[^"]+)"></script>|\{\{(?<mark>title|data|licence)\}\}""",
        RegexOptions.ExplicitCapture, 5000)]
    private static partial Regex Part();
}
