using Graft.Torch;

namespace Graft.Formats.Sources;

/// <summary>Fetches a model from a Hugging Face hub into its cache, file by file, each checked by its hash. One thread.</summary>
internal sealed class HubSource(SourceSettings settings, HubModel model)
{
    private readonly HubCache _cache = new(settings.HubCache, model);

    /// <summary>Fetches what is missing of the model.</summary>
    /// <exception cref="GraftException">The hub cannot be reached or refuses, a file arrives damaged, or the cache cannot be written.</exception>
    public async Task<PulledModel> PullAsync(IProgress<SourceProgress>? progress, CancellationToken cancellation)
    {
        if (model.IsCommit && _cache.FindComplete() is { } complete)
        {
            return Present(complete, []);
        }

        using var client = new HubClient(settings, model);
        HubRevision revision;
        try
        {
            revision = await client.ResolveAsync(cancellation).ConfigureAwait(false);
        }
        catch (HubUnreachableException fault) when (_cache.FindComplete() is not null)
        {
            return Present(_cache.FindComplete()!, [$"The copy on this machine is used as it is: {fault.Message}"]);
        }

        try
        {
            return await FetchAsync(client, revision, progress, cancellation).ConfigureAwait(false);
        }
        catch (Exception fault) when (FileFaults.Explains(fault))
        {
            throw FileFaults.Describe(fault, settings.HubCache);
        }
    }

    private async Task<PulledModel> FetchAsync(HubClient client, HubRevision revision, IProgress<SourceProgress>? progress, CancellationToken cancellation)
    {
        ModelFolder.RequireModel(model.ToString(), revision.Files);
        var alreadyThere = true;
        foreach (var name in ModelFolder.SmallFiles(revision.Files))
        {
            alreadyThere &= !await EnsureAsync(client, revision, name, progress, cancellation).ConfigureAwait(false);
        }

        foreach (var name in await WeightsAsync(client, revision, progress, cancellation).ConfigureAwait(false))
        {
            alreadyThere &= !await EnsureAsync(client, revision, name, progress, cancellation).ConfigureAwait(false);
        }

        _cache.WriteReference(revision.Commit);
        var pulled = Present(_cache.Snapshot(revision.Commit), []);
        return pulled with { AlreadyThere = alreadyThere };
    }

    private async Task<IReadOnlyList<string>> WeightsAsync(HubClient client, HubRevision revision, IProgress<SourceProgress>? progress, CancellationToken cancellation)
    {
        if (revision.Files.Contains(ModelFolder.Weights))
        {
            return [ModelFolder.Weights];
        }

        await EnsureAsync(client, revision, ModelFolder.WeightsIndex, progress, cancellation).ConfigureAwait(false);
        var shards = HubCache.Shards(Path.Combine(_cache.Snapshot(revision.Commit), ModelFolder.WeightsIndex));
        var missing = shards.FirstOrDefault(shard => !revision.Files.Contains(shard));
        return shards.Count > 0 && missing is null
            ? shards
            : throw new GraftException($"The {ModelFolder.WeightsIndex} of '{model}' names {(missing is null ? "no files" : $"'{missing}', which the model does not have")}; choose another revision.");
    }

    /// <summary>True when the file had to be fetched.</summary>
    private async Task<bool> EnsureAsync(HubClient client, HubRevision revision, string name, IProgress<SourceProgress>? progress, CancellationToken cancellation)
    {
        if (_cache.Has(revision.Commit, name))
        {
            return false;
        }

        var file = await client.DescribeAsync(revision.Commit, name, cancellation).ConfigureAwait(false);
        var blob = _cache.Blob(file.Hash);
        if (!File.Exists(blob))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(blob)!);
            await new HubDownload(client, settings, revision.Commit, file, blob).RunAsync(progress, cancellation).ConfigureAwait(false);
        }

        _cache.Link(revision.Commit, name, file.Hash);
        return true;
    }

    private PulledModel Present(string folder, IReadOnlyList<string> notices) => new(
        model.ToString(),
        folder,
        AlreadyThere: true,
        [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(folder, path).Replace('\\', '/')).Order(StringComparer.Ordinal)],
        notices);
}
