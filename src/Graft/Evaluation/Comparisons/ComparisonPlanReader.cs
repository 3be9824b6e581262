using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Tasks;
using Graft.Tasks.Mixtures;
using Graft.Torch;

namespace Graft.Evaluation.Comparisons;

/// <summary>Reads a plan and goes on after a fault, so that a user sees all of them at once. Thread contract: one thread.</summary>
internal sealed class ComparisonPlanReader(StrictObject json, ICollection<string> faults)
{
    private const int LongestName = 100;
    private const double DefaultEpochs = 5;

    private static readonly ComparisonPlan s_defaults = new() { Name = "", Methods = [], Tasks = [] };

    public ComparisonPlan Read(string name)
    {
        foreach (var fault in json.Unknown(ComparisonPlan.Keys))
        {
            faults.Add(fault.Message);
        }

        var steps = Count("steps");
        var epochs = Try(() => Positive("epochs"), null);
        if (steps is not null && epochs is not null)
        {
            faults.Add(json.Error("steps", "both epochs and steps are given; give one of them.").Message);
        }

        var plan = new ComparisonPlan
        {
            Name = Try(() => json.TextOrNull("name"), null) ?? name,
            Backbone = Try(() => json.TextOrNull("backbone"), null) ?? s_defaults.Backbone,
            Methods = Distinct("methods", Required("methods", "lora", Method), m => m.Name),
            Tasks = Distinct("tasks", Required("tasks", "sst-2", Task), t => t.Name),
            Sizes = Distinct("sizes", OrDefault("sizes", s_defaults.Sizes, Size), s => s?.ToString() ?? ComparisonPlan.AllRows),
            Seeds = Distinct("seeds", OrDefault("seeds", s_defaults.Seeds, Seed), s => $"{s}"),
            Data = Try(() => json.TextOrNull("data"), null),
            Split = Try(() => json.Choice<SplitRule>("split", s_defaults.Split), s_defaults.Split),
            SplitSeed = Try(() => json.Whole("split_seed", s_defaults.SplitSeed), s_defaults.SplitSeed),
            Epochs = epochs ?? (steps is null ? DefaultEpochs : null),
            Steps = steps,
            Evaluations = Count("evaluations") ?? s_defaults.Evaluations,
            Batch = Count("batch") ?? s_defaults.Batch,
            Mixture = Try(Mixture, s_defaults.Mixture),
            LearningRateFactors = Distinct(
                "learning_rate_factors", OrDefault("learning_rate_factors", s_defaults.LearningRateFactors, Factor), f => $"{f}"),
            TrainRows = Count("train_rows"),
            DevRows = Count("dev_rows"),
            TestRows = Count("test_rows"),
            MaxTokens = Count("max_tokens"),
            Precision = OneOf("precision", [.. Precisions.Names], s_defaults.Precision),
            Device = Try(Device, s_defaults.Device),
        };
        return plan with { Hypotheses = Items("hypotheses", (value, key, entry) => new HypothesisReader(plan, json).Read(value, key, entry)) };
    }

    private PlannedMethod Method(JsonElement value, string key, StrictObject? entry)
    {
        if (entry is null)
        {
            return value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } plain
                ? new PlannedMethod(plain, plain)
                : throw json.Error(key, $"'{key}' is {StrictObject.Kind(value)}, expected a method's name or an object with 'method'; correct it.");
        }

        entry.Allow("name", "method", "set", "learning_rate", "share", "backbone", "start");
        var method = entry.Text("method");
        return new PlannedMethod(
            Named(entry, entry.TextOrNull("name") ?? method), method,
            entry.Nested("set") is null ? null : JsonNode.Parse(entry.Raw("set")!.Value.GetRawText())!.AsObject(),
            entry.Has("learning_rate") ? Above(entry, "learning_rate") : null, entry.Flag("share", false))
        {
            Backbone = Place(entry, key, "backbone", "a model folder or name"),
            Start = Place(entry, key, "start", "a package"),
        };
    }

    private static PlaceByTask? Place(StrictObject entry, string key, string name, string expected) => entry.Raw(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Object } when entry.Nested(name) is { } byTask => new PlaceByTask(byTask.Keys.ToDictionary(task => task, byTask.Text, StringComparer.Ordinal)),
        { ValueKind: JsonValueKind.String } text when text.GetString() is { Length: > 0 } all => new PlaceByTask(all),
        { } other => throw entry.Error(name, $"'{key}.{name}' is {StrictObject.Kind(other)}, expected {expected}, or an object with one for each task; correct it."),
    };

    private MixtureSettings Mixture()
    {
        if (json.Nested("mixture") is not { } mixture)
        {
            return s_defaults.Mixture;
        }

        mixture.Allow("sampling", "temperature", "one_task_batches", "replacement");
        return MixtureSettings.Read(mixture);
    }

    private PlannedTask Task(JsonElement value, string key, StrictObject? entry)
    {
        if (entry is null)
        {
            return value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } plain
                ? new PlannedTask(ShortName(plain), [plain])
                : throw json.Error(key, $"'{key}' is {StrictObject.Kind(value)}, expected a task's name or an object with 'tasks'; correct it.");
        }

        entry.Allow("name", "tasks");
        var tasks = entry.TextList("tasks") is { Count: > 0 } list && list.All(t => t.Length > 0)
            ? list
            : throw entry.Error("tasks", $"'{key}.tasks' names no task, expected names of tasks or task files; add them.");
        if (tasks.Distinct(StringComparer.Ordinal).Count() < tasks.Count)
        {
            throw entry.Error("tasks", $"'{key}.tasks' names a task twice; name each once.");
        }

        return new PlannedTask(Named(entry, entry.TextOrNull("name") ?? string.Join('+', tasks.Select(ShortName))), tasks);
    }

    // The name that a task file's own name gives away, so that nobody has to repeat it.
    private static string ShortName(string task) =>
        task.EndsWith(TaskFile.Ending, StringComparison.Ordinal) ? Path.GetFileName(task)[..^TaskFile.Ending.Length] : Path.GetFileName(task);

    // Names stand in tables and, joined by '/', after --only, where '*' means any.
    private static string Named(StrictObject entry, string name) =>
        name.Length is > 0 and <= LongestName && !name.Any(c => c is '/' or '*' || char.IsControl(c))
            ? name
            : throw entry.Error("name", $"the name '{name}' does not do, expected 1 to {LongestName} characters without '/' and '*'; rename it.");

    private int? Size(JsonElement value, string key, StrictObject? entry) => Size(json, value, key);

    /// <summary>A number of training rows, or null for all of them.</summary>
    internal static int? Size(StrictObject json, JsonElement value, string key) =>
        value.ValueKind == JsonValueKind.String && value.GetString() == ComparisonPlan.AllRows ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var rows) && rows > 0 ? rows
        : throw json.Error(key, $"'{key}' is {StrictObject.Kind(value)}, expected a number of training rows of at least 1, or \"{ComparisonPlan.AllRows}\".");

    private long Seed(JsonElement value, string key, StrictObject? entry) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var seed)
            ? seed
            : throw json.Error(key, $"'{key}' is {StrictObject.Kind(value)}, expected a whole number.");

    private double Factor(JsonElement value, string key, StrictObject? entry) =>
        value.ValueKind == JsonValueKind.Number && value.GetDouble() is > 0 and < double.PositiveInfinity and var factor
            ? factor
            : throw json.Error(key, $"'{key}' is {StrictObject.Kind(value)}, expected a number above 0.");

    private string Device()
    {
        var name = json.TextOrNull("device") ?? s_defaults.Device;
        try
        {
            _ = Torch.Device.Parse(name);
            return name;
        }
        catch (GraftException fault)
        {
            throw json.Error("device", fault.Message);
        }
    }

    private string OneOf(string key, string[] names, string fallback) => Try(
        () => json.TextOrNull(key) is not { } text ? fallback
            : names.Contains(text, StringComparer.Ordinal) ? text
            : throw json.Error(key, $"'{key}' is '{text}'; {Suggest.Hint(text, names)}"),
        fallback);

    private int? Count(string key) => Try<int?>(
        () => !json.Has(key) ? null
            : json.Whole(key, 0) is > 0 and <= int.MaxValue and var count ? (int)count
            : throw json.Error(key, $"'{key}' is {json.Raw(key)}, expected a whole number of at least 1."),
        null);

    private double? Positive(string key) => json.Has(key) ? Above(json, key) : null;

    private static double Above(StrictObject entry, string key) => entry.Number(key, 0) is > 0 and var number
        ? number
        : throw entry.Error(key, $"'{key}' is {entry.Raw(key)}, expected a number above 0.");

    private List<T> Required<T>(string key, string example, Func<JsonElement, string, StrictObject?, T> read)
    {
        var items = Items(key, read);
        if (json.Items(key).Count == 0)
        {
            faults.Add(json.Error(key, $"'{key}' is missing or empty, expected a list such as [\"{example}\"]; add it.").Message);
        }

        return items;
    }

    private IReadOnlyList<T> OrDefault<T>(string key, IReadOnlyList<T> fallback, Func<JsonElement, string, StrictObject?, T> read)
    {
        if (!json.Has(key))
        {
            return fallback;
        }

        if (json.Items(key).Count == 0)
        {
            faults.Add(json.Error(key, $"'{key}' is an empty list; fill it, or leave it out for the default.").Message);
        }

        return Items(key, read);
    }

    private List<T> Items<T>(string key, Func<JsonElement, string, StrictObject?, T> read)
    {
        List<T> items = [];
        foreach (var (value, at, entry) in json.Items(key))
        {
            try
            {
                items.Add(read(value, at, entry));
            }
            catch (GraftException fault)
            {
                faults.Add(fault.Message);
            }
        }

        return items;
    }

    private IReadOnlyList<T> Distinct<T>(string key, IReadOnlyList<T> items, Func<T, string> name)
    {
        foreach (var twice in items.GroupBy(name, StringComparer.Ordinal).Where(g => g.Count() > 1))
        {
            faults.Add(json.Error(key, $"'{key}' has '{twice.Key}' {(twice.Count() == 2 ? "twice" : $"{twice.Count()} times")}; {Remedy(key)}").Message);
        }

        return [.. items.DistinctBy(name, StringComparer.Ordinal)];
    }

    private static string Remedy(string key) =>
        key is "methods" or "tasks" ? "give each a \"name\" of its own, or leave out what is repeated." : "leave out what is repeated.";

    private T Try<T>(Func<T> read, T fallback)
    {
        try
        {
            return read();
        }
        catch (GraftException fault)
        {
            faults.Add(fault.Message);
            return fallback;
        }
    }
}
