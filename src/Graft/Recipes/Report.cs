using System.Text;
using Graft.Evaluation.Comparisons;
using Graft.Evaluation.Reports;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>
/// Writes the reports of a comparison, finished or under way, from its folder's plan and results, and its storage account where there is one.
/// Stateless and thread-safe.
/// </summary>
public static class Report
{
    /// <summary>
    /// Writes the page and, beside it under the same name, its tables in Markdown; without a name of one's own for the page also TensorBoard's event
    /// files, into <c>tensorboard/</c> in the folder.
    /// </summary>
    /// <param name="folder">The comparison's folder.</param>
    /// <param name="page">The page's file; null for <c>report.html</c> in the folder.</param>
    /// <returns>What was written.</returns>
    /// <exception cref="GraftException">It is no folder of a comparison, none of its runs is finished, or a file cannot be written.</exception>
    public static ReportFiles Write(string folder, string? page = null)
    {
        var comparison = ComparisonFolder.Load(folder);
        var account = Path.Combine(folder, ComparisonFolder.StorageName);
        var storage = File.Exists(account) ? StorageAccount.Load(account) : null;
        var files = page is null
            ? ReportFiles.Of(Path.Combine(folder, "report.html")) with { TensorBoard = Path.Combine(folder, "tensorboard") }
            : ReportFiles.Of(page);
        WriteText(files.Page, ComparisonReport.Html(comparison, storage));
        WriteText(files.Markdown, ComparisonReport.Markdown(comparison, storage));
        if (files.TensorBoard is { } events)
        {
            ComparisonEvents.Write(comparison, events, new DateTimeOffset(File.GetLastWriteTimeUtc(Path.Combine(folder, ComparisonFolder.PlanName))));
        }

        return files;
    }

    private static void WriteText(string path, string text) => AtomicFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));
}

/// <summary>The files of a report. Immutable.</summary>
/// <param name="Page">The page.</param>
/// <param name="Markdown">Its tables in Markdown.</param>
public sealed record ReportFiles(string Page, string Markdown)
{
    /// <summary>The folder of TensorBoard's event files; null where none were written.</summary>
    public string? TensorBoard { get; init; }

    /// <summary>The files beside a page.</summary>
    /// <param name="page">The page.</param>
    internal static ReportFiles Of(string page)
    {
        var markdown = Path.ChangeExtension(page, ".md");
        return markdown != page ? new ReportFiles(page, markdown) : throw new GraftException($"'{page}' is the name of the Markdown tables, which are written beside the page; give the page a name that ends in .html.");
    }
}
