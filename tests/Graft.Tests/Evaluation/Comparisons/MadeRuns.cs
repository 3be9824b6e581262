using System.Text.Json;
using Graft.Evaluation.Comparisons;

namespace Graft.Tests.Evaluation.Comparisons;

/// <summary>Comparisons of made-up scores.</summary>
internal static class MadeRuns
{
    private static readonly JsonElement s_empty = JsonDocument.Parse("{}").RootElement;

    /// <summary>A plan of methods and tasks by name.</summary>
    public static ComparisonPlan Plan(IEnumerable<string> methods, IEnumerable<string> tasks, IReadOnlyList<int?>? sizes = null, params long[] seeds) => new()
    {
        Name = "made",
        Methods = [.. methods.Select(m => new PlannedMethod(m, m))],
        Tasks = [.. tasks.Select(t => new PlannedTask(t, [t]))],
        Sizes = sizes ?? [100],
        Seeds = seeds,
    };

    /// <summary>A finished run with one score.</summary>
    public static ComparisonRun Run(string method, string task, long seed, double score, int? size = 100, long bytes = 10_000, bool onDev = false) => new()
    {
        Id = $"{method}-{task}-{size}-{seed}",
        Method = method,
        BaseMethod = method,
        Config = s_empty,
        Task = task,
        Size = size,
        Seed = seed,
        Scores = [new TaskScore(
            task, "accuracy", new Dictionary<string, double> { ["accuracy"] = onDev ? score : 0.5 },
            onDev ? new Dictionary<string, double>() : new Dictionary<string, double> { ["accuracy"] = score }, 10, 20, size ?? 250, [])],
        LearningRate = 1e-3,
        Seconds = 1 + seed,
        TokensPerSecond = 1000,
        PeakMemory = 1_000_000 * (1 + seed),
        Sizes = new RunSize(100, 100, 100, 100, 10, bytes / 2, bytes, 1),
        Cpu = "none",
        Threads = 1,
        Versions = new Dictionary<string, string>(),
        Command = "graft train",
    };

    /// <summary>The planned number of runs with those that are finished.</summary>
    public static Comparison Of(ComparisonPlan plan, IEnumerable<ComparisonRun> runs) =>
        new(plan, [.. runs], plan.Methods.Count * plan.Tasks.Count * plan.Sizes.Count * plan.Seeds.Count);
}
