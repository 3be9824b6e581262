using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Torch;

namespace Graft.Formats.Packages;

/// <summary>What a package predicts, in plain words; the folder of tasks gives it meaning. Immutable.</summary>
/// <param name="Name">The task's name.</param>
/// <param name="Kind">What is predicted: <c>classification</c>, <c>regression</c> or <c>multilabel</c>.</param>
/// <param name="Labels">The labels in the order of the head's outputs; empty for regression.</param>
/// <param name="Metrics">The metrics that it is judged by, the primary one first.</param>
/// <param name="Pair">Whether a row has a second text.</param>
public sealed record PackageTask(string Name, string Kind, IReadOnlyList<string> Labels, IReadOnlyList<string> Metrics, bool Pair)
{
    /// <summary>Reads one.</summary>
    /// <param name="task">The object that <see cref="ToJson"/> makes.</param>
    /// <exception cref="GraftException">A key is missing, unknown or of another type.</exception>
    internal static PackageTask From(StrictObject task)
    {
        task.Allow("name", "kind", "labels", "metrics", "pair");
        return new PackageTask(
            task.Text("name"), task.Text("kind"), task.TextList("labels") ?? [], task.TextList("metrics") ?? [], task.Flag("pair", false));
    }

    /// <summary>The task as it is written.</summary>
    internal JsonObject ToJson() => new()
    {
        ["name"] = Name,
        ["kind"] = Kind,
        ["labels"] = List(Labels),
        ["metrics"] = List(Metrics),
        ["pair"] = Pair,
    };

    private static JsonArray List(IEnumerable<string> items) => [.. items.Select(i => (JsonNode?)i)];
}

/// <summary>The backbone that a package was trained on. Immutable.</summary>
/// <param name="ModelType">The architecture, such as <c>bert</c>.</param>
/// <param name="HiddenSize">The width W.</param>
/// <param name="Layers">The number of blocks L.</param>
/// <param name="Source">The name it was asked for by (<c>minilm</c>, <c>hf:ORG/NAME</c>), or the name of its folder.</param>
/// <param name="Fingerprint">SHA-256 of its weights, see <see cref="Backbone.Fingerprint"/>.</param>
public sealed record PackageBackbone(string ModelType, int HiddenSize, int Layers, string Source, string Fingerprint);

/// <summary>One file of weights as it was when the package was written. Immutable.</summary>
/// <param name="Parameters">The number of its trained parameters.</param>
/// <param name="Bytes">The size of the file.</param>
/// <param name="Sha256">The hash of the file, hexadecimal.</param>
public sealed record PackageFile(long Parameters, long Bytes, string Sha256);

/// <summary>
/// What <c>graft.json</c> of a package says. Immutable as long as nobody changes its JSON objects. The names in the file are the snake_case
/// ones of the properties; docs/formats.md lists them.
/// </summary>
/// <param name="Method">The method's name.</param>
/// <param name="Config">The method's settings, every value written.</param>
/// <param name="Task">What is predicted.</param>
/// <param name="Head">The settings of the head.</param>
/// <param name="MaxTokens">The longest row in tokens that it was trained on; longer ones are truncated.</param>
/// <param name="Backbone">What it was trained on.</param>
/// <param name="Training">How it was trained and what came of it: free for people and programs to read, nothing depends on it.</param>
/// <param name="Versions">The versions of what wrote it.</param>
public sealed record PackageManifest(
    string Method, JsonObject Config, PackageTask Task, JsonObject Head, int MaxTokens, PackageBackbone Backbone,
    JsonObject Training, IReadOnlyDictionary<string, string> Versions)
{
    /// <summary>What the file says first, to tell it from other JSON.</summary>
    public const string Format = "graft-adapter";

    /// <summary>The version of the format that this library writes, and the newest that it reads.</summary>
    public const int FormatVersion = 1;

    /// <summary>The adapter's weights.</summary>
    public required PackageFile AdapterFile { get; init; }

    /// <summary>The head's weights.</summary>
    public required PackageFile HeadFile { get; init; }

    /// <summary>The versions of this library, of libtorch and of .NET.</summary>
    public static IReadOnlyDictionary<string, string> OwnVersions() => new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["graft"] = typeof(PackageManifest).Assembly.GetName().Version?.ToString(3) ?? "",
        ["libtorch"] = TorchRuntime.Version,
        ["dotnet"] = Environment.Version.ToString(),
    };

    /// <summary>The manifest as it is written.</summary>
    public JsonObject ToJson() => new()
    {
        ["format"] = Format,
        ["format_version"] = FormatVersion,
        ["method"] = Method,
        ["config"] = Config.DeepClone(),
        ["task"] = Task.ToJson(),
        ["head"] = Head.DeepClone(),
        ["max_tokens"] = MaxTokens,
        ["backbone"] = new JsonObject
        {
            ["model_type"] = Backbone.ModelType,
            ["hidden_size"] = Backbone.HiddenSize,
            ["layers"] = Backbone.Layers,
            ["source"] = Backbone.Source,
            ["fingerprint"] = Backbone.Fingerprint,
        },
        ["files"] = new JsonObject { [AdapterPackage.AdapterName] = Json(AdapterFile), [AdapterPackage.HeadName] = Json(HeadFile) },
        ["training"] = Training.DeepClone(),
        ["versions"] = new JsonObject(Versions.Select(v => KeyValuePair.Create(v.Key, (JsonNode?)v.Value))),
    };

    /// <summary>Reads a manifest.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="GraftException">The file is missing, of a newer format, or lacks or misspells something.</exception>
    public static PackageManifest Load(string path)
    {
        var root = StrictJson.Load(path);
        if (root.TextOrNull("format") != Format)
        {
            throw root.Error("format", $"'format' is not '{Format}', so this is no package of Graft; name the folder that training wrote.");
        }

        if (root.Whole("format_version", 0) is var version and not FormatVersion)
        {
            throw root.Error("format_version", version > FormatVersion
                ? $"the package has format version {version}, and this Graft reads versions up to {FormatVersion}; update Graft, or train the package again."
                : $"the package has format version {version}, expected {FormatVersion}; train the package again.");
        }

        root.Allow(
            "format", "format_version", "method", "config", "task", "head", "max_tokens", "backbone", "files", "training", "versions");
        var files = Part(root, "files", AdapterPackage.AdapterName, AdapterPackage.HeadName);
        return new PackageManifest(
            root.Text("method"), Json(root, "config"), PackageTask.From(Part(root, "task")), Json(root, "head"), (int)Count(root, "max_tokens", int.MaxValue),
            ReadBackbone(root), Json(root, "training"), ReadVersions(root))
        {
            AdapterFile = ReadFile(files, AdapterPackage.AdapterName),
            HeadFile = ReadFile(files, AdapterPackage.HeadName),
        };
    }

    private static PackageBackbone ReadBackbone(StrictObject root)
    {
        var backbone = Part(root, "backbone", "model_type", "hidden_size", "layers", "source", "fingerprint");
        return new PackageBackbone(
            backbone.Text("model_type"), (int)Count(backbone, "hidden_size", int.MaxValue), (int)Count(backbone, "layers", int.MaxValue),
            backbone.Text("source"), backbone.Text("fingerprint"));
    }

    private static Dictionary<string, string> ReadVersions(StrictObject root)
    {
        var versions = root.Nested("versions");
        return versions?.Keys.ToDictionary(k => k, k => versions.TextOrNull(k) ?? "", StringComparer.Ordinal) ?? [];
    }

    private static PackageFile ReadFile(StrictObject files, string name)
    {
        var file = Part(files, name, "parameters", "bytes", "sha256");
        return new PackageFile(Count(file, "parameters", long.MaxValue, least: 0), Count(file, "bytes", long.MaxValue), file.Text("sha256"));
    }

    private static StrictObject Part(StrictObject parent, string key) =>
        parent.Nested(key) ?? throw parent.Error(key, $"'{key}' is missing, expected an object; take the package from where it was trained again.");

    private static StrictObject Part(StrictObject parent, string key, params string[] keys)
    {
        var part = Part(parent, key);
        part.Allow(keys);
        return part;
    }

    private static JsonObject Json(StrictObject parent, string key) =>
        parent.Nested(key) is not null && parent.Raw(key) is { } raw ? JsonNode.Parse(raw.GetRawText())!.AsObject() : [];

    private static long Count(StrictObject parent, string key, long most, long least = 1) => parent.Whole(key, -1) is var count && count >= least && count <= most
        ? count
        : throw parent.Error(key, $"'{key}' is missing or no whole number from {least} on; take the package from where it was trained again.");

    private static JsonObject Json(PackageFile file) =>
        new() { ["parameters"] = file.Parameters, ["bytes"] = file.Bytes, ["sha256"] = file.Sha256 };
}
