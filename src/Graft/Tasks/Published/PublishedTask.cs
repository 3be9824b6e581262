using Graft.Torch;

namespace Graft.Tasks;

/// <summary>
/// A task that is built in by its published files. Each is a task file embedded in this assembly; a task whose files also go about in another shape has
/// more than one, and of those whose files are all there and begin with the columns that are named the one of most files is read. Thread-safe.
/// </summary>
public sealed class PublishedTask
{
    private readonly IReadOnlyList<PublishedShape> _shapes;

    internal PublishedTask(string suite, IReadOnlyList<PublishedShape> shapes) => (Suite, _shapes) = (suite, shapes);

    /// <summary>All of them, suite by suite, each in the order of the names.</summary>
    public static IReadOnlyList<PublishedTask> All => PublishedTasks.All;

    /// <summary>The suite that it belongs to: <c>glue</c>, <c>superglue</c>, <c>domains</c>, <c>qa</c> or <c>general</c>.</summary>
    public string Suite { get; }

    /// <summary>The task's name.</summary>
    public string Name => _shapes[0].Description.Name;

    /// <summary>What it asks, in one line.</summary>
    public string Summary => _shapes[0].Description.About!;

    /// <summary>The names that its folder goes by, the usual one first.</summary>
    public IReadOnlyList<string> Folders => field ??= [.. _shapes.SelectMany(s => s.Folders).Append(Name).Distinct(StringComparer.Ordinal)];

    /// <summary>The task files of this task, best first, as they stand in the assembly.</summary>
    public IReadOnlyList<TaskDescription> Descriptions => [.. _shapes.Select(s => s.Description)];

    /// <summary>The rows that each split has as published; empty where nothing says it.</summary>
    public IReadOnlyDictionary<Split, int> PublishedRows => (_shapes.FirstOrDefault(s => s.Description.PublishedRows.Count > 0) ?? _shapes[0]).Description.PublishedRows;

    /// <summary>The task of a name, whatever its case and hyphens (<c>SST-2</c>, <c>sst2</c>), or null.</summary>
    /// <param name="name">The name.</param>
    public static PublishedTask? Find(string name) => All.FirstOrDefault(task => Plain(task.Name) == Plain(name));

    /// <summary>
    /// The folder of the task's data in the first of the folders that has one, or null. A folder inside the task's own, such as one of several draws of it,
    /// counts where it is given itself.
    /// </summary>
    /// <param name="folders">Folders that hold task folders, or are one.</param>
    public string? FolderIn(IEnumerable<string> folders)
    {
        ArgumentNullException.ThrowIfNull(folders);
        var found = folders.Where(Directory.Exists).SelectMany(Candidates).ToList();
        return found.Find(IsIn) ?? found.FirstOrDefault();
    }

    /// <summary>Whether one of the folders has the task's files.</summary>
    /// <param name="folders">Folders that hold task folders, or are one.</param>
    public bool HasDataIn(IEnumerable<string> folders) => FolderIn(folders) is { } folder && IsIn(folder);

    /// <summary>Whether the files of one of the task's shapes are all in a folder.</summary>
    /// <param name="folder">The folder.</param>
    public bool IsIn(string folder) => _shapes.Any(shape => shape.IsIn(folder));

    /// <summary>Whether the files of one of the task's shapes are all in a folder, and begin with a row that has its columns: names of files alone may be another task's.</summary>
    /// <param name="folder">The folder.</param>
    public bool Fits(string folder) => _shapes.Any(shape => shape.IsIn(folder) && shape.Fits(folder));

    /// <summary>The rows that each split has as published, by the shape that a folder has; empty where nothing says it, as for a draw inside the task's own folder.</summary>
    /// <param name="folder">The folder.</param>
    public IReadOnlyDictionary<Split, int> PublishedRowsIn(string folder) =>
        IsCalled(folder) && ShapeIn(folder) is { } there ? there.Description.PublishedRows : new Dictionary<Split, int>();

    /// <summary>The paths of the files that are read from a folder.</summary>
    /// <param name="folder">The folder.</param>
    internal IEnumerable<string> FilesIn(string folder) => ShapeIn(folder)?.Description.FilesIn(folder) ?? [];

    /// <summary>Whether a folder is called as the task's, or lies in one that is, and has its files.</summary>
    /// <param name="folder">The folder.</param>
    public bool IsAt(string folder) => IsOwn(folder) && IsIn(folder);

    /// <summary>Reads the task.</summary>
    /// <param name="folders">Folders that hold task folders, or are one.</param>
    /// <param name="splitSeed">Seed of the dev split where it is cut from train.</param>
    /// <exception cref="GraftException">The data is in none of the folders, or is not as published.</exception>
    public TaskData Load(IReadOnlyList<string> folders, long splitSeed = 0)
    {
        ArgumentNullException.ThrowIfNull(folders);
        if (FolderIn(folders) is { } folder)
        {
            return LoadFrom(folder, splitSeed);
        }

        var searched = folders.Count == 0 ? "none were given" : $"looked in {string.Join(", ", folders)}";
        throw new GraftException($"the data of the task '{Name}' is not there, expected a folder '{Folders[0]}' ({searched}); name the folder above it with --data or GRAFT_DATA.");
    }

    /// <summary>Reads the task from its own folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="splitSeed">Seed of the dev split where it is cut from train.</param>
    /// <exception cref="GraftException">The files are not all there, or are not as published.</exception>
    public TaskData LoadFrom(string folder, long splitSeed = 0) => ShapeIn(folder) is { } there
        ? TaskReader.Read(there.Description with { PublishedRows = PublishedRowsIn(folder) }, folder, splitSeed)
        : throw new GraftException(
            $"{folder}: the files of the task '{Name}' are not all there, expected {string.Join("; or ", _shapes.Select(s => s.Names))}; add what is missing.");

    // First rows are read only where names leave a choice; where none fits, the first shape's error says what its files lack.
    private PublishedShape? ShapeIn(string folder)
    {
        var there = _shapes.Where(shape => shape.IsIn(folder)).ToList();
        return (there.Count > 1 ? there.Find(shape => shape.Fits(folder)) : null) ?? there.FirstOrDefault();
    }

    private IEnumerable<string> Candidates(string folder)
    {
        var inside = Directory.EnumerateDirectories(folder).Order(StringComparer.Ordinal).Where(IsCalled);
        return inside.Concat(IsOwn(folder) ? [Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))] : []);
    }

    private bool IsOwn(string folder)
    {
        var own = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        return IsCalled(own) || (Path.GetDirectoryName(own) is { } above && IsCalled(above));
    }

    // A draw inside the task's folder is not expected to have the published rows.
    private bool IsCalled(string folder) => Folders.Any(name => Plain(name) == Plain(Path.GetFileName(Path.TrimEndingDirectorySeparator(folder))));

    private static string Plain(string name) => string.Concat(name.Where(char.IsAsciiLetterOrDigit)).ToLowerInvariant();
}
