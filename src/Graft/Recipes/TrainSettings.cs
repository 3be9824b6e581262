using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.Tasks.Mixtures;
using Graft.Tasks.Spans;
using Graft.Torch;
using Graft.Training;

namespace Graft.Recipes;

/// <summary>
/// What <c>graft train</c> is told, from a recipe file, the command line, or code. Immutable. The names in files are the snake_case
/// ones of the properties; <see cref="Keys"/> lists them.
/// </summary>
public sealed partial record TrainSettings
{
    /// <summary>A backbone folder, or the name of a pulled one.</summary>
    public string Backbone { get; init; } = "minilm";

    /// <summary>Names of tasks or paths of task files; each is trained after the other on one backbone, or all together where they share an adapter.</summary>
    public required IReadOnlyList<string> Tasks { get; init; }

    /// <summary>A folder to look for the tasks' data first.</summary>
    public string? Data { get; init; }

    /// <summary>Where dev and test rows come from.</summary>
    public SplitRule Split { get; init; }

    /// <summary>The seed of the orders of that rule: PHA's is 32, PROPETL's 42.</summary>
    public long SplitSeed { get; init; } = 32;

    /// <summary>The method's name.</summary>
    public string Method { get; init; } = "lora";

    /// <summary>The method's settings; what it does not name keeps its default.</summary>
    public JsonObject? Set { get; init; }

    /// <summary>Whether all tasks train one adapter of a method whose adapters hold one task, each with a head of its own.</summary>
    public bool Share { get; init; }

    /// <summary>How often a task is drawn where tasks are trained together.</summary>
    public TaskSampling Sampling { get; init; }

    /// <summary>The temperature of that sampling, at least 1.</summary>
    public double Temperature { get; init; } = 10;

    /// <summary>Whether all rows of a step are of one task.</summary>
    public bool OneTaskBatches { get; init; }

    /// <summary>Whether rows are drawn anew each time.</summary>
    public bool Replacement { get; init; }

    /// <summary>What the head reads; null for text on a backbone that has a decoder and for pooled states on others.</summary>
    public HeadKind? Head { get; init; }

    /// <summary>How the losses of target tokens become one number; of text heads.</summary>
    public LossReduction LossReduction { get; init; }

    /// <summary>The beams by which a text head's answers are searched for; 1 takes the likeliest token each time.</summary>
    public int Beams { get; init; } = 1;

    /// <summary>The tokens that neighbouring windows of a context share; of tasks of spans.</summary>
    public int Overlap { get; init; } = SpanRows.UsualOverlap;

    /// <summary>The longest answer of a task of spans in tokens.</summary>
    public int AnswerTokens { get; init; } = 30;

    /// <summary>The likeliest starts and ends of a window that are paired, of tasks of spans.</summary>
    public int NBest { get; init; } = 20;

    /// <summary>How much the score of no answer must exceed that of the best answer to be given, of tasks of spans where some rows have none.</summary>
    public double NullThreshold { get; init; }

    /// <summary>How the head makes one vector of a text's hidden states.</summary>
    public Pooling HeadPooling { get; init; }

    /// <summary>The head's linear maps: 1, or 2 with a tanh between them.</summary>
    public int HeadLayers { get; init; } = 1;

    /// <summary>The dropout of the head in training.</summary>
    public double HeadDropout { get; init; } = 0.1;

    /// <summary>What the learning rate is multiplied by for heads.</summary>
    public double HeadFactor { get; init; } = 1;

    /// <summary>A package at whose adapter each task's begins: of another task, or one that pretraining left; null for a new one.</summary>
    public string? Start { get; init; }

    /// <summary>Training rows to draw from each task; null for all.</summary>
    public int? Examples { get; init; }

    /// <summary>Passes over the rows; null for 5 where <see cref="Steps"/> is null too.</summary>
    public double? Epochs { get; init; }

    /// <summary>Optimizer steps instead of epochs.</summary>
    public int? Steps { get; init; }

    /// <summary>Rows of an optimizer step.</summary>
    public int Batch { get; init; } = 16;

    /// <summary>Micro-batches of a step.</summary>
    public int Accumulation { get; init; } = 1;

    /// <summary>The peak learning rate; null for the method's.</summary>
    public double? Lr { get; init; }

    /// <summary>How the learning rate runs.</summary>
    public ScheduleKind Schedule { get; init; }

    /// <summary>The share of steps in which it rises.</summary>
    public double Warmup { get; init; } = 0.06;

    /// <summary>Which of AdamW's two published orders of arithmetic.</summary>
    public AdamWVariant Optimizer { get; init; }

    /// <summary>How much of the mean squared gradient AdamW keeps in a step.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>What AdamW adds to its root.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>The weight decay of matrices.</summary>
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>The largest gradient norm; 0 for no clipping.</summary>
    public double Clip { get; init; } = 1;

    /// <summary>The share of probability spread over all classes.</summary>
    public double LabelSmoothing { get; init; }

    /// <summary>Steps between evaluations; null for the end of each epoch.</summary>
    public int? EvaluateEvery { get; init; }

    /// <summary>Evaluations on dev, spread evenly over the steps, instead of <see cref="EvaluateEvery"/>.</summary>
    public int? Evaluations { get; init; }

    /// <summary>Evaluations without gain after which a task stops; null for never.</summary>
    public int? Patience { get; init; }

    /// <summary>The adapter rests in the first n blocks of each training pass, n drawn from 0 to this number (AdapterDrop).</summary>
    public int AdapterDrop { get; init; }

    /// <summary>The longest row in tokens; null for the model's longest, at most 256, or 384 for questions about a context.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>The seed of everything random.</summary>
    public long Seed { get; init; }

    /// <summary>The folder for packages, logs and checkpoints.</summary>
    public required string Out { get; init; }

    /// <summary>Whether to go on with a run that was interrupted.</summary>
    public bool Resume { get; init; }

    /// <summary>Whether to replace a run that is there.</summary>
    public bool Overwrite { get; init; }

    /// <summary>The type of the frozen weights: <c>f32</c> or <c>bf16</c>.</summary>
    public string Precision { get; init; } = "f32";

    /// <summary>Where to compute: <c>cpu</c>, <c>cuda</c> or <c>cuda:1</c>.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>Whether to compute the majority class and a linear probe on the same rows, to compare with.</summary>
    public bool Baselines { get; init; }

    /// <summary>Steps between checkpoints; evaluations and interruptions write one too. 0 for none at all: what is interrupted begins anew.</summary>
    public int CheckpointEvery { get; init; } = 50;

    /// <summary>Every key of a recipe file.</summary>
    public static IReadOnlyList<string> Keys { get; } =
        [.. typeof(TrainSettings).GetProperties().Where(p => p.CanWrite).Select(p => JsonNamingPolicy.SnakeCaseLower.ConvertName(p.Name))];

    /// <summary>The type of the frozen weights.</summary>
    /// <exception cref="GraftException"><see cref="Precision"/> is none of the known names.</exception>
    public DType FrozenType => Precisions.Parse(Precision);

    /// <summary>The settings as a recipe's JSON, without what a resumed run may change.</summary>
    public JsonObject ToJson()
    {
        var json = Plain();

        // Left out where they are not given, so that runs keep the identity that they had before there were such settings.
        if (Head is { } head)
        {
            json["head"] = HeadSettings.Name(head);
        }

        if (LossReduction != LossReduction.Mean)
        {
            json["loss_reduction"] = HeadSettings.Name(LossReduction);
        }

        if (Optimizer != AdamWVariant.Torch)
        {
            json["optimizer"] = JsonNamingPolicy.SnakeCaseLower.ConvertName($"{Optimizer}");
        }

        if ((Beta2, Epsilon) != (0.999, 1e-8))
        {
            json["beta2"] = Beta2;
            json["epsilon"] = Epsilon;
        }

        if (Beams != 1)
        {
            json["beams"] = Beams;
        }

        if (Start is { } start)
        {
            json["start"] = start;
        }

        if (HeadFactor != 1)
        {
            json["head_factor"] = HeadFactor;
        }

        if ((Overlap, AnswerTokens, NBest, NullThreshold) != (SpanRows.UsualOverlap, 30, 20, 0))
        {
            json["overlap"] = Overlap;
            json["answer_tokens"] = AnswerTokens;
            json["n_best"] = NBest;
            json["null_threshold"] = NullThreshold;
        }

        return json;
    }

    private JsonObject Plain() => new()
    {
        ["backbone"] = Backbone,
        ["tasks"] = new JsonArray([.. Tasks.Select(t => (JsonNode)t)]),
        ["data"] = Data,
        ["split"] = Split.ToString().ToLowerInvariant(),
        ["split_seed"] = SplitSeed,
        ["method"] = Method,
        ["set"] = Set?.DeepClone(),
        ["share"] = Share,
        ["sampling"] = Sampling.ToString().ToLowerInvariant(),
        ["temperature"] = Temperature,
        ["one_task_batches"] = OneTaskBatches,
        ["replacement"] = Replacement,
        ["head_pooling"] = HeadPooling.ToString().ToLowerInvariant(),
        ["head_layers"] = HeadLayers,
        ["head_dropout"] = HeadDropout,
        ["examples"] = Examples,
        ["epochs"] = Epochs,
        ["steps"] = Steps,
        ["batch"] = Batch,
        ["accumulation"] = Accumulation,
        ["lr"] = Lr,
        ["schedule"] = Schedule.ToString().ToLowerInvariant(),
        ["warmup"] = Warmup,
        ["weight_decay"] = WeightDecay,
        ["clip"] = Clip,
        ["label_smoothing"] = LabelSmoothing,
        ["evaluate_every"] = EvaluateEvery,
        ["evaluations"] = Evaluations,
        ["patience"] = Patience,
        ["adapter_drop"] = AdapterDrop,
        ["max_tokens"] = MaxTokens,
        ["seed"] = Seed,
        ["precision"] = Precision,
        ["device"] = Device,
        ["baselines"] = Baselines,
    };

    /// <summary>The settings of the loop, once the method is known.</summary>
    /// <param name="defaultLearningRate">The method's learning rate, used where none is set.</param>
    public TrainingSettings Loop(double defaultLearningRate) => new(
        Epochs ?? 5, Steps, Batch, Accumulation, Lr ?? defaultLearningRate, Schedule, Warmup, WeightDecay, Clip, LabelSmoothing,
        EvaluateEvery, Patience, AdapterDrop, Seed, Evaluations, Mixture, Beta2, Epsilon, Optimizer, HeadFactor);

    private MixtureSettings Mixture => new(Sampling, Temperature, OneTaskBatches, Replacement);

    /// <summary>A digest of what determines a training: these settings and the rows.</summary>
    /// <param name="task">The task, or those that are trained together.</param>
    /// <param name="fingerprint">The backbone's fingerprint.</param>
    /// <param name="rows">The training and dev rows.</param>
    /// <param name="method">The method, whose defaults count as if they had been written out.</param>
    /// <param name="config">Its settings.</param>
    internal string Identity(string task, string fingerprint, IEnumerable<Example> rows, PeftMethod method, PeftConfig config)
    {
        var settings = ToJson();
        settings["lr"] ??= method.DefaultLearningRate;
        settings["set"] = method.WriteConfig(config);
        settings.Remove("tasks");
        settings.Remove("backbone");
        settings.Remove("data");
        settings.Remove("baselines");
        return Convert.ToHexStringLower(
            SHA256.HashData(Encoding.UTF8.GetBytes($"{task}\n{fingerprint}\n{settings.ToJsonString()}\n{RowHash.Of(rows)}")));
    }
}
