using System.Text.Json;
using System.Text.Json.Serialization;
using Graft.Methods.Core;

namespace Graft.Evaluation.Comparisons;

/// <summary>
/// A finished run of a comparison: one method on one task (or mixture of tasks) with one number of training rows and one seed.
/// Immutable; a line of <c>results.jsonl</c>.
/// </summary>
public sealed record ComparisonRun
{
    /// <summary>The hash of everything that determines the run, in hexadecimal digits: the name of its folder.</summary>
    public required string Id { get; init; }

    /// <summary>The plan's name for the method with its settings, such as <c>lora</c> or <c>lora-rank-2</c>.</summary>
    public required string Method { get; init; }

    /// <summary>The name of the method in the registry.</summary>
    public required string BaseMethod { get; init; }

    /// <summary>The method's settings, every value written.</summary>
    public required JsonElement Config { get; init; }

    /// <summary>The plan's name for the task or mixture.</summary>
    public required string Task { get; init; }

    /// <summary>The training rows drawn of each task; null for all.</summary>
    public int? Size { get; init; }

    /// <summary>The seed of the draw, the order, initial values and dropout.</summary>
    public required long Seed { get; init; }

    /// <summary>The results: one for a single task, several for a mixture.</summary>
    public required IReadOnlyList<TaskScore> Scores { get; init; }

    /// <summary>The peak learning rate that was used.</summary>
    public required double LearningRate { get; init; }

    /// <summary>The learning rates that were tried for this run on dev; empty where the rate was found by the run of another seed or was given.</summary>
    public IReadOnlyList<LearningRateTrial> Trials { get; init; } = [];

    /// <summary>Wall time of training and evaluation on dev, with every trial.</summary>
    public required double Seconds { get; init; }

    /// <summary>Training tokens per second of training steps, padding not counted.</summary>
    public required double TokensPerSecond { get; init; }

    /// <summary>The largest resident memory of the process during the run in bytes; null where the system does not say.</summary>
    public long? PeakMemory { get; init; }

    /// <summary>Parameters and bytes.</summary>
    public required RunSize Sizes { get; init; }

    /// <summary>What the method learnt.</summary>
    public IReadOnlyList<MethodPicture> Pictures { get; init; } = [];

    /// <summary>The processor's name.</summary>
    public required string Cpu { get; init; }

    /// <summary>The threads that the run used.</summary>
    public required int Threads { get; init; }

    /// <summary>The versions of Graft, libtorch and .NET.</summary>
    public required IReadOnlyDictionary<string, string> Versions { get; init; }

    /// <summary>The command that does this run alone.</summary>
    public required string Command { get; init; }

    /// <summary>The mean of the tasks' scores: the number that comparisons are about.</summary>
    [JsonIgnore]
    public double Score => Scores.Average(s => s.Score);

    /// <summary>The run as one line of JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, ComparisonJson.Default.ComparisonRun);

    /// <summary>Reads a line that <see cref="ToJson"/> wrote.</summary>
    /// <param name="line">The line.</param>
    /// <exception cref="JsonException">It is no such line.</exception>
    public static ComparisonRun FromJson(string line) =>
        JsonSerializer.Deserialize(line, ComparisonJson.Default.ComparisonRun) ?? throw new JsonException("a run is null");
}

/// <summary>What a run came to on one task. Immutable.</summary>
/// <param name="Task">The task.</param>
/// <param name="Metric">The primary metric.</param>
/// <param name="Dev">The metrics on dev at the best step.</param>
/// <param name="Test">The metrics on test at the best step, measured once; empty where the task has no labelled test rows.</param>
/// <param name="BestStep">The step that was kept.</param>
/// <param name="Steps">The steps done.</param>
/// <param name="TrainRows">The rows trained on.</param>
/// <param name="Curve">The training curve, a point an evaluation.</param>
public sealed record TaskScore(
    string Task, string Metric, IReadOnlyDictionary<string, double> Dev, IReadOnlyDictionary<string, double> Test,
    int BestStep, int Steps, int TrainRows, IReadOnlyList<CurvePoint> Curve)
{
    /// <summary>The split that <see cref="Score"/> was measured on.</summary>
    [JsonIgnore]
    public string Split => Test.ContainsKey(Metric) ? "test" : "dev";

    /// <summary>The primary metric on test, or on dev where there is no labelled test split.</summary>
    [JsonIgnore]
    public double Score => Test.TryGetValue(Metric, out var test) ? test : Dev[Metric];
}

/// <summary>A point of a training curve.</summary>
/// <param name="Step">The optimizer steps done.</param>
/// <param name="Loss">The mean training loss since the point before.</param>
/// <param name="Dev">The primary metric on dev.</param>
public sealed record CurvePoint(int Step, double Loss, double Dev);

/// <summary>A learning rate that was tried.</summary>
/// <param name="LearningRate">The peak learning rate.</param>
/// <param name="Dev">The best primary metric on dev (the mean over the tasks of a mixture); null where training diverged.</param>
/// <param name="Seconds">Its wall time.</param>
public sealed record LearningRateTrial(double LearningRate, double? Dev, double Seconds);

/// <summary>
/// The parameters of a run's adapters, without heads, over all of its tasks, and the bytes of its packages. Each count is given by the
/// method's formula and by counting; they agree, or the run is refused. Immutable.
/// </summary>
/// <param name="Trained">Trained parameters, counted.</param>
/// <param name="TrainedByFormula">Trained parameters by the method's formula.</param>
/// <param name="Stored">Parameters that the packages keep, counted in their files.</param>
/// <param name="StoredByFormula">The same by formula.</param>
/// <param name="Head">Parameters of the heads.</param>
/// <param name="AdapterBytes">Bytes of the adapters' files.</param>
/// <param name="PackageBytes">Bytes of every file of the packages.</param>
/// <param name="Tasks">The number of tasks.</param>
public sealed record RunSize(
    long Trained, long TrainedByFormula, long Stored, long StoredByFormula, long Head, long AdapterBytes, long PackageBytes, int Tasks)
{
    /// <summary>Stored parameters per task.</summary>
    [JsonIgnore]
    public double StoredPerTask => (double)Stored / Tasks;

    /// <summary>Bytes on disk per task, head and manifest included.</summary>
    [JsonIgnore]
    public double BytesPerTask => (double)PackageBytes / Tasks;
}

/// <summary>How the files of a comparison are written.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(ComparisonRun))]
internal sealed partial class ComparisonJson : JsonSerializerContext;
