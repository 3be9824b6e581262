using System.Text.Json.Nodes;
using Graft.Tasks;
using Graft.Tasks.Corpora;
using Graft.Torch;
using Graft.Training;

namespace Graft.Recipes;

// Reading settings files.
public sealed partial record PretrainSettings
{
    /// <summary>Reads settings; relative paths in a file are relative to the working directory, as on the command line.</summary>
    /// <param name="settings">The object.</param>
    /// <exception cref="GraftException">An unknown key, a missing one, or a value of the wrong kind or out of range.</exception>
    public static PretrainSettings Read(StrictObject settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        settings.Allow([.. Keys]);
        var defaults = new PretrainSettings { Out = "" };
        var read = new PretrainSettings
        {
            Backbone = settings.TextOrNull("backbone") ?? defaults.Backbone,
            Config = settings.TextOrNull("config"),
            Tokenizer = settings.TextOrNull("tokenizer"),
            VocabularySize = TrainSettings.Count(settings, "vocabulary_size"),
            Lowercase = settings.Flag("lowercase", defaults.Lowercase),
            Text = settings.TextList("text") ?? [],
            Task = settings.TextOrNull("task"),
            Data = settings.TextOrNull("data"),
            Split = settings.Choice<SplitRule>("split", defaults.Split),
            SplitSeed = settings.Whole("split_seed", defaults.SplitSeed),
            Unit = settings.Has("unit") ? settings.Choice<TextUnit>("unit", null) : null,
            Separator = settings.TextOrNull("separator") ?? defaults.Separator,
            Recipe = settings.Has("recipe") ? settings.Choice<PretrainRecipe>("recipe", null) : null,
            Method = settings.TextOrNull("method") ?? defaults.Method,
            Set = settings.Raw("set") is { } set
                ? JsonNode.Parse(set.GetRawText()) as JsonObject ?? throw settings.Error("set", "'set' is not an object in braces.")
                : null,
            MaskShare = settings.Number("mask_share", defaults.MaskShare) is > 0 and < 1 and var share
                ? share
                : throw settings.Error("mask_share", $"'mask_share' is {settings.Raw("mask_share")}, expected a share between 0 and 1, such as 0.15."),
            WholeWords = settings.Flag("whole_words", defaults.WholeWords),
            SpanLength = settings.Number("span_length", defaults.SpanLength) is >= 1 and < 1e6 and var length
                ? length
                : throw settings.Error("span_length", $"'span_length' is {settings.Raw("span_length")}, expected a mean number of tokens of at least 1."),
            Epochs = TrainSettings.Positive(settings, "epochs"),
            Steps = TrainSettings.Count(settings, "steps"),
            Batch = TrainSettings.Count(settings, "batch"),
            MicroBatch = TrainSettings.Count(settings, "micro_batch") ?? defaults.MicroBatch,
            Lr = TrainSettings.Positive(settings, "lr"),
            Schedule = settings.Choice<ScheduleKind>("schedule", defaults.Schedule),
            Warmup = TrainSettings.Within(settings, "warmup", defaults.Warmup, 1),
            WeightDecay = TrainSettings.Within(settings, "weight_decay", defaults.WeightDecay, double.MaxValue),
            Clip = TrainSettings.Within(settings, "clip", defaults.Clip, double.MaxValue),
            Beta2 = TrainSettings.Within(settings, "beta2", defaults.Beta2, 0.999999),
            Epsilon = TrainSettings.Positive(settings, "epsilon") ?? defaults.Epsilon,
            MaxTokens = TrainSettings.Count(settings, "max_tokens"),
            DevItems = TrainSettings.FromZero(settings, "dev_items", "items"),
            Evaluations = TrainSettings.Count(settings, "evaluations") ?? defaults.Evaluations,
            CheckpointMinutes = TrainSettings.Within(settings, "checkpoint_minutes", defaults.CheckpointMinutes, double.MaxValue),
            Seed = settings.Whole("seed", defaults.Seed),
            Out = TrainSettings.Folder(settings),
            Resume = settings.Flag("resume", defaults.Resume),
            Overwrite = settings.Flag("overwrite", defaults.Overwrite),
            Precision = settings.TextOrNull("precision") ?? defaults.Precision,
            Device = settings.TextOrNull("device") ?? defaults.Device,
        };
        read.RefuseContradictions(settings);
        return read;
    }

    private void RefuseContradictions(StrictObject settings)
    {
        TrainSettings.RefuseBoth(settings, this is { Epochs: not null, Steps: not null }, "epochs", "steps");
        TrainSettings.RefuseBoth(settings, Text.Count > 0 && Task is not null, "text", "task");
        if (Text.Count == 0 && Task is null)
        {
            throw settings.Error("text", "no text is named; give --text with files or folders, or --task with a task whose texts are used.");
        }

        if (Task is not null && Unit is not null)
        {
            throw settings.Error("unit", "unit says how text files are read, and the texts are a task's rows; leave it out.");
        }

        if (Task is not null && settings.Has("separator"))
        {
            throw settings.Error("separator", "separator says how text files are read, and the texts are a task's rows; leave it out.");
        }

        if (Task is null && Data is not null)
        {
            throw settings.Error("data", "data says where a task's rows are, and the texts are files; give --task, or leave it out.");
        }

        if (Task is null && (settings.Has("split") || settings.Has("split_seed")))
        {
            throw settings.Error("split", "split says which rows of a task are trained on, and the texts are files; give --task, or leave it out.");
        }

        if (settings.Has("lowercase") && (Config is null || Tokenizer is not null))
        {
            throw settings.Error("lowercase", "lowercase is for a tokenizer that is made of the texts; give config without tokenizer, or leave it out.");
        }

        if (Config is not null && settings.Has("backbone"))
        {
            throw settings.Error("config", "both backbone and config are given; give backbone to go on with a model, or config to begin with random weights.");
        }

        if (Config is null && (Tokenizer is not null || VocabularySize is not null))
        {
            throw settings.Error(Tokenizer is null ? "vocabulary_size" : "tokenizer", "a tokenizer is chosen for a model that begins with random weights; give --config too, or leave it out.");
        }
    }
}
