namespace Graft.Formats.Sources;

/// <summary>Makes a folder be there, complete: instantly when its marker says so, else filled aside and put in place. Thread-safe.</summary>
internal static class SourceFolder
{
    /// <summary>Fills a folder unless it holds what its marker lists.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="source">What it shall hold, in the words of the command line.</param>
    /// <param name="writeAsync">Fills the folder it is given and returns notices for the user.</param>
    /// <returns>The marker, and whether everything was there already.</returns>
    public static async Task<(SourceManifest Manifest, bool AlreadyThere)> EnsureAsync(string folder, string source, Func<string, Task<IReadOnlyList<string>>> writeAsync)
    {
        if (SourceManifest.ReadIntact(folder, source) is { } present)
        {
            return (present, AlreadyThere: true);
        }

        using var staged = StagedFolder.Create(folder);
        var notices = await writeAsync(staged.Path).ConfigureAwait(false);
        var manifest = SourceManifest.Write(staged.Path, source, notices);
        staged.Publish();
        return (manifest, AlreadyThere: false);
    }
}
