using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Torch;

namespace Graft.Evaluation.Comparisons;

/// <content>The plan's file.</content>
public sealed partial record ComparisonPlan
{
    /// <summary>What a plan writes for a size of all rows.</summary>
    internal const string AllRows = "all";

    private static readonly JsonSerializerOptions s_readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Every key of a plan's file.</summary>
    public static IReadOnlyList<string> Keys { get; } =
    [
        .. typeof(ComparisonPlan).GetProperties().Where(p => p.CanWrite).Select(p => JsonNamingPolicy.SnakeCaseLower.ConvertName(p.Name)),
    ];

    /// <summary>Reads a plan's file; relative paths in it are relative to the working directory, as on the command line.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="ComparisonPlanException">The plan has faults: keys, kinds of values, numbers out of range, repeated names; all are listed.</exception>
    /// <exception cref="GraftException">There is no such file, or it is no JSON object.</exception>
    public static ComparisonPlan Load(string path) => Read(StrictJson.Load(path), Path.GetFileNameWithoutExtension(path));

    /// <summary>Reads a plan. Whether its methods, tasks and sizes exist is found out when it is run.</summary>
    /// <param name="json">The object.</param>
    /// <param name="name">The comparison's name where the object gives none.</param>
    /// <exception cref="ComparisonPlanException">The plan has faults: keys, kinds of values, numbers out of range, repeated names; all are listed.</exception>
    public static ComparisonPlan Read(StrictObject json, string name)
    {
        ArgumentNullException.ThrowIfNull(json);
        List<string> faults = [];
        var plan = Read(json, name, faults);
        return faults.Count == 0 ? plan : throw new ComparisonPlanException(plan.Name, faults);
    }

    /// <summary>Reads what can be read of a plan, so that the rest of it can be checked too.</summary>
    /// <param name="json">The object.</param>
    /// <param name="name">The comparison's name where the object gives none.</param>
    /// <param name="faults">Receives a sentence for each fault.</param>
    internal static ComparisonPlan Read(StrictObject json, string name, ICollection<string> faults) => new ComparisonPlanReader(json, faults).Read(name);

    /// <summary>The plan as its file, every value written.</summary>
    public JsonObject ToJson() => new()
    {
        ["name"] = Name,
        ["backbone"] = Backbone,
        ["methods"] = List(Methods, m => m == new PlannedMethod(m.Method, m.Method) ? m.Name : ToJson(m)),
        ["tasks"] = List(Tasks, t => t.Tasks is [var only] && only == t.Name ? t.Name : new JsonObject { ["name"] = t.Name, ["tasks"] = List(t.Tasks, n => n) }),
        ["sizes"] = List(Sizes, s => s is { } rows ? rows : AllRows),
        ["seeds"] = List(Seeds, s => s),
        ["data"] = Data,
        ["split"] = Split.ToString().ToLowerInvariant(),
        ["split_seed"] = SplitSeed,
        ["epochs"] = Epochs,
        ["steps"] = Steps,
        ["evaluations"] = Evaluations,
        ["batch"] = Batch,
        ["mixture"] = Mixture.ToJson(),
        ["learning_rate_factors"] = List(LearningRateFactors, f => f),
        ["train_rows"] = TrainRows,
        ["dev_rows"] = DevRows,
        ["test_rows"] = TestRows,
        ["max_tokens"] = MaxTokens,
        ["precision"] = Precision,
        ["device"] = Device,
        ["hypotheses"] = List(Hypotheses, h => h.ToJson()),
    };

    /// <summary>Writes the plan as a file that <see cref="Load"/> reads.</summary>
    /// <param name="path">The file; an existing one is replaced.</param>
    /// <exception cref="GraftException">The place cannot be written.</exception>
    public void Save(string path)
    {
        var text = ToJson().ToJsonString(s_readable) + "\n";
        AtomicFile.Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));
    }

    private static JsonObject ToJson(PlannedMethod method) => new()
    {
        ["name"] = method.Name,
        ["method"] = method.Method,
        ["set"] = method.Set?.DeepClone(),
        ["learning_rate"] = method.LearningRate,
        ["share"] = method.Share,
        ["backbone"] = method.Backbone?.ToJson(),
        ["start"] = method.Start?.ToJson(),
    };

    private static JsonArray List<T>(IEnumerable<T> items, Func<T, JsonNode?> toJson) => [.. items.Select(toJson)];
}
