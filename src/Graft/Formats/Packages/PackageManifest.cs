using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Torch;

namespace Graft.Formats.Packages;

/// <summary>What a package predicts, in plain words; the folder of tasks gives it meaning. Immutable.</summary>
/// <param name="Name">The task's name.</param>
/// <param name="Kind">What is predicted: <c>classification</c>, <c>regression</c>, <c>multilabel</c> or <c>span</c>; <see cref="Pretraining"/> of an adapter of no task.</param>
/// <param name="Labels">The labels in the order of the head's outputs; empty for regression.</param>
/// <param name="Metrics">The metrics that it is judged by, the primary one first.</param>
/// <param name="Pair">Whether a row has a second text.</param>
public sealed record PackageTask(string Name, string Kind, IReadOnlyList<string> Labels, IReadOnlyList<string> Metrics, bool Pair)
{
    /// <summary>The kind of an adapter that pretraining left: it predicts nothing yet, and its head has no weights.</summary>
    public const string Pretraining = "pretraining";

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
/// What <c>graft.json</c> of a package of one task says, or of one task of several that share an adapter. Immutable as long as nobody changes its JSON objects. The names in the file are the snake_case
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

    /// <summary>The version of the format that this library writes for a single task.</summary>
    public const int FormatVersion = 1;

    /// <summary>The adapter's weights; of a task of several, those that are its own.</summary>
    public required PackageFile AdapterFile { get; init; }

    /// <summary>The weights that it shares with other tasks; null for a package of one task.</summary>
    public PackageFile? SharedFile { get; init; }

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
        ["backbone"] = ManifestFields.ToJson(Backbone),
        ["files"] = new JsonObject
        {
            [AdapterPackage.AdapterName] = ManifestFields.ToJson(AdapterFile),
            [AdapterPackage.HeadName] = ManifestFields.ToJson(HeadFile),
        },
        ["training"] = Training.DeepClone(),
        ["versions"] = ManifestFields.ToJson(Versions),
    };

    /// <summary>Reads a manifest.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="GraftException">The file is missing, of a newer format, or lacks or misspells something.</exception>
    public static PackageManifest Load(string path)
    {
        var root = StrictJson.Load(path);
        ManifestFields.Check(root, Format, FormatVersion);
        root.Allow(
            "format", "format_version", "method", "config", "task", "head", "max_tokens", "backbone", "files", "training", "versions");
        var files = ManifestFields.Part(root, "files", AdapterPackage.AdapterName, AdapterPackage.HeadName);
        return new PackageManifest(
            root.Text("method"), ManifestFields.Json(root, "config"), PackageTask.From(ManifestFields.Part(root, "task")), ManifestFields.Json(root, "head"),
            (int)ManifestFields.Count(root, "max_tokens", int.MaxValue), ManifestFields.Backbone(root), ManifestFields.Json(root, "training"), ManifestFields.Versions(root))
        {
            AdapterFile = ManifestFields.File(files, AdapterPackage.AdapterName),
            HeadFile = ManifestFields.File(files, AdapterPackage.HeadName),
        };
    }
}
