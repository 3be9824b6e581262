using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Packages;
using Graft.Formats.Sources;
using Graft.Torch;

namespace Graft.Formats.Foreign;

/// <summary>
/// What another library's format has no place for and Graft needs to get its own adapter back bit for bit: exact settings, task, labels, and
/// a head that the library does not have. Kept in <c>graft_kept.json</c> and <c>graft_head.safetensors</c> beside the library's files, which
/// ignores them, and bound to those files by their hashes: what the library has written anew is read as the library's. Immutable.
/// </summary>
/// <param name="Method">The name of the method.</param>
/// <param name="Config">The settings as the method reads them.</param>
/// <param name="Name">The adapter's name.</param>
/// <param name="Task">What the head predicts; null without a head.</param>
/// <param name="HeadSettings">The head's settings; null without a head.</param>
/// <param name="HasHeadWeights">Whether the head's weights are kept too, as the library has no such head.</param>
/// <param name="BaseModel">The name of the backbone, or null.</param>
/// <param name="MaxTokens">The longest row in tokens.</param>
/// <param name="Training">How it was trained.</param>
public sealed record KeptAdapter(
    string Method, JsonObject Config, string Name, PackageTask? Task, JsonObject? HeadSettings, bool HasHeadWeights, string? BaseModel, int MaxTokens, JsonObject Training)
{
    /// <summary>The fingerprint of the backbone that it was trained on, or null.</summary>
    public string? Fingerprint { get; private init; }

    /// <summary>The file of settings.</summary>
    public const string FileName = "graft_kept.json";

    /// <summary>The file of the head's weights.</summary>
    public const string HeadName = "graft_head.safetensors";

    private const int Version = 1;

    private static readonly JsonSerializerOptions s_readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes what is kept; the library's own files have to be there already.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="adapter">The adapter.</param>
    /// <param name="keepHead">Whether the head's weights are kept too, as the library's files do not have them.</param>
    /// <param name="bound">The library's files that it belongs to, by their paths within the folder.</param>
    public static void Write(string folder, ForeignAdapter adapter, bool keepHead, params IReadOnlyList<string> bound)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        ArgumentNullException.ThrowIfNull(bound);
        var head = adapter.Head;
        if (keepHead && head is not null)
        {
            SafetensorsWriter.Write(Path.Combine(folder, HeadName), head.Weights.Select(w => SafetensorsEntry.From(w.Key, w.Value)));
            bound = [.. bound, HeadName];
        }

        var root = new JsonObject
        {
            ["format"] = "graft-kept",
            ["format_version"] = Version,
            ["method"] = adapter.Method,
            ["config"] = adapter.Config.DeepClone(),
            ["name"] = adapter.Name,
            ["task"] = head?.Task.ToJson(),
            ["head"] = head?.Settings.DeepClone(),
            ["base_model"] = adapter.BaseModel,
            ["fingerprint"] = adapter.Fingerprint,
            ["max_tokens"] = adapter.MaxTokens,
            ["training"] = adapter.Training.DeepClone(),
            ["files"] = new JsonObject(bound.Select(name => KeyValuePair.Create(name, (JsonNode?)FileHash.Sha256(Path.Combine(folder, name))))),
        };
        AtomicFile.Write(Path.Combine(folder, FileName), stream => JsonSerializer.Serialize(stream, root, s_readable));
    }

    /// <summary>Reads what is kept in a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="backbone">The backbone that it is read for; null where that does not matter yet.</param>
    /// <returns>What is kept, or null with a note where it belongs to other files; null and null where there is none.</returns>
    /// <exception cref="GraftException">The file is damaged, or the adapter was trained on another backbone.</exception>
    public static (KeptAdapter? Kept, string? Note) Read(string folder, Backbone? backbone = null)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            return (null, null);
        }

        var root = StrictJson.Load(path);
        root.Allow("format", "format_version", "method", "config", "name", "task", "head", "base_model", "fingerprint", "max_tokens", "training", "files");
        var files = root.Nested("files");
        var changed = files?.Keys.FirstOrDefault(name => !IsInside(name) || !Fits(Path.Combine(folder, name), files.TextOrNull(name)));
        if (files is null || changed is not null || root.Whole("format_version", 0) != Version)
        {
            return (null, $"{FileName} is not used, as it was written with another {changed ?? "version of Graft"}: the folder is read as the other library's alone.");
        }

        var fingerprint = root.TextOrNull("fingerprint");
        if (backbone is not null && fingerprint is not null && fingerprint != backbone.Fingerprint)
        {
            throw new GraftException(
                $"The adapter '{folder}' was trained on the backbone '{root.TextOrNull("base_model")}', and the one loaded is another ({backbone.Config.ModelType}, {backbone.Config.Layers} layers of width " +
                $"{backbone.Config.HiddenSize}); give the first with --backbone.");
        }

        var task = root.Nested("task") is { } t ? PackageTask.From(t) : null;
        if (files.Has(HeadName) && (task is null || !root.Has("head")))
        {
            throw new GraftException($"{path}: 'task' or 'head' is missing, and there is a head; take the adapter's files again.");
        }

        return (new KeptAdapter(
            root.Text("method"), Object(root, "config") ?? [], root.Text("name"), task, Object(root, "head"), files.Has(HeadName),
            root.TextOrNull("base_model"), (int)Math.Clamp(root.Whole("max_tokens", ForeignAdapter.UsualMaxTokens), 1, int.MaxValue), Object(root, "training") ?? [])
        { Fingerprint = fingerprint }, null);
    }

    /// <summary>Reads the head's weights; the caller disposes them.</summary>
    /// <param name="folder">The folder.</param>
    public static IReadOnlyDictionary<string, Tensor> ReadHead(string folder)
    {
        using var file = SafetensorsFile.Open(Path.Combine(folder, HeadName));
        using var scope = new TensorScope();
        return file.Keys.ToDictionary(key => key, key => file.Load(key).Clone().Unscoped(), StringComparer.Ordinal);
    }

    // A file of the folder or of its sub-folders, however hostile the text is.
    private static bool IsInside(string name) =>
        !Path.IsPathRooted(name) && !name.Contains('\\', StringComparison.Ordinal) && name.Split('/').All(part => part is not ("" or "." or ".."));

    private static bool Fits(string path, string? hash) => File.Exists(path) && FileHash.Sha256(path) == hash;

    private static JsonObject? Object(StrictObject parent, string key) =>
        parent.Nested(key) is not null && parent.Raw(key) is { } raw ? JsonNode.Parse(raw.GetRawText())!.AsObject() : null;
}
