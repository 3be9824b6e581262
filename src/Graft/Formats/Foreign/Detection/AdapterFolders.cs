using Graft.Formats.Packages;
using Graft.Torch;

namespace Graft.Formats.Foreign.Detection;

/// <summary>An adapter's folder and the format it is in.</summary>
/// <param name="Format">The format.</param>
/// <param name="Folder">The folder that holds the adapter itself.</param>
/// <param name="Name">The adapter's name: that of its sub-folder, else of the folder.</param>
public sealed record FoundAdapter(AdapterFormat Format, string Folder, string Name);

/// <summary>
/// Finds out which format a folder is in: <c>graft.json</c> (Graft), <c>adapter_config.json</c> with <c>peft_type</c> (HF PEFT) or with
/// <c>config</c> and <c>model_type</c> (AdapterHub), in the folder itself or in sub-folders named by adapter. Stateless.
/// </summary>
public static class AdapterFolders
{
    private const int LongestName = 128;

    /// <summary>Finds the adapter of a folder.</summary>
    /// <param name="folder">The folder, one whose sub-folders are adapters, or <c>FOLDER#TASK</c> of a package of several tasks.</param>
    /// <param name="name">The adapter's sub-folder; null for the folder itself or its only adapter.</param>
    /// <exception cref="GraftException">There is no adapter, or several and none is named.</exception>
    public static FoundAdapter Find(string folder, string? name = null)
    {
        if (PackagePlace.Parse(folder) is { Task: { } task } place)
        {
            AdapterPackage.RequirePackage(place.Folder);
            return new FoundAdapter(AdapterFormats.All.First(f => f.Recognizes(place.Folder)), folder, task);
        }

        if (!Directory.Exists(folder))
        {
            throw new GraftException(File.Exists(folder)
                ? $"'{folder}' is a file, expected an adapter's folder; name the folder it lies in."
                : $"There is no folder '{folder}'; name an adapter's folder.");
        }

        if (name is not null)
        {
            var named = Path.Combine(folder, CheckName(name));
            return Directory.Exists(named) && FormatOf(named) is { } format ? new FoundAdapter(format, named, name) : throw new GraftException(
                $"'{folder}' has no adapter in a sub-folder '{name}'; {Available(Inside(folder))}.");
        }

        if (FormatOf(folder) is { } own)
        {
            return new FoundAdapter(own, folder, Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))));
        }

        return Inside(folder) switch
        {
            [var only] => only,
            [] => throw new GraftException(
                $"'{folder}' is no adapter: it has neither graft.json nor an adapter_config.json with 'peft_type' (HF PEFT) or with 'config' and 'model_type' (AdapterHub); name an adapter's folder."),
            var several => throw new GraftException($"'{folder}' holds {several.Count} adapters; name one of its sub-folders, {Available(several)}."),
        };
    }

    /// <summary>The format of a folder itself, or null when no format knows it.</summary>
    /// <param name="folder">An existing folder.</param>
    public static AdapterFormat? FormatOf(string folder) => AdapterFormats.All.FirstOrDefault(f => f.Recognizes(folder));

    /// <summary>Refuses names that are no name of a folder: paths, dots at the start, control characters.</summary>
    /// <param name="name">The name.</param>
    /// <returns>The same name.</returns>
    /// <exception cref="GraftException">It is none.</exception>
    public static string CheckName(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.Length is > 0 and <= LongestName && name[0] is not '.' and not ' ' && !name.Any(c => char.IsControl(c) || c is '/' or '\\' or ':')
            ? name
            : throw new GraftException($"'{Shown(name)}' is no name of an adapter, expected letters, digits, '-' or '_' and no path; choose another name.");
    }

    private static List<FoundAdapter> Inside(string folder) =>
    [
        .. Directory.EnumerateDirectories(folder).Order(StringComparer.Ordinal)
            .Select(d => (Folder: d, Format: FormatOf(d)))
            .Where(d => d.Format is not null && !Path.GetFileName(d.Folder).StartsWith('.'))
            .Select(d => new FoundAdapter(d.Format!, d.Folder, Path.GetFileName(d.Folder))),
    ];

    private static string Available(IReadOnlyList<FoundAdapter> found) => found.Count == 0
        ? "it has no adapters in sub-folders"
        : $"it has {Suggest.List([.. found.Select(f => f.Name)])}";

    private static string Shown(string name) =>
        string.Concat(name.Take(LongestName).Select(c => char.IsControl(c) ? '?' : c));
}
