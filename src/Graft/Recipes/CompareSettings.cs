using Graft.Evaluation.Comparisons;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>What <c>graft compare</c> is told. Immutable.</summary>
public sealed record CompareSettings
{
    private CompareSettings(StrictObject plan, string name, string folder) => (Plan, Name, Out) = (plan, name, folder);

    /// <summary>The comparison's folder.</summary>
    public string Out { get; }

    /// <summary>
    /// The runs to do, as <c>METHOD/TASK/SIZE/SEED</c>, each part a name of the plan or <c>*</c> for any; empty for all. A run whose learning
    /// rate another run finds brings that one with it.
    /// </summary>
    public IReadOnlyList<string> Only { get; init; } = [];

    /// <summary>The processes that share the work, for the estimate of the time left.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>Whether to account for the storage of many tasks when every run is finished; for all but processes that work for another.</summary>
    public bool Storage { get; init; } = true;

    /// <summary>The plan as it was written, so that its faults name their lines.</summary>
    internal StrictObject Plan { get; }

    /// <summary>The comparison's name where the plan gives none.</summary>
    internal string Name { get; }

    /// <summary>Settings for the plan of a file.</summary>
    /// <param name="path">A plan's file, or the folder of a comparison that is to go on.</param>
    /// <param name="folder">The comparison's folder; null for the file's path without <c>.json</c>, or the folder itself.</param>
    /// <exception cref="GraftException">There is no such file, or it is no JSON object.</exception>
    public static CompareSettings OfFile(string path, string? folder = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Directory.Exists(path))
        {
            var plan = Path.Combine(path, ComparisonFolder.PlanName);
            return File.Exists(plan)
                ? new CompareSettings(StrictJson.Load(plan), Path.GetFileName(Path.GetFullPath(path)), folder ?? path)
                : throw new GraftException($"'{path}' holds no comparison (no {ComparisonFolder.PlanName}); name a plan's file, or a folder that 'graft compare' wrote.");
        }

        var without = path.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? path[..^".json".Length] : path;
        folder ??= without != path ? without : throw new GraftException($"the plan '{path}' does not end in .json, so its name gives no folder; give --out DIR.");
        return new CompareSettings(StrictJson.Load(path), Path.GetFileName(without), folder);
    }

    /// <summary>Settings for a plan.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="folder">The comparison's folder.</param>
    public static CompareSettings Of(ComparisonPlan plan, string folder)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return new CompareSettings(StrictJson.From(plan.ToJson(), $"the plan '{plan.Name}'"), plan.Name, folder);
    }
}
