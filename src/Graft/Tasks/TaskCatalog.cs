using Graft.Tasks.Suites;
using Graft.Torch;

namespace Graft.Tasks;

/// <summary>A task that can be asked for by name. Immutable.</summary>
/// <param name="Name">The name.</param>
/// <param name="Summary">What it is in one line: the task file's description, or what is wrong with the file.</param>
/// <param name="Path">The task file or the data folder that was found, null when a built-in task's data is in none of the folders.</param>
/// <param name="Suite">The suite of a built-in task, null for a task file.</param>
public sealed record TaskListing(string Name, string Summary, string? Path, string? Suite = null);

/// <summary>
/// Finds tasks by name or path: a task file, then the built-in tasks by their published files, then <c>NAME.task.json</c> in the
/// folders searched. Thread-safe.
/// </summary>
public sealed class TaskCatalog
{
    private const string HomeVariable = "GRAFT_HOME";
    private const string DataVariable = "GRAFT_DATA";

    private readonly IReadOnlyList<string> _folders;

    /// <summary>A catalog that searches the given folders, first hit first.</summary>
    /// <param name="folders">The folders; those that do not exist are passed over.</param>
    public TaskCatalog(IEnumerable<string> folders) => _folders = [.. folders];

    /// <summary>
    /// The usual catalog: the folder given, then the one in GRAFT_DATA, then <c>tasks/starter</c> and <c>tasks</c> under GRAFT_HOME
    /// (<c>~/.cache/graft</c> when unset).
    /// </summary>
    /// <param name="dataFolder">A folder to search first, null for none.</param>
    /// <exception cref="GraftException">The folder given does not exist.</exception>
    public static TaskCatalog Default(string? dataFolder = null)
    {
        if (dataFolder is not null && !Directory.Exists(dataFolder))
        {
            throw new GraftException($"{dataFolder}: no such data folder; check the path.");
        }

        var home = Environment.GetEnvironmentVariable(HomeVariable) is { Length: > 0 } set
            ? set
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "graft");
        string?[] folders = [dataFolder, Environment.GetEnvironmentVariable(DataVariable), Path.Combine(home, "tasks", "starter"), Path.Combine(home, "tasks")];
        return new TaskCatalog(folders.Where(folder => !string.IsNullOrEmpty(folder)).Select(folder => folder!));
    }

    /// <summary>Reads a task by name or path from the usual folders.</summary>
    /// <param name="nameOrPath">A task's name, or the path of a task file.</param>
    /// <param name="dataFolder">A folder to search first, null for none.</param>
    /// <param name="splitSeed">Seed of the dev split where it is cut from train.</param>
    /// <exception cref="GraftException">There is no such task, its data is not found, or it breaks a rule.</exception>
    public static TaskData Resolve(string nameOrPath, string? dataFolder = null, long splitSeed = 0) => Default(dataFolder).Load(nameOrPath, splitSeed);

    /// <summary>Reads a task by name or path.</summary>
    /// <param name="nameOrPath">A task's name, or the path of a task file.</param>
    /// <param name="splitSeed">Seed of the dev split where it is cut from train.</param>
    /// <exception cref="GraftException">There is no such task, its data is not found, or it breaks a rule.</exception>
    public TaskData Load(string nameOrPath, long splitSeed = 0)
    {
        ArgumentNullException.ThrowIfNull(nameOrPath);
        var isPath = nameOrPath.EndsWith(".json", StringComparison.OrdinalIgnoreCase) || nameOrPath.Contains(Path.DirectorySeparatorChar);
        if (isPath)
        {
            return TaskFile.Load(nameOrPath, splitSeed);
        }

        var own = TaskFiles().FirstOrDefault(file => file.Name == nameOrPath).Path;
        if (PublishedTask.Find(nameOrPath) is { } published && (own is null || published.HasDataIn(_folders)))
        {
            return published.Load(_folders, splitSeed);
        }

        return own is not null ? TaskFile.Load(own, splitSeed) : throw Unknown(nameOrPath);
    }

    /// <summary>The tasks there are, built-in ones first, then the task files of the folders searched, each name once.</summary>
    public IReadOnlyList<TaskListing> List()
    {
        var own = TaskFiles().DistinctBy(file => file.Name).ToList();
        var builtIn = PublishedTask.All.Where(task => !own.Exists(file => file.Name == task.Name) || task.HasDataIn(_folders)).ToList();
        return
        [
            .. builtIn.Select(task => new TaskListing(task.Name, task.Summary, task.HasDataIn(_folders) ? task.FolderIn(_folders) : null, task.Suite)),
            .. own.Where(file => !builtIn.Exists(task => task.Name == file.Name)).Select(file => new TaskListing(file.Name, About(file.Path), file.Path)),
        ];
    }

    private static string About(string path)
    {
        try
        {
            var description = TaskFile.Describe(path);
            return description.About ?? $"{description.Kind.ToString().ToLowerInvariant()}{(description.IsPair ? " of pairs" : "")}";
        }
        catch (GraftException fault)
        {
            return fault.Message;
        }
    }

    private IEnumerable<(string Name, string Path)> TaskFiles() => _folders
        .Where(Directory.Exists)
        .SelectMany(folder => Directory
            .EnumerateFiles(folder, "*" + TaskFile.Ending, new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 1 })
            .Order(StringComparer.Ordinal))
        .Select(path => (Path.GetFileName(path)[..^TaskFile.Ending.Length], path));

    private GraftException Unknown(string name)
    {
        if (StarterSuite.Tasks.Contains(name, StringComparer.Ordinal))
        {
            return new GraftException($"the task '{name}' is not on this machine yet; run 'graft tasks pull {StarterSuite.Name}'.");
        }

        var known = List().Select(task => task.Name).ToList();
        var searched = _folders.Count == 0 ? "no folder was searched" : $"searched {string.Join(", ", _folders)}";
        return new GraftException($"there is no task '{name}' ({searched}); {Suggest.Hint(name, known)}");
    }
}
