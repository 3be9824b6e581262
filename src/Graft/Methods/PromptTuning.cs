using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Text;
using Graft.Torch;

namespace Graft.Methods;

/// <summary>How a prompt starts.</summary>
[JsonConverter(typeof(PromptInitJson))]
public enum PromptInit
{
    /// <summary>Uniform in ±0.5.</summary>
    Random,

    /// <summary>The word embeddings of tokens drawn from the vocabulary, each once.</summary>
    Vocabulary,

    /// <summary>The word embeddings of a text's tokens, repeated or cut to the prompt's length.</summary>
    Text,
}

/// <summary>Where virtual tokens stand in the text.</summary>
[JsonConverter(typeof(PromptPlacementJson))]
public enum PromptPlacement
{
    /// <summary>In front of it.</summary>
    Prefix,

    /// <summary>Behind its first token, such as <c>[CLS]</c>.</summary>
    AfterFirst,
}

/// <summary>The settings of prompt tuning.</summary>
/// <param name="Length">The number P of virtual tokens; 0 for none.</param>
/// <param name="Init">How they start.</param>
/// <param name="InitText">The text whose tokens they start from.</param>
/// <param name="InitIds">The ids of that text's tokens, joined by commas, for who has no tokenizer at hand; they win over the text.</param>
/// <param name="Placement">Where they stand.</param>
/// <param name="AsWords">
/// Whether they stand in for word embeddings and get positions and the embeddings' norm, as in HF PEFT; otherwise they join the output of the
/// embedding module, as in AdapterHub.
/// </param>
public sealed record PromptTuningConfig(
    int Length = 20, PromptInit Init = PromptInit.Random, string InitText = "", string InitIds = "",
    PromptPlacement Placement = PromptPlacement.Prefix, bool AsWords = false) : PeftConfig
{
    /// <summary>The number P of virtual tokens.</summary>
    public int Length { get; init => field = Require.NotNegative(value); } = Require.NotNegative(Length);

    /// <summary>How the virtual tokens start.</summary>
    public PromptInit Init { get; init; } = Init;

    /// <summary>The text whose tokens they start from.</summary>
    public string InitText { get; init; } = InitText;

    /// <summary>The ids of the text's tokens, joined by commas.</summary>
    public string InitIds { get; init => field = CheckedIds(value); } = CheckedIds(InitIds);

    /// <summary>Where they stand.</summary>
    public PromptPlacement Placement { get; init; } = Placement;

    /// <summary>Whether they stand in for word embeddings.</summary>
    public bool AsWords { get; init; } = AsWords;

    internal IReadOnlyList<long> Ids => Parsed(InitIds)!;

    private static string CheckedIds(string value) => Parsed(value) is not null
        ? value
        : throw new ArgumentException($"init_ids is '{value}', expected token ids joined by commas, such as '2307, 3185'", nameof(value));

    private static List<long>? Parsed(string ids)
    {
        var parsed = new List<long>();
        foreach (var part in ids.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (!long.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var id))
            {
                return null;
            }

            parsed.Add(id);
        }

        return parsed;
    }
}

/// <summary>
/// Prompt tuning: <c>x' = [P; x]</c>, trained vectors P [P, W] in front of the embedded text of the first stack. They start uniform in ±0.5, or
/// from word embeddings of drawn tokens or of a text.
/// </summary>
public sealed class PromptTuning : PeftMethod<PromptTuningConfig>
{
    /// <inheritdoc/>
    public override string Name => "prompt-tuning";

    /// <inheritdoc/>
    public override string Summary => "trained vectors in front of the embedded text: [P; x]";

    /// <inheritdoc/>
    public override string Source => "Lester et al. 2021, arXiv 2104.08691, section 2; placement as in AdapterHub";

    /// <inheritdoc/>
    public override double DefaultLearningRate => 3e-2;

    /// <inheritdoc/>
    protected override JsonTypeInfo<PromptTuningConfig> Json => PromptTuningJson.Default.PromptTuningConfig;

    /// <inheritdoc/>
    public override bool IsIdentityAtStart(PeftConfig config) => config is PromptTuningConfig { Length: 0 };

    /// <inheritdoc/>
    public override int PositionsTaken(PeftConfig config) => config is PromptTuningConfig { AsWords: true } c ? c.Length : 0;

    /// <inheritdoc/>
    public override PeftConfig Resolve(PeftConfig config, Tokenizer tokenizer) =>
        config is PromptTuningConfig { Init: PromptInit.Text, InitIds: "", InitText: not "" } prompt
            ? prompt with { InitIds = string.Join(", ", tokenizer.Encode(prompt.InitText, addSpecialTokens: false).Ids) }
            : config;

    /// <inheritdoc/>
    protected override void Attach(AdapterBuilder builder, PromptTuningConfig config)
    {
        if (config.Length > 0)
        {
            var site = Site(builder.Backbone.Sites);
            builder.Put(site, new PromptPart(Start(builder, config, site.Width), config.AsWords, config.Placement == PromptPlacement.AfterFirst));
        }
    }

    /// <inheritdoc/>
    protected override long CountParameters(PromptTuningConfig config, SiteMap sites, int tasks) => (long)config.Length * Site(sites).Width;

    internal static EmbeddingSite Site(SiteMap sites) => sites.Embeddings.First();

    private static Tensor Start(AdapterBuilder builder, PromptTuningConfig config, int width)
    {
        switch (config.Init)
        {
            case PromptInit.Random:
                return builder.Rng.Uniform([config.Length, width], -0.5, 0.5);
            case PromptInit.Vocabulary:
                var vocabulary = builder.Backbone.Config.VocabularySize;
                return Words(builder, [.. Enumerable.Range(0, config.Length).Chunk(vocabulary)
                    .SelectMany(c => builder.Rng.Permutation(vocabulary).ToArray<long>().Take(c.Length))]);
            default:
                return config.Ids is { Count: > 0 } ids
                    ? Words(builder, [.. Enumerable.Range(0, config.Length).Select(i => ids[i % ids.Count])])
                    : throw new GraftException("prompt-tuning is to start from a text, and there are no tokens of one; give init_text, or init_ids where there is no tokenizer.");
        }
    }

    /// <summary>The word embeddings of tokens, as float32 on the CPU.</summary>
    private static Tensor Words(AdapterBuilder builder, long[] ids)
    {
        var vocabulary = builder.Backbone.Config.VocabularySize;
        if (Array.Find(ids, id => id >= vocabulary) is > 0 and var outside)
        {
            throw new GraftException($"init_ids of prompt-tuning has {outside}, and the backbone's vocabulary has {vocabulary} tokens; give ids below that.");
        }

        var table = builder.Backbone.Sites.Parameters.First(p => p.Kind == ParameterKind.Embedding && p.Shape[0] == vocabulary).Parameter!.Value;
        return table.Detach().IndexSelect(0, Tensor.From(ids, ids.Length).To(table.Device)).To(DType.Float32).To(Device.Cpu).Clone();
    }

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new PromptTuning());
}

/// <summary>Trained vectors in the embedded text.</summary>
internal sealed class PromptPart : EmbeddingPart
{
    public const string Key = "prompt";
    private readonly Parameter _prompt;

    public PromptPart(Tensor start, bool asWords, bool afterFirst)
    {
        _prompt = AddParameter(Key, start);
        (AsWords, AfterFirst) = (asWords, afterFirst);
    }

    public override bool AsWords { get; }

    public override bool AfterFirst { get; }

    public override Tensor Prompt(RowGroup rows, Tensor embedded) => _prompt.Value.To(embedded.DType).Unsqueeze(0).Expand(rows.Count, -1, -1);
}

/// <summary>Ways to start by their names in lower case.</summary>
internal sealed class PromptInitJson() : JsonStringEnumConverter<PromptInit>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);

/// <summary>Places by their names in lower case.</summary>
internal sealed class PromptPlacementJson() : JsonStringEnumConverter<PromptPlacement>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(PromptTuningConfig))]
internal sealed partial class PromptTuningJson : JsonSerializerContext;
