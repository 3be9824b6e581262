using System.Text.Json;
using Graft.Evaluation.Comparisons;
using Graft.Methods.Core;

namespace Graft.TestKit;

/// <summary>
/// A comparison that nobody ran: eight methods, six tasks, two sizes and three seeds, with numbers of the right kind drawn from a seed.
/// For reports and statistics, which need a whole one within milliseconds.
/// </summary>
public static class SampleComparison
{
    private const int Layers = 6;

    private static readonly IReadOnlyList<SampleMethod> s_methods =
    [
        new("head", "head", 0, 1e-2, -0.075),
        new("bitfit", "bitfit", 25_728, 1e-3, -0.018),
        new("ia3", "ia3", 13_824, 1e-2, -0.027),
        new("lora", "lora", 73_728, 2e-3, 0),
        new("lora-rank-2", "lora", 18_432, 2e-3, -0.006),
        new("pfeiffer", "pfeiffer", 118_000, 1e-3, 0.002),
        new("unipelt", "unipelt", 361_000, 5e-4, 0.004),
        new("full", "full", 22_565_376, 5e-5, 0.006),
    ];

    private static readonly IReadOnlyList<SampleTask> s_tasks =
    [
        new("sentiment-yelp", "accuracy", 0.90, 0.035, 2),
        new("sst-2", "accuracy", 0.87, 0.03, 2),
        new("trec-6", "accuracy", 0.86, 0.13, 6),
        new("mrpc", "f1", 0.82, 0.02, 2),
        new("cooking", "accuracy", 0.79, 0.06, 8),
        new("stsb", "pearson", 0.84, 0.05, 1),
    ];

    /// <summary>Makes the comparison.</summary>
    /// <param name="seed">What its numbers are drawn from.</param>
    /// <param name="keep">The runs that are finished; null for all.</param>
    public static Comparison Make(int seed = 1, Func<ComparisonRun, bool>? keep = null)
    {
        var plan = Plan();
        var random = new Random(seed);
        var runs = new List<ComparisonRun>();
        foreach (var (method, task) in s_methods.SelectMany(m => s_tasks.Select(t => (m, t))))
        {
            // What suits a task differs between methods by more than what seeds make of it.
            var taste = Normal(random) * 0.012;
            foreach (var (size, run) in plan.Sizes.SelectMany(s => plan.Seeds.Select(run => (s!.Value, run))))
            {
                runs.Add(Run(random, runs.Count, method, task, taste, size, run));
            }
        }

        return new Comparison(plan, keep is null ? runs : [.. runs.Where(keep)], runs.Count);
    }

    /// <summary>The same with one row more, <c>both</c>, a mixture of sst-2 and cooking, made of the runs of these.</summary>
    public static Comparison WithMixture()
    {
        var (plan, runs, _) = Make();
        var mixed = runs.Where(r => r.Task == "sst-2").Zip(runs.Where(r => r.Task == "cooking"), (first, second) => first with
        {
            Id = first.Id.Replace('0', 'f'),
            Task = "both",
            Scores = [.. first.Scores, .. second.Scores],
            Sizes = first.Sizes with { PackageBytes = first.Sizes.PackageBytes + second.Sizes.PackageBytes, Tasks = 2 },
        });
        return ComparisonFolder.Of(plan with { Tasks = [.. plan.Tasks, new PlannedTask("both", ["sst-2", "cooking"])] }, [.. runs, .. mixed]);
    }

    /// <summary>A storage account of its methods, as their formulas give it.</summary>
    public static StorageAccount Storage() => new("minilm", 90_300_000, 2, [.. s_methods.Select(m =>
    {
        var formula = new MethodStorage(m.Name, m.Base, m.Parameters, 770, 4_500, 0, []);
        return formula with { Points = [.. StorageAccount.TaskCounts.Select(tasks => new StoragePoint(tasks, formula.ByFormula(tasks), tasks <= StorageAccount.MostWritten))] };
    })]);

    /// <summary>The plan of the comparison.</summary>
    public static ComparisonPlan Plan() => new()
    {
        Name = "sample",
        Methods = [.. s_methods.Select(m => new PlannedMethod(m.Name, m.Base, LearningRate: m.Rate))],
        Tasks = [.. s_tasks.Select(t => new PlannedTask(t.Name, [t.Name]))],
        Sizes = [100, 500],
        Epochs = 10,
        DevRows = 400,
        TestRows = 1000,
        MaxTokens = 128,
    };

    private static ComparisonRun Run(Random random, int number, SampleMethod method, SampleTask task, double taste, int size, long seed)
    {
        var hunger = method.Parameters > 1e6 ? 1.6 : 1;
        var score = task.Ceiling + (method.Effect * (size < 200 ? 1.4 : 1)) + taste - (size < 200 ? task.Slope * hunger : 0)
            + (Normal(random) * (size < 200 ? 0.014 : 0.006));
        score = Math.Min(0.99, score);
        var dev = Math.Min(0.995, score + 0.008 + (Normal(random) * 0.004));
        var steps = size < 200 ? 70 : 320;
        var curve = Enumerable.Range(1, 5)
            .Select(k => new CurvePoint(k * steps / 5, 0.7 * Math.Exp(-0.45 * k) + (0.02 * random.NextDouble()), dev - (0.22 * Math.Exp(-0.9 * (k - 1)) * (k < 5 ? 1 : 0.2))))
            .ToList();
        var head = 385L * task.Classes;
        var bytes = (4 * method.Parameters) + 2_600;
        return new ComparisonRun
        {
            Id = number.ToString("x16"),
            Method = method.Name,
            BaseMethod = method.Base,
            Config = JsonSerializer.SerializeToElement(new Dictionary<string, object> { ["rank"] = method.Name == "lora-rank-2" ? 2 : 8 }),
            Task = task.Name,
            Size = size,
            Seed = seed,
            Scores = [new TaskScore(task.Name, task.Metric, Metric(task, dev), Metric(task, score), steps, steps, size, curve)],
            LearningRate = method.Rate,
            Trials = seed > 0 ? [] : [.. new[] { 0.3, 1.0, 3.0 }.Select(f => Trial(random, method, dev, f, size))],
            Seconds = (size < 200 ? 9 : 41) * (1 + (0.1 * random.NextDouble())) * (method.Parameters > 1e6 ? 1.7 : 1) * (seed == 0 ? 3 : 1),
            TokensPerSecond = 5200 + (600 * random.NextDouble()),
            PeakMemory = (long)(4.1e8 + (method.Parameters * 16) + (2e7 * random.NextDouble())),
            Sizes = new RunSize(method.Parameters, method.Parameters, method.Parameters, method.Parameters, head, bytes, bytes + (4 * head) + 1_900, 1),
            Pictures = Pictures(random, method),
            Cpu = "AMD EPYC 9B14",
            Threads = 1,
            Versions = new Dictionary<string, string> { ["graft"] = "0.1.0", ["libtorch"] = "1.13.0", ["dotnet"] = "10.0.12" },
            Command = $"graft train --tasks {task.Name} --method {method.Base} --examples {size} --seed {seed} --lr {method.Rate}",
        };
    }

    private static Dictionary<string, double> Metric(SampleTask task, double value) => new() { [task.Metric] = value };

    private static LearningRateTrial Trial(Random random, SampleMethod method, double dev, double factor, int size)
    {
        var diverged = method.Name == "full" && factor > 1 && random.NextDouble() < 0.3;
        var loss = Math.Pow(Math.Log(factor), 2) * (factor < 1 ? 0.028 : 0.015) * (0.6 + (0.8 * random.NextDouble()));
        return new LearningRateTrial(method.Rate * factor, diverged ? null : dev - loss, size / 12.0);
    }

    private static IReadOnlyList<MethodPicture> Pictures(Random random, SampleMethod method) => method.Base switch
    {
        "lora" => [Norms(random)],
        "unipelt" => [Gates(random), Prototypes(random)],
        _ => [],
    };

    private static HeatMap Norms(Random random) => new(
        "How far LoRA moved each weight", "The Frobenius norm of ΔW = (α/r) B A, per layer and role. Larger cells were changed more.",
        "layer", "role", "‖ΔW‖",
        [.. Cells("layer ", Layers, ["query", "value"], (layer, role) => (role == "value" ? 1.4 : 0.6) + (0.35 * layer) + (0.3 * random.NextDouble()))]);

    private static HeatMap Gates(Random random) => new(
        "Which submodules UniPELT opened", "The mean gate over the rows of dev, per layer and submodule: 0 is shut, 1 is open.",
        "layer", "submodule", "gate",
        [.. Cells("layer ", Layers, ["adapter", "lora", "prefix"], (layer, part) => Math.Clamp((part == "adapter" ? 0.75 : part == "lora" ? 0.35 : 0.12 + (0.1 * layer)) + (0.12 * Normal(random)), 0, 1))]);

    private static Scatter Prototypes(Random random) => new(
        "Rows around their task's prototype", "The first two principal components of what the hypernetwork sees; a point a row.",
        "component 1", "component 2",
        [.. s_tasks.Take(4).SelectMany((task, i) => Enumerable.Range(0, 12).Select(row => new ScatterPoint(
            (2.2 * Math.Cos(i * 1.6)) + (0.5 * Normal(random)), (2.2 * Math.Sin(i * 1.6)) + (0.5 * Normal(random)), $"row {row}", task.Name)))]);

    private static IEnumerable<HeatMapCell> Cells(string prefix, int columns, string[] rows, Func<int, string, double> value) =>
        rows.SelectMany(row => Enumerable.Range(0, columns).Select(c => new HeatMapCell($"{prefix}{c}", row, value(c, row))));

    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    private sealed record SampleMethod(string Name, string Base, long Parameters, double Rate, double Effect);

    private sealed record SampleTask(string Name, string Metric, double Ceiling, double Slope, int Classes);
}
