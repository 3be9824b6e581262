namespace Graft.Formats.Packages;

/// <summary>
/// Where a package is, and which of its tasks is meant: <c>FOLDER</c>, or <c>FOLDER#TASK</c> in a package of several tasks. Immutable.
/// </summary>
/// <param name="Folder">The package's folder.</param>
/// <param name="Task">The task; null where none is named.</param>
public sealed record PackagePlace(string Folder, string? Task)
{
    /// <summary>Reads a place; a folder whose own name has a # is that folder.</summary>
    /// <param name="place">The place as a user writes it.</param>
    public static PackagePlace Parse(string place)
    {
        ArgumentException.ThrowIfNullOrEmpty(place);
        return !Directory.Exists(place) && place.LastIndexOf('#') is var at and > 0 && at < place.Length - 1
            ? new PackagePlace(place[..at], place[(at + 1)..])
            : new PackagePlace(place, null);
    }

    /// <inheritdoc/>
    public override string ToString() => Task is null ? Folder : $"{Folder}#{Task}";
}
