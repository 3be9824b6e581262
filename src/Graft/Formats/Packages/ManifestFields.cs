using System.Text.Json.Nodes;
using Graft.Torch;

namespace Graft.Formats.Packages;

/// <summary>Reads and writes what the manifests of packages have in common. Stateless.</summary>
internal static class ManifestFields
{
    /// <summary>Refuses what is no manifest of a kind, or of a version that this library does not read.</summary>
    /// <exception cref="GraftException">It is something else, or newer.</exception>
    public static void Check(StrictObject root, string format, int version)
    {
        if (root.TextOrNull("format") != format)
        {
            throw root.Error("format", $"'format' is not '{format}', so this is no package of Graft; name the folder that training wrote.");
        }

        if (root.Whole("format_version", 0) is var found && found != version)
        {
            throw root.Error("format_version", found > version
                ? $"the package has format version {found}, and this Graft reads versions up to {JointManifest.FormatVersion}; update Graft, or train the package again."
                : $"the package has format version {found}, expected {version}; train the package again.");
        }
    }

    public static PackageBackbone Backbone(StrictObject root)
    {
        var backbone = Part(root, "backbone", "model_type", "hidden_size", "layers", "source", "fingerprint");
        return new PackageBackbone(
            backbone.Text("model_type"), (int)Count(backbone, "hidden_size", int.MaxValue), (int)Count(backbone, "layers", int.MaxValue),
            backbone.Text("source"), backbone.Text("fingerprint"));
    }

    public static JsonObject ToJson(PackageBackbone backbone) => new()
    {
        ["model_type"] = backbone.ModelType,
        ["hidden_size"] = backbone.HiddenSize,
        ["layers"] = backbone.Layers,
        ["source"] = backbone.Source,
        ["fingerprint"] = backbone.Fingerprint,
    };

    public static IReadOnlyDictionary<string, string> Versions(StrictObject root)
    {
        var versions = root.Nested("versions");
        return versions?.Keys.ToDictionary(k => k, k => versions.TextOrNull(k) ?? "", StringComparer.Ordinal) ?? [];
    }

    public static JsonObject ToJson(IReadOnlyDictionary<string, string> versions) =>
        new(versions.Select(v => KeyValuePair.Create(v.Key, (JsonNode?)v.Value)));

    public static PackageFile File(StrictObject files, string name)
    {
        var file = Part(files, name, "parameters", "bytes", "sha256");
        return new PackageFile(Count(file, "parameters", long.MaxValue, least: 0), Count(file, "bytes", long.MaxValue), file.Text("sha256"));
    }

    public static JsonObject ToJson(PackageFile file) =>
        new() { ["parameters"] = file.Parameters, ["bytes"] = file.Bytes, ["sha256"] = file.Sha256 };

    public static StrictObject Part(StrictObject parent, string key) =>
        parent.Nested(key) ?? throw parent.Error(key, $"'{key}' is missing, expected an object; take the package from where it was trained again.");

    public static StrictObject Part(StrictObject parent, string key, params string[] keys)
    {
        var part = Part(parent, key);
        part.Allow(keys);
        return part;
    }

    public static JsonObject Json(StrictObject parent, string key) =>
        parent.Nested(key) is not null && parent.Raw(key) is { } raw ? JsonNode.Parse(raw.GetRawText())!.AsObject() : [];

    public static long Count(StrictObject parent, string key, long most, long least = 1) => parent.Whole(key, -1) is var count && count >= least && count <= most
        ? count
        : throw parent.Error(key, $"'{key}' is missing or no whole number from {least} on; take the package from where it was trained again.");
}
