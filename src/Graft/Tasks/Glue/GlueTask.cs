using System.Reflection;
using Graft.Torch;

namespace Graft.Tasks;

/// <summary>
/// GLUE's tasks by their published files. Each is a task file embedded in this assembly; a task whose files also go about in
/// another shape has more than one, and the first whose files are all there is read. Thread-safe.
/// </summary>
public sealed class GlueTask
{
    private readonly string _folder;
    private readonly IReadOnlyList<string> _shapes;

    private GlueTask(string name, string folder, string summary, params string[] shapes) =>
        (Name, _folder, Summary, _shapes) = (name, folder, summary, shapes.Length == 0 ? [name] : shapes);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<GlueTask> All { get; } =
    [
        new("cola", "CoLA", "GLUE: is the sentence grammatical"),
        new("sst-2", "SST-2", "GLUE: sentiment of a phrase from a film review"),
        new("mrpc", "MRPC", "GLUE: do two news sentences say the same", "mrpc", "mrpc.msr"),
        new("sts-b", "STS-B", "GLUE: likeness of two sentences from 0 to 5"),
        new("qqp", "QQP", "GLUE: do two questions ask the same", "qqp", "qqp.json"),
        new("mnli", "MNLI", "GLUE: does one sentence follow from another (matched genres)", "mnli", "mnli.json"),
        new("mnli-mm", "MNLI", "GLUE: does one sentence follow from another (mismatched genres)"),
        new("qnli", "QNLI", "GLUE: does the sentence answer the question", "qnli", "qnli.json"),
        new("rte", "RTE", "GLUE: does one sentence follow from another"),
        new("wnli", "WNLI", "GLUE: what does the pronoun refer to"),
    ];

    /// <summary>The task's name.</summary>
    public string Name { get; }

    /// <summary>What it asks, in one line.</summary>
    public string Summary { get; }

    /// <summary>The task of a name, whatever its case and hyphens (<c>SST-2</c>, <c>sst2</c>), or null.</summary>
    /// <param name="name">The name.</param>
    public static GlueTask? Find(string name) => All.FirstOrDefault(task => Plain(task.Name) == Plain(name));

    /// <summary>The folder of the task's data in the first of the folders that has one, or null.</summary>
    /// <param name="folders">Folders that hold task folders, or are one.</param>
    public string? FolderIn(IEnumerable<string> folders)
    {
        ArgumentNullException.ThrowIfNull(folders);
        return folders.Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateDirectories(folder).Order(StringComparer.Ordinal).Append(Path.GetFullPath(folder)))
            .FirstOrDefault(folder => Plain(Path.GetFileName(Path.TrimEndingDirectorySeparator(folder))) == Plain(_folder));
    }

    /// <summary>Reads the task.</summary>
    /// <param name="folders">Folders that hold task folders, or are one.</param>
    /// <param name="splitSeed">Seed of the dev split where it is cut from train.</param>
    /// <exception cref="GraftException">The data is in none of the folders, or is not as published.</exception>
    public TaskData Load(IReadOnlyList<string> folders, long splitSeed = 0)
    {
        ArgumentNullException.ThrowIfNull(folders);
        if (FolderIn(folders) is not { } folder)
        {
            var searched = folders.Count == 0 ? "none were given" : $"looked in {string.Join(", ", folders)}";
            throw new GraftException($"the data of the GLUE task '{Name}' is not there, expected a folder '{_folder}' ({searched}); name the folder above it with --data or GRAFT_DATA.");
        }

        var descriptions = _shapes.Select(Describe).ToList();
        var there = descriptions.Find(description => Required(description).All(file => File.Exists(Path.Combine(folder, file.Path))));
        return there is not null
            ? TaskReader.Read(there, folder, splitSeed)
            : throw new GraftException(
                $"{folder}: the files of the GLUE task '{Name}' are not all there, expected {string.Join(", or ", descriptions.Select(Names))}; add what is missing.");
    }

    /// <summary>The task files of this task, best first, as they stand in the assembly.</summary>
    public IReadOnlyList<TaskDescription> Descriptions => [.. _shapes.Select(Describe)];

    private static TaskDescription Describe(string shape)
    {
        var resource = $"Graft.Tasks.Glue.{shape}{TaskFile.Ending}";
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(resource)
            ?? throw new InvalidOperationException($"The resource {resource} is not embedded.");
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return TaskFile.Describe(StrictJson.Parse(bytes.ToArray(), resource), resource);
    }

    private static IEnumerable<DataFile> Required(TaskDescription description) =>
        description.Train.Concat(description.Dev).Concat(description.Test).Where(file => !file.Optional);

    private static string Names(TaskDescription description) => string.Join(" and ", Required(description).Select(file => file.Path));

    private static string Plain(string name) => string.Concat(name.Where(char.IsAsciiLetterOrDigit)).ToLowerInvariant();
}
