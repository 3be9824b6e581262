using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Tasks;
using Graft.Tasks.Corpora;
using Graft.Training;

namespace Graft.Recipes;

/// <summary>A published way to go on with pretraining; whatever is set beside it overrules it.</summary>
public enum PretrainRecipe
{
    /// <summary>On a field's texts: 12,500 steps of 2,048 texts at a peak learning rate of 5e-4 (Gururangan et al. 2020, table 13).</summary>
    Dapt,

    /// <summary>On a task's own texts: 100 epochs, below 5,000 texts of batches of 256 at 1e-4, from there on of 2,048 at 5e-4 (the same).</summary>
    Tapt,
}

/// <summary>
/// What <c>graft pretrain</c> is told, from a settings file, the command line, or code. Immutable. The names in files are the snake_case ones of the
/// properties; <see cref="Keys"/> lists them.
/// </summary>
public sealed partial record PretrainSettings
{
    /// <summary>The method that trains all weights.</summary>
    internal const string AllWeights = "full";

    /// <summary>The model to go on with: a backbone folder, or the name of a pulled one.</summary>
    public string Backbone { get; init; } = "minilm";

    /// <summary>A <c>config.json</c> (or a folder with one) of a model that begins with random weights, instead of <see cref="Backbone"/>.</summary>
    public string? Config { get; init; }

    /// <summary>A folder with the tokenizer of a model that begins with random weights; null to train one on the texts.</summary>
    public string? Tokenizer { get; init; }

    /// <summary>The most tokens of a tokenizer that is trained; null for <c>vocab_size</c> of the config.</summary>
    public int? VocabularySize { get; init; }

    /// <summary>Whether a tokenizer that is trained takes capitals for small letters.</summary>
    public bool Lowercase { get; init; } = true;

    /// <summary>Text files, gzipped or not, and folders of such.</summary>
    public IReadOnlyList<string> Text { get; init; } = [];

    /// <summary>A task whose training texts are trained on, without their labels; its dev texts are judged on. Instead of <see cref="Text"/>.</summary>
    public string? Task { get; init; }

    /// <summary>A folder to look for the task's data first.</summary>
    public string? Data { get; init; }

    /// <summary>Where the task's dev and test rows come from, whose texts are not trained on: as its training has it.</summary>
    public SplitRule Split { get; init; }

    /// <summary>The seed of that rule.</summary>
    public long SplitSeed { get; init; } = 32;

    /// <summary>What an item of text files is; null for a line, and for packed tokens where the model begins with random weights.</summary>
    public TextUnit? Unit { get; init; }

    /// <summary>The line that ends a document; the empty one for a blank line.</summary>
    public string Separator { get; init; } = TextFiles.Separator;

    /// <summary>A published recipe; null for none.</summary>
    public PretrainRecipe? Recipe { get; init; }

    /// <summary>The method: <c>full</c> trains all weights.</summary>
    public string Method { get; init; } = AllWeights;

    /// <summary>The method's settings; what it does not name keeps its default.</summary>
    public JsonObject? Set { get; init; }

    /// <summary>The share of tokens that is masked or taken out.</summary>
    public double MaskShare { get; init; } = 0.15;

    /// <summary>Whether the tokens of a word are masked together.</summary>
    public bool WholeWords { get; init; }

    /// <summary>The mean number of tokens of a span that is taken out, for T5.</summary>
    public double SpanLength { get; init; } = 3;

    /// <summary>Passes over the texts; null for the recipe's, or 1.</summary>
    public double? Epochs { get; init; }

    /// <summary>Optimizer steps instead of epochs.</summary>
    public int? Steps { get; init; }

    /// <summary>Texts of an optimizer step; null for the recipe's, or 64.</summary>
    public int? Batch { get; init; }

    /// <summary>The most texts of a pass: a step's gradient is gathered pass by pass.</summary>
    public int MicroBatch { get; init; } = 16;

    /// <summary>The peak learning rate; null for the recipe's, else 1e-4 to go on and 5e-4 from random weights, or the method's own.</summary>
    public double? Lr { get; init; }

    /// <summary>How the learning rate runs.</summary>
    public ScheduleKind Schedule { get; init; }

    /// <summary>The share of steps in which it rises.</summary>
    public double Warmup { get; init; } = 0.06;

    /// <summary>AdamW's weight decay of matrices.</summary>
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>The largest gradient norm; 0 for no clipping.</summary>
    public double Clip { get; init; } = 1;

    /// <summary>How much of the mean squared gradient AdamW keeps in a step.</summary>
    public double Beta2 { get; init; } = 0.98;

    /// <summary>What AdamW adds to its root.</summary>
    public double Epsilon { get; init; } = 1e-6;

    /// <summary>The most tokens of an item; null for 512 with a recipe and 128 without, at most the model's.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>Items that are judged on and not trained on; null for 500, at most a hundredth of text files' items. 0 for none.</summary>
    public int? DevItems { get; init; }

    /// <summary>Evaluations, spread evenly over the steps, beside the one before the first.</summary>
    public int Evaluations { get; init; } = 10;

    /// <summary>Minutes between checkpoints; 0 for one after each step. An interruption writes one too.</summary>
    public double CheckpointMinutes { get; init; } = 10;

    /// <summary>The seed of everything random.</summary>
    public long Seed { get; init; }

    /// <summary>The folder that becomes the model.</summary>
    public required string Out { get; init; }

    /// <summary>Whether to go on with a run that was interrupted.</summary>
    public bool Resume { get; init; }

    /// <summary>Whether to replace a run that is there.</summary>
    public bool Overwrite { get; init; }

    /// <summary>
    /// The type that passes compute in: <c>f32</c>, or <c>bf16</c>, which is faster. What trains, and the model that comes of it, is float32 in both.
    /// </summary>
    public string Precision { get; init; } = "f32";

    /// <summary>Where to compute: <c>cpu</c>, <c>cuda</c> or <c>cuda:1</c>.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>Every key of a settings file.</summary>
    public static IReadOnlyList<string> Keys { get; } =
        [.. typeof(PretrainSettings).GetProperties().Where(p => p.CanWrite).Select(p => JsonNamingPolicy.SnakeCaseLower.ConvertName(p.Name))];

    /// <summary>The settings as JSON, without what a resumed run may change.</summary>
    public JsonObject ToJson()
    {
        var json = Plain();
        if (Split != SplitRule.Files)
        {
            json["split"] = Name(Split);
            json["split_seed"] = SplitSeed;
        }

        return json;
    }

    private JsonObject Plain() => new()
    {
        ["backbone"] = Config is null ? Backbone : null,
        ["config"] = Config,
        ["tokenizer"] = Tokenizer,
        ["vocabulary_size"] = VocabularySize,
        ["lowercase"] = Lowercase,
        ["text"] = new JsonArray([.. Text.Select(t => (JsonNode)t)]),
        ["task"] = Task,
        ["data"] = Data,
        ["unit"] = Unit is { } unit ? Name(unit) : null,
        ["separator"] = Separator,
        ["recipe"] = Recipe is { } recipe ? Name(recipe) : null,
        ["method"] = Method,
        ["set"] = Set?.DeepClone(),
        ["mask_share"] = MaskShare,
        ["whole_words"] = WholeWords,
        ["span_length"] = SpanLength,
        ["epochs"] = Epochs,
        ["steps"] = Steps,
        ["batch"] = Batch,
        ["micro_batch"] = MicroBatch,
        ["lr"] = Lr,
        ["schedule"] = Name(Schedule),
        ["warmup"] = Warmup,
        ["weight_decay"] = WeightDecay,
        ["clip"] = Clip,
        ["beta2"] = Beta2,
        ["epsilon"] = Epsilon,
        ["max_tokens"] = MaxTokens,
        ["dev_items"] = DevItems,
        ["evaluations"] = Evaluations,
        ["seed"] = Seed,
        ["precision"] = Precision,
        ["device"] = Device,
    };

    /// <summary>What an item of the texts is.</summary>
    internal TextUnit Items => Task is not null ? TextUnit.Line : Unit ?? (Config is null ? TextUnit.Line : TextUnit.Packed);

    /// <summary>The most tokens of an item, before the model has its say.</summary>
    internal int ItemTokens => MaxTokens ?? (Recipe is null ? 128 : 512);

    /// <summary>The settings of the loop, once it is known what is trained on what.</summary>
    /// <param name="texts">The number of texts.</param>
    /// <param name="own">The learning rate of the method where it does not train all weights; null where it does.</param>
    internal TrainingSettings Loop(int texts, double? own)
    {
        const int FewTexts = 5000;
        var large = Recipe == PretrainRecipe.Dapt || (Recipe == PretrainRecipe.Tapt && texts >= FewTexts);
        var rate = Lr ?? own ?? (large || Config is not null ? 5e-4 : 1e-4);
        var batch = Batch ?? (large ? 2048 : Recipe == PretrainRecipe.Tapt ? 256 : 64);
        int? steps = Steps ?? (Recipe == PretrainRecipe.Dapt && Epochs is null ? 12_500 : null);
        return new TrainingSettings(
            Epochs ?? (Recipe == PretrainRecipe.Tapt ? 100 : 1), steps, batch, (batch + MicroBatch - 1) / MicroBatch, rate, Schedule, Warmup, WeightDecay, Clip,
            Seed: Seed, Evaluations: Evaluations, Beta2: Beta2, Epsilon: Epsilon);
    }

    private static string Name<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());
}
