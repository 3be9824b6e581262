using System.Text.Json;
using System.Text.Json.Nodes;

namespace Graft.Formats.Sources;

/// <summary>
/// The marker that Graft leaves in a folder it made: where the files came from, their sizes, hashes and times, so that a
/// second pull knows in milliseconds that everything is there. Immutable.
/// </summary>
internal sealed class SourceManifest
{
    private const string FileName = ".graft-source.json";
    private readonly Dictionary<string, Entry> _files;

    private SourceManifest(string source, IReadOnlyList<string> notices, Dictionary<string, Entry> files) =>
        (Source, Notices, _files) = (source, notices, files);

    /// <summary>What was pulled, in the words of the command line.</summary>
    public string Source { get; }

    /// <summary>What the user was told when it was pulled.</summary>
    public IReadOnlyList<string> Notices { get; }

    /// <summary>The files, relative to the folder, with forward slashes.</summary>
    public IReadOnlyCollection<string> Files => _files.Keys;

    /// <summary>Bytes of all files.</summary>
    public long Bytes => _files.Values.Sum(file => file.Bytes);

    /// <summary>True when the folder carries a marker, readable or not.</summary>
    public static bool Exists(string folder) => File.Exists(Path.Combine(folder, FileName));

    /// <summary>Writes the marker for all files now in the folder.</summary>
    public static SourceManifest Write(string folder, string source, IReadOnlyList<string> notices)
    {
        var files = new Dictionary<string, Entry>(StringComparer.Ordinal);
        foreach (var path in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var name = Path.GetRelativePath(folder, path).Replace('\\', '/');
            if (name != FileName)
            {
                var info = new FileInfo(path);
                files[name] = new Entry(info.Length, FileHash.Sha256(path), info.LastWriteTimeUtc.Ticks);
            }
        }

        var manifest = new SourceManifest(source, notices, files);
        using var stream = File.Create(Path.Combine(folder, FileName));
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            manifest.ToJson().WriteTo(writer);
        }

        stream.Flush(flushToDisk: true);
        return manifest;
    }

    /// <summary>The marker of a folder, or null when it has none that can be read.</summary>
    public static SourceManifest? Read(string folder)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, FileName)));
            var files = new Dictionary<string, Entry>(StringComparer.Ordinal);
            foreach (var file in document.RootElement.GetProperty("files").EnumerateObject())
            {
                var value = file.Value;
                files[file.Name] = new Entry(
                    value.GetProperty("bytes").GetInt64(), value.GetProperty("sha256").GetString() ?? "", value.GetProperty("modified").GetInt64());
            }

            var source = document.RootElement.GetProperty("source").GetString() ?? "";
            return new SourceManifest(source, [.. document.RootElement.GetProperty("notices").EnumerateArray().Select(notice => notice.GetString() ?? "")], files);
        }
        catch (Exception fault) when (
            FileFaults.Explains(fault) || fault is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            return null;
        }
    }

    /// <summary>The marker of a folder whose files are all there and unchanged, or null. Hashes only what was touched since.</summary>
    public static SourceManifest? ReadIntact(string folder, string source)
    {
        var manifest = Read(folder);
        return manifest is not null && manifest.Source == source && manifest.IsIntact(folder) ? manifest : null;
    }

    private bool IsIntact(string folder)
    {
        foreach (var (name, entry) in _files)
        {
            var info = new FileInfo(Path.Combine(folder, name));
            if (!info.Exists || info.Length != entry.Bytes)
            {
                return false;
            }

            if (info.LastWriteTimeUtc.Ticks != entry.Modified && FileHash.Sha256(info.FullName) != entry.Sha256)
            {
                return false;
            }
        }

        return true;
    }

    private JsonObject ToJson()
    {
        var files = new JsonObject();
        foreach (var (name, entry) in _files)
        {
            files[name] = new JsonObject { ["bytes"] = entry.Bytes, ["sha256"] = entry.Sha256, ["modified"] = entry.Modified };
        }

        return new JsonObject
        {
            ["source"] = Source,
            ["notices"] = new JsonArray([.. Notices.Select(notice => (JsonNode)notice)]),
            ["files"] = files,
        };
    }

    private readonly record struct Entry(long Bytes, string Sha256, long Modified);
}
