using System.Text.Json.Nodes;
using Graft.Torch;

namespace Graft.Formats.Packages;

/// <summary>
/// What <c>graft.json</c> of a package of several tasks says: all that the tasks share. It names no task, so that tasks come and go without a change
/// of it. Immutable as long as nobody changes its JSON objects.
/// </summary>
/// <param name="Method">The method's name.</param>
/// <param name="Config">The method's settings, every value written.</param>
/// <param name="Backbone">What it was trained on.</param>
/// <param name="Training">How it was trained: free for people and programs to read, nothing depends on it.</param>
/// <param name="Versions">The versions of what wrote it.</param>
public sealed record JointManifest(
    string Method, JsonObject Config, PackageBackbone Backbone, JsonObject Training, IReadOnlyDictionary<string, string> Versions)
{
    /// <summary>The version of the format that this library writes for several tasks, and the newest that it reads.</summary>
    public const int FormatVersion = 2;

    /// <summary>The weights that the tasks share.</summary>
    public required PackageFile AdapterFile { get; init; }

    /// <summary>The manifest as it is written.</summary>
    public JsonObject ToJson() => new()
    {
        ["format"] = PackageManifest.Format,
        ["format_version"] = FormatVersion,
        ["method"] = Method,
        ["config"] = Config.DeepClone(),
        ["backbone"] = ManifestFields.ToJson(Backbone),
        ["files"] = new JsonObject { [AdapterPackage.AdapterName] = ManifestFields.ToJson(AdapterFile) },
        ["training"] = Training.DeepClone(),
        ["versions"] = ManifestFields.ToJson(Versions),
    };

    /// <summary>Reads a manifest.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="GraftException">The file is missing, of another format, or lacks or misspells something.</exception>
    public static JointManifest Load(string path)
    {
        var root = StrictJson.Load(path);
        ManifestFields.Check(root, PackageManifest.Format, FormatVersion);
        root.Allow("format", "format_version", "method", "config", "backbone", "files", "training", "versions");
        return new JointManifest(
            root.Text("method"), ManifestFields.Json(root, "config"), ManifestFields.Backbone(root), ManifestFields.Json(root, "training"), ManifestFields.Versions(root))
        {
            AdapterFile = ManifestFields.File(ManifestFields.Part(root, "files", AdapterPackage.AdapterName), AdapterPackage.AdapterName),
        };
    }

    /// <summary>Whether a manifest is of a package of several tasks; one that cannot be read is not.</summary>
    /// <param name="path">The file.</param>
    internal static bool IsJoint(string path) => VersionOf(path) == FormatVersion;

    /// <summary>Whether a manifest is of a package of one task; one that cannot be read is not.</summary>
    /// <param name="path">The file.</param>
    internal static bool IsOfOneTask(string path) => VersionOf(path) == PackageManifest.FormatVersion;

    private static long? VersionOf(string path)
    {
        try
        {
            return StrictJson.Load(path).Whole("format_version", 0);
        }
        catch (GraftException)
        {
            return null;
        }
    }
}

/// <summary>
/// What <c>tasks/NAME/task.json</c> of a package of several tasks says. Immutable as long as nobody changes its JSON objects.
/// </summary>
/// <param name="Number">The task's place among the tasks, from 1; places of tasks that were taken away stay empty.</param>
/// <param name="Shared">SHA-256 of the shared weights that it was trained with.</param>
/// <param name="Task">What is predicted.</param>
/// <param name="Head">The settings of the head.</param>
/// <param name="MaxTokens">The longest row in tokens that it was trained on.</param>
/// <param name="Training">How it was trained and what came of it.</param>
/// <param name="Versions">The versions of what wrote it.</param>
public sealed record TaskManifest(
    int Number, string Shared, PackageTask Task, JsonObject Head, int MaxTokens, JsonObject Training, IReadOnlyDictionary<string, string> Versions)
{
    /// <summary>What the file says first, to tell it from other JSON.</summary>
    public const string Format = "graft-task";

    /// <summary>The task's own weights within the adapter.</summary>
    public required PackageFile AdapterFile { get; init; }

    /// <summary>The head's weights.</summary>
    public required PackageFile HeadFile { get; init; }

    /// <summary>The manifest as it is written.</summary>
    public JsonObject ToJson() => new()
    {
        ["format"] = Format,
        ["format_version"] = JointManifest.FormatVersion,
        ["number"] = Number,
        ["shared"] = Shared,
        ["task"] = Task.ToJson(),
        ["head"] = Head.DeepClone(),
        ["max_tokens"] = MaxTokens,
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
    /// <exception cref="GraftException">The file is missing, of another format, or lacks or misspells something.</exception>
    public static TaskManifest Load(string path)
    {
        var root = StrictJson.Load(path);
        ManifestFields.Check(root, Format, JointManifest.FormatVersion);
        root.Allow("format", "format_version", "number", "shared", "task", "head", "max_tokens", "files", "training", "versions");
        var files = ManifestFields.Part(root, "files", AdapterPackage.AdapterName, AdapterPackage.HeadName);
        return new TaskManifest(
            (int)ManifestFields.Count(root, "number", int.MaxValue), root.Text("shared"), PackageTask.From(ManifestFields.Part(root, "task")),
            ManifestFields.Json(root, "head"), (int)ManifestFields.Count(root, "max_tokens", int.MaxValue), ManifestFields.Json(root, "training"), ManifestFields.Versions(root))
        {
            AdapterFile = ManifestFields.File(files, AdapterPackage.AdapterName),
            HeadFile = ManifestFields.File(files, AdapterPackage.HeadName),
        };
    }
}
