using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Graft.Evaluation.Comparisons;
using Graft.Tasks;
using Graft.Tasks.TextToText;
using Graft.Torch;

namespace Graft.Recipes.Comparing;

/// <summary>
/// Everything that determines a run of a plan, and its hash, which names the run's folder. Names that only reports use are no part of it, nor
/// is the number of threads, which changes results by rounding alone. Thread contract: one thread.
/// </summary>
/// <param name="plan">The plan.</param>
internal sealed class RunIdentity(ComparisonPlan plan)
{
    private const int Digits = 16;

    private static readonly Lazy<string> s_code = new(() =>
        $"{typeof(RunIdentity).Module.ModuleVersionId:N} {typeof(Tensor).Module.ModuleVersionId:N} {TorchRuntime.Version}");

    private readonly Dictionary<IReadOnlyList<Example>, string> _hashes = new(ReferenceEqualityComparer.Instance);

    /// <summary>What determines a run.</summary>
    /// <param name="run">The run.</param>
    /// <param name="fingerprint">The fingerprint of its backbone.</param>
    /// <param name="method">Its method.</param>
    /// <param name="tasks">Its tasks with their rows, the training rows drawn.</param>
    /// <param name="searchedBy">The run whose learning rate it takes; null where it takes none.</param>
    public JsonObject Of(PlannedRun run, string fingerprint, PreparedMethod method, IReadOnlyList<TaskData> tasks, string? searchedBy) => new()
    {
        ["backbone"] = fingerprint,
        ["precision"] = plan.Precision,
        ["device"] = plan.Device,
        ["method"] = method.Method.Name,
        ["config"] = method.Written.DeepClone(),
        ["builds_on"] = new JsonArray([.. method.BuildsOn.Select(b => (JsonNode)b)]),
        ["learning_rate"] = method.LearningRate,
        ["learning_rate_factors"] = searchedBy is null ? new JsonArray([.. plan.LearningRateFactors.Select(f => (JsonNode)f)]) : null,
        ["learning_rate_of"] = searchedBy,
        ["epochs"] = plan.Epochs,
        ["steps"] = plan.Steps,
        ["evaluations"] = plan.Evaluations,
        ["batch"] = plan.Batch,
        ["share"] = run.Method.Share,
        ["mixture"] = plan.Mixture.ToJson(),
        ["max_tokens"] = plan.MaxTokens,
        ["size"] = run.Size,
        ["seed"] = run.Seed,
        ["tasks"] = new JsonArray([.. tasks.Select(Task)]),
        ["code"] = s_code.Value,
    };

    /// <summary>The first 16 hexadecimal digits of the SHA-256 of an identity, whose keys may stand in any order.</summary>
    /// <param name="identity">The identity.</param>
    public static string Hash(JsonObject identity) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Canonical(identity)!.ToJsonString())))[..Digits];

    private JsonNode Task(TaskData data) => new JsonObject
    {
        ["name"] = data.Task.Name,
        ["kind"] = data.Task.Kind.ToString(),
        ["labels"] = new JsonArray([.. data.Task.Labels.Select(l => (JsonNode)l)]),
        ["metrics"] = new JsonArray([.. data.Task.MetricNames.Select(m => (JsonNode)m)]),
        ["text"] = Format(TextFormat.Of(data.Task)),
        ["train"] = Rows(data.Train),
        ["dev"] = Rows(data.Dev),
        ["test"] = data.Test is { } test ? Rows(test) : null,
    };

    // How rows are written for a model that answers as text.
    private static JsonObject Format(TextFormat text) => new()
    {
        ["prefix"] = text.Prefix,
        ["fields"] = new JsonArray([.. text.Fields.Select(f => (JsonNode)f)]),
        ["targets"] = new JsonArray([.. text.Targets.Select(t => (JsonNode)t)]),
        ["decimals"] = text.Decimals,
    };

    private string Rows(IReadOnlyList<Example> rows)
    {
        if (!_hashes.TryGetValue(rows, out var hash))
        {
            _hashes.Add(rows, hash = RowHash.Of(rows));
        }

        return hash;
    }

    private static JsonNode? Canonical(JsonNode? node) => node switch
    {
        JsonObject map => new JsonObject(map.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => KeyValuePair.Create(p.Key, Canonical(p.Value)))),
        JsonArray list => new JsonArray([.. list.Select(Canonical)]),
        _ => node?.DeepClone(),
    };
}
