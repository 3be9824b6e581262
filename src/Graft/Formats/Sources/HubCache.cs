using System.Text.Json;

namespace Graft.Formats.Sources;

/// <summary>
/// A model's place in the hub's cache, laid out as the hub's own clients do: <c>models--ORG--NAME/{blobs,refs,snapshots}</c>,
/// each snapshot a folder of links into blobs. One thread.
/// </summary>
internal sealed class HubCache(string root, HubModel model)
{
    private readonly string _folder = Path.Combine(root, "models--" + model.Repository.Replace("/", "--", StringComparison.Ordinal));

    /// <summary>The folder of one commit's files.</summary>
    public string Snapshot(string commit) => Path.Combine(_folder, "snapshots", commit);

    /// <summary>The path of a file's content by its hash.</summary>
    public string Blob(string hash) => Path.Combine(_folder, "blobs", hash);

    /// <summary>True when a commit's file is there.</summary>
    public bool Has(string commit, string name) => File.Exists(Path.Combine(Snapshot(commit), name));

    /// <summary>Remembers which commit a branch or tag stands for.</summary>
    public void WriteReference(string commit)
    {
        if (!model.IsCommit)
        {
            var path = Path.Combine(_folder, "refs", model.Revision);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            var partial = $"{path}.{Guid.NewGuid():N}";
            File.WriteAllText(partial, commit);
            File.Move(partial, path, overwrite: true);
        }
    }

    /// <summary>Makes a blob appear as a commit's file.</summary>
    public void Link(string commit, string name, string hash)
    {
        var path = Path.Combine(Snapshot(commit), name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        if (new FileInfo(path) is { LinkTarget: not null } or { Exists: true })
        {
            File.Delete(path);
        }

        try
        {
            File.CreateSymbolicLink(path, Path.GetRelativePath(Path.GetDirectoryName(path)!, Blob(hash)));
        }
        catch (Exception fault) when (OperatingSystem.IsWindows() && FileFaults.Explains(fault))
        {
            File.Copy(Blob(hash), path); // Windows grants links to few users
        }
    }

    /// <summary>The commit that the revision stood for when it was last asked, or null.</summary>
    public string? KnownCommit()
    {
        if (model.IsCommit)
        {
            return model.Revision;
        }

        var path = Path.Combine(_folder, "refs", model.Revision);
        return File.Exists(path) && File.ReadAllText(path).Trim() is var commit && HubModel.IsCommitHash(commit) ? commit : null;
    }

    /// <summary>The revision's folder when its configuration and all its weights are there, else null.</summary>
    public string? FindComplete() => KnownCommit() is { } commit && IsComplete(Snapshot(commit)) ? Snapshot(commit) : null;

    /// <summary>The complete models of a cache.</summary>
    public static IReadOnlyList<LocalModel> List(string root)
    {
        if (!Directory.Exists(root))
        {
            return [];
        }

        var models = new List<LocalModel>();
        foreach (var folder in Directory.EnumerateDirectories(root, "models--*").Order(StringComparer.Ordinal))
        {
            var name = Path.GetFileName(folder)["models--".Length..].Replace("--", "/", StringComparison.Ordinal);
            var references = Path.Combine(folder, "refs");
            if (!Directory.Exists(references))
            {
                continue;
            }

            foreach (var reference in Directory.EnumerateFiles(references, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            {
                var model = new HubModel(name, Path.GetRelativePath(references, reference).Replace('\\', '/'));
                if (new HubCache(root, model).FindComplete() is { } snapshot)
                {
                    models.Add(new LocalModel(model.ToString(), snapshot, Directory.EnumerateFiles(snapshot).Sum(SizeOf)));
                }
            }
        }

        return models;
    }

    /// <summary>The files that a safetensors index names, or none when it cannot be read.</summary>
    public static IReadOnlyList<string> Shards(string index)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(index));
            return [.. document.RootElement.GetProperty("weight_map").EnumerateObject().Select(entry => entry.Value.GetString() ?? "").Distinct(StringComparer.Ordinal)];
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            return [];
        }
    }

    private static bool IsComplete(string snapshot)
    {
        if (!File.Exists(Path.Combine(snapshot, ModelFolder.Config)))
        {
            return false;
        }

        var index = Path.Combine(snapshot, ModelFolder.WeightsIndex);
        return File.Exists(Path.Combine(snapshot, ModelFolder.Weights))
            || (File.Exists(index) && Shards(index) is { Count: > 0 } shards && shards.All(shard => File.Exists(Path.Combine(snapshot, shard))));
    }

    private static long SizeOf(string path) => (File.ResolveLinkTarget(path, returnFinalTarget: true) as FileInfo ?? new FileInfo(path)).Length;
}
