using System.Text.Json.Nodes;
using Graft.Formats.Packages;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.Tasks.Mixtures;
using Graft.Torch;
using Graft.Training;

namespace Graft.Recipes;

// Reading recipe files.
public sealed partial record TrainSettings
{
    /// <summary>Reads settings; relative paths in a file are relative to the working directory, as on the command line.</summary>
    /// <param name="settings">The object.</param>
    /// <exception cref="GraftException">An unknown key, a missing one, or a value of the wrong kind or out of range.</exception>
    public static TrainSettings Read(StrictObject settings)
    {
        settings.Allow([.. Keys]);
        var defaults = new TrainSettings { Tasks = [], Out = "" };
        var mixture = MixtureSettings.Read(settings);

        // Of an adapter that training begins at, method and backbone go without saying.
        var start = settings.TextOrNull("start") is { } place ? AdapterPackage.Open(place) : null;
        var read = new TrainSettings
        {
            Backbone = settings.TextOrNull("backbone") ?? (start is null ? defaults.Backbone : GraftModel.BackboneSource(start)),
            Tasks = settings.TextList("tasks") is { Count: > 0 } tasks
                ? tasks
                : throw settings.Error("tasks", "no task is named; give --tasks with names from 'graft tasks' or task files."),
            Data = settings.TextOrNull("data"),
            Split = settings.Choice<SplitRule>("split", defaults.Split),
            SplitSeed = settings.Whole("split_seed", defaults.SplitSeed),
            Method = settings.TextOrNull("method") ?? start?.Manifest.Method ?? defaults.Method,
            Set = settings.Raw("set") is { } set
                ? JsonNode.Parse(set.GetRawText()) as JsonObject ?? throw settings.Error("set", "'set' is not an object in braces.")
                : null,
            Start = settings.TextOrNull("start"),
            Share = settings.Flag("share", defaults.Share),
            Sampling = mixture.Sampling,
            Temperature = mixture.Temperature,
            OneTaskBatches = mixture.OneTaskBatches,
            Replacement = mixture.Replacement,
            Head = settings.Has("head") ? settings.Choice<HeadKind>("head", null) : null,
            LossReduction = settings.Choice<LossReduction>("loss_reduction", defaults.LossReduction),
            Beams = Count(settings, "beams") ?? defaults.Beams,
            Overlap = FromZero(settings, "overlap", "tokens") ?? defaults.Overlap,
            AnswerTokens = Few(settings, "answer_tokens") ?? defaults.AnswerTokens,
            NBest = Few(settings, "n_best") ?? defaults.NBest,
            NullThreshold = settings.Number("null_threshold", defaults.NullThreshold),
            HeadPooling = settings.Choice<Pooling>("head_pooling", defaults.HeadPooling),
            HeadLayers = settings.Whole("head_layers", defaults.HeadLayers) is (1 or 2) and var layers
                ? (int)layers
                : throw settings.Error("head_layers", $"'head_layers' is {settings.Raw("head_layers")}, expected 1 or 2."),
            HeadDropout = Within(settings, "head_dropout", defaults.HeadDropout, 0.999),
            HeadFactor = Positive(settings, "head_factor") ?? defaults.HeadFactor,
            Examples = Count(settings, "examples"),
            Epochs = Positive(settings, "epochs"),
            Steps = Count(settings, "steps"),
            Batch = Count(settings, "batch") ?? defaults.Batch,
            Accumulation = Count(settings, "accumulation") ?? defaults.Accumulation,
            Lr = Positive(settings, "lr"),
            Schedule = settings.Choice<ScheduleKind>("schedule", defaults.Schedule),
            Beta2 = Within(settings, "beta2", defaults.Beta2, 0.999999),
            Epsilon = Positive(settings, "epsilon") ?? defaults.Epsilon,
            Optimizer = settings.Choice<AdamWVariant>("optimizer", defaults.Optimizer),
            Warmup = Within(settings, "warmup", defaults.Warmup, 1),
            WeightDecay = Within(settings, "weight_decay", defaults.WeightDecay, double.MaxValue),
            Clip = Within(settings, "clip", defaults.Clip, double.MaxValue),
            LabelSmoothing = Within(settings, "label_smoothing", defaults.LabelSmoothing, 0.999),
            EvaluateEvery = Count(settings, "evaluate_every"),
            Evaluations = Count(settings, "evaluations"),
            Patience = Count(settings, "patience"),
            AdapterDrop = FromZero(settings, "adapter_drop", "blocks") ?? 0,
            MaxTokens = Count(settings, "max_tokens"),
            Seed = settings.Whole("seed", defaults.Seed),
            Out = Folder(settings),
            Resume = settings.Flag("resume", defaults.Resume),
            Overwrite = settings.Flag("overwrite", defaults.Overwrite),
            Precision = settings.TextOrNull("precision") ?? defaults.Precision,
            Device = settings.TextOrNull("device") ?? defaults.Device,
            Baselines = settings.Flag("baselines", defaults.Baselines),
            CheckpointEvery = FromZero(settings, "checkpoint_every", "steps") ?? defaults.CheckpointEvery,
        };
        RefuseBoth(settings, read is { Epochs: not null, Steps: not null }, "epochs", "steps");
        RefuseBoth(settings, read is { EvaluateEvery: not null, Evaluations: not null }, "evaluate_every", "evaluations");
        _ = read.FrozenType;
        return read;
    }

    internal static string Folder(StrictObject settings) => settings.TextOrNull("out") is { Length: > 0 } folder
        ? folder
        : throw settings.Error("out", "no output folder is named; give --out DIR.");

    internal static void RefuseBoth(StrictObject settings, bool given, string one, string other)
    {
        if (given)
        {
            throw settings.Error(other, $"both {one} and {other} are given; give one of them.");
        }
    }

    internal static int? Count(StrictObject settings, string key) => !settings.Has(key) ? null
        : settings.Whole(key, 0) is > 0 and <= int.MaxValue and var count ? (int)count
        : throw settings.Error(key, $"'{key}' is {settings.Raw(key)}, expected a whole number of at least 1.");

    private static int? Few(StrictObject settings, string key) => Count(settings, key) is not > ushort.MaxValue and var count
        ? count
        : throw settings.Error(key, $"'{key}' is {settings.Raw(key)}, expected at most {ushort.MaxValue}.");

    internal static int? FromZero(StrictObject settings, string key, string unit) => !settings.Has(key) ? null
        : settings.Whole(key, 0) is >= 0 and <= int.MaxValue and var count ? (int)count
        : throw settings.Error(key, $"'{key}' is {settings.Raw(key)}, expected a number of {unit} from 0 on.");

    internal static double? Positive(StrictObject settings, string key) => !settings.Has(key) ? null
        : settings.Number(key, 0) is > 0 and var number ? number
        : throw settings.Error(key, $"'{key}' is {settings.Raw(key)}, expected a number above 0.");

    internal static double Within(StrictObject settings, string key, double fallback, double most) =>
        settings.Number(key, fallback) is >= 0 and var number && number <= most ? number
        : throw settings.Error(key, $"'{key}' is {settings.Raw(key)}, expected a number from 0{(most < 1e9 ? $" to {most}" : "")}.");
}
