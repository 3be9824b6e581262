using Graft.Torch;

namespace Graft.Formats.Sources;

/// <summary>
/// A folder that is filled beside its final place and appears there by one rename, or not at all.
/// One thread; disposing before <see cref="Publish"/> removes everything.
/// </summary>
internal sealed class StagedFolder : IDisposable
{
    private static readonly TimeSpan s_abandonedAfter = TimeSpan.FromHours(6);
    private readonly string _target;
    private bool _published;

    private StagedFolder(string target, string path) => (_target, Path) = (target, path);

    /// <summary>The folder to write into.</summary>
    public string Path { get; }

    /// <summary>Creates the staging folder beside <paramref name="target"/>.</summary>
    /// <exception cref="GraftException">The target holds something that Graft did not put there, or cannot be written.</exception>
    public static StagedFolder Create(string target)
    {
        target = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(target));
        RefuseForeign(target);
        var parent = System.IO.Path.GetDirectoryName(target) ?? throw new GraftException($"'{target}' is no place for a folder; choose another with --to.");
        var name = System.IO.Path.GetFileName(target);
        try
        {
            Directory.CreateDirectory(parent);
            RemoveAbandoned(parent, name);
            var path = System.IO.Path.Combine(parent, $".{name}.partial-{Guid.NewGuid():N}");
            Directory.CreateDirectory(path);
            return new StagedFolder(target, path);
        }
        catch (Exception fault) when (FileFaults.Explains(fault))
        {
            throw FileFaults.Describe(fault, target);
        }
    }

    /// <summary>Moves the folder to its final place; what Graft had put there before is replaced.</summary>
    public void Publish()
    {
        RefuseForeign(_target);
        if (Directory.Exists(_target))
        {
            var old = Path.Replace(".partial-", ".old-", StringComparison.Ordinal);
            Directory.Move(_target, old);
            Directory.Move(Path, _target);
            Directory.Delete(old, recursive: true);
        }
        else
        {
            Directory.Move(Path, _target);
        }

        _published = true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_published && Directory.Exists(Path))
        {
            Directory.Delete(Path, recursive: true);
        }
    }

    private static void RefuseForeign(string target)
    {
        if (File.Exists(target))
        {
            throw new GraftException($"'{target}' is a file, expected a folder; choose another place with --to.");
        }

        if (Directory.Exists(target) && !SourceManifest.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any())
        {
            throw new GraftException($"The folder '{target}' holds files that graft did not write; choose an empty or new folder with --to.");
        }
    }

    private static void RemoveAbandoned(string parent, string name)
    {
        var limit = DateTime.UtcNow - s_abandonedAfter;
        foreach (var folder in Directory.EnumerateDirectories(parent, $".{name}.*-*"))
        {
            if (Directory.GetLastWriteTimeUtc(folder) < limit)
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }
}
