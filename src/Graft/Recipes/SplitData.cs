using Graft.Tasks;
using Graft.Tasks.TextToText;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>What <c>graft data split</c> is told. Immutable.</summary>
public sealed record SplitSettings
{
    /// <summary>Names of tasks, or task files.</summary>
    public required IReadOnlyList<string> Tasks { get; init; }

    /// <summary>A folder to look for the tasks' data first.</summary>
    public string? Data { get; init; }

    /// <summary>The folder that is made or added to.</summary>
    public required string Out { get; init; }

    /// <summary>The numbers of training rows.</summary>
    public IReadOnlyList<int> Sizes { get; init; } = [100, 500, 1000, 2000, 4000];

    /// <summary>The numbers of training rows per class.</summary>
    public IReadOnlyList<int> Shots { get; init; } = [];

    /// <summary>The seeds; each makes every split anew.</summary>
    public IReadOnlyList<long> Seeds { get; init; } = [0, 1, 2, 3, 4];

    /// <summary>The rows to choose by that are taken from train where the task's own dev rows become test.</summary>
    public int DevRows { get; init; } = 1000;

    /// <summary>Whether the tasks' dev rows are test even where they have test rows.</summary>
    public bool ReportOnDev { get; init; }
}

/// <summary>A split that was made. Immutable.</summary>
/// <param name="Task">The name of the new task.</param>
/// <param name="TaskFile">Its task file.</param>
/// <param name="Train">Rows to fit.</param>
/// <param name="Dev">Rows to choose by.</param>
/// <param name="Test">Rows to report on.</param>
public sealed record MadeSplit(string Task, string TaskFile, int Train, int Dev, int Test);

/// <summary>What was made, and what the tasks have too few rows for.</summary>
/// <param name="Splits">The splits.</param>
/// <param name="LeftOut">In half sentences what was not made.</param>
public sealed record SplitReport(IReadOnlyList<MadeSplit> Splits, IReadOnlyList<string> LeftOut);

/// <summary>
/// Makes low-data splits once, as files, so that every method and every tool sees the same rows: what <c>graft data split</c> does. Protocol of UniPELT
/// (Mao et al. 2022): the training rows in a seeded order, the first K train, the next 1,000 dev, the official dev rows test; where a task has labelled test rows,
/// dev and test stay its own unless the settings say otherwise. Shots are K rows of each class to fit and K others to choose by, as LM-BFF (Gao et al. 2021) draws them. Stateless.
/// </summary>
public static class SplitData
{
    /// <summary>Makes the splits; each task's folder appears whole or not at all.</summary>
    /// <param name="settings">The settings.</param>
    /// <exception cref="GraftException">A task is at fault, has no such splits, or its folder is there already or cannot be written.</exception>
    public static SplitReport Run(SplitSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        if (settings.Sizes.Concat(settings.Shots).Any(n => n < 1) || settings.DevRows < 1)
        {
            throw new GraftException("Numbers of rows are at least 1; correct --sizes, --shots or --dev-rows.");
        }

        // What is wrong with a task is found before anything is written.
        var tasks = settings.Tasks.Select(name => TaskCatalog.Resolve(name, settings.Data)).DistinctBy(data => data.Task.Name, StringComparer.Ordinal).ToList();
        if (tasks.Select(data => Path.Combine(settings.Out, data.Task.Name)).FirstOrDefault(Directory.Exists) is { } there)
        {
            throw new GraftException($"'{there}' is there already, and splits are made once; name another --out, or remove it.");
        }

        var (made, left) = (new List<MadeSplit>(), new List<string>());
        foreach (var data in tasks)
        {
            Make(data, settings, made, left);
        }

        return made.Count > 0
            ? new SplitReport(made, [.. left.Distinct(StringComparer.Ordinal)])
            : throw new GraftException($"No split can be made: {string.Join("; ", left.Distinct(StringComparer.Ordinal))}; ask for fewer rows with --sizes, --shots or --dev-rows.");
    }

    private static void Make(TaskData data, SplitSettings settings, List<MadeSplit> made, List<string> left)
    {
        var drawn = new List<(string Name, string Kind, LowDataSplit Rows)>();
        var (sizes, shots) = (settings.Sizes.Distinct().Order(), settings.Shots.Distinct().Order());
        foreach (var seed in settings.Seeds.Distinct())
        {
            foreach (var (count, perClass) in sizes.Select(n => (n, false)).Concat(shots.Select(n => (n, true))))
            {
                var kind = perClass ? $"{count} rows of each class" : $"{Amounts.Count(count)} rows";
                if (LowDataSplit.Of(data, count, perClass, settings.DevRows, seed, settings.ReportOnDev) is { } rows)
                {
                    drawn.Add(($"{data.Task.Name}-{count}{(perClass ? "shot" : "")}-s{seed}", $"{kind}, seed {seed}", rows));
                }
                else
                {
                    left.Add($"{data.Task.Name} has too few training rows ({Amounts.Count(LowDataSplit.Pool(data).Count)}) for {kind} and its dev rows");
                }
            }
        }

        if (drawn.Count == 0)
        {
            return;
        }

        var folder = Path.Combine(settings.Out, data.Task.Name);
        AtomicFolder.Replace(folder, staged =>
        {
            TaskWriter.WriteRows(Path.Combine(staged, "test.jsonl"), data.Task, drawn[0].Rows.Test);
            foreach (var (name, kind, rows) in drawn)
            {
                made.Add(Write(staged, folder, data, name, kind, rows));
            }
        });
    }

    private static MadeSplit Write(string staged, string folder, TaskData data, string name, string kind, LowDataSplit rows)
    {
        var files = new Dictionary<Split, string> { [Split.Train] = $"{name}.train.jsonl", [Split.Dev] = $"{name}.dev.jsonl", [Split.Test] = "test.jsonl" };
        var counts = new Dictionary<Split, int> { [Split.Train] = rows.Train.Count, [Split.Dev] = rows.Dev.Count, [Split.Test] = rows.Test.Count };
        var format = TextFormat.Of(data.Task);
        var task = data.Task with
        {
            Name = name,
            Text = new TextNames(format.Prefix, format.Fields, format.Targets.Count > 0 ? format.Targets : null, data.Task.Text?.Decimals),
        };
        TaskWriter.WriteRows(Path.Combine(staged, files[Split.Train]), task, rows.Train);
        TaskWriter.WriteRows(Path.Combine(staged, files[Split.Dev]), task, rows.Dev);
        TaskWriter.WriteTask(
            Path.Combine(staged, name + TaskFile.Ending), task, $"{data.Task.Name} with {kind}. Dev: {rows.DevFrom}. Test: {rows.TestFrom}.", files, counts);
        return new MadeSplit(name, Path.Combine(folder, name + TaskFile.Ending), rows.Train.Count, rows.Dev.Count, rows.Test.Count);
    }
}
