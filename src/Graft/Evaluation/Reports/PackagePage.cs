using System.Text.Json;
using Graft.Methods.Core;

namespace Graft.Evaluation.Reports;

/// <summary>
/// A trained adapter for people: one page with the pictures that its method gives and what it is, which asks nothing of any network. The same
/// adapter gives the same bytes. Stateless and thread-safe.
/// </summary>
internal static class PackagePage
{
    /// <summary>The page.</summary>
    /// <param name="title">What the adapter is, in a line.</param>
    /// <param name="facts">A name and a text each.</param>
    /// <param name="pictures">At least one picture.</param>
    public static string Html(string title, IReadOnlyList<IReadOnlyList<string>> facts, IReadOnlyList<MethodPicture> pictures) => ReportPage.Of(
        "package.html", title, JsonSerializer.Serialize(new PackageData(title, ReportPage.Version, facts, pictures), ReportJson.OfPage.PackageData));
}

/// <summary>What the page of a package holds.</summary>
internal sealed record PackageData(string Title, string Version, IReadOnlyList<IReadOnlyList<string>> Facts, IReadOnlyList<MethodPicture> Pictures);
