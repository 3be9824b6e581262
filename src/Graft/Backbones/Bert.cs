using System.Runtime.CompilerServices;
using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Backbones;

/// <summary>
/// BERT (Devlin et al. 2019, "BERT: Pre-training of Deep Bidirectional Transformers"): the sum of word, position and segment embeddings,
/// a layer norm, and L post-norm blocks. Positions count from 0 over all tokens, padding included.
/// </summary>
public class Bert : Backbone
{
    private readonly ParameterSite _words;
    private readonly ParameterSite _positions;
    private readonly ParameterSite _types;
    private readonly LayerNorm _norm;
    private readonly EmbeddingSite _prompt;
    private readonly EncoderBlock[] _blocks;
    private readonly LinearSite? _pooler;
    private readonly double _dropout;
    private readonly BertConfig _encoder;

    /// <summary>Builds the model with weights from <paramref name="weights"/>.</summary>
    /// <param name="config">The settings every part may read.</param>
    /// <param name="encoder">The settings of its blocks and embeddings.</param>
    /// <param name="weights">Where the weights come from.</param>
    public Bert(BackboneConfig config, BertConfig encoder, WeightSource weights)
        : base(config, weights)
    {
        var build = new BlockBuilder(Sites, weights, (key, value) => AddParameter(key, value, trainable: false));
        var w = config.HiddenSize;
        _encoder = encoder;
        _dropout = encoder.HiddenDropout;
        _words = build.Embedding("embeddings.word_embeddings", config.VocabularySize, w);
        _positions = build.Embedding("embeddings.position_embeddings", encoder.Positions, w);
        _types = build.Embedding("embeddings.token_type_embeddings", encoder.TokenTypes, w);
        _norm = build.LayerNorm("embeddings.LayerNorm", w, encoder.NormEpsilon, SiteRole.None, StackKind.Encoder, -1);
        _prompt = Sites.Add(new EmbeddingSite("embeddings", w, StackKind.Encoder));
        var block = new EncoderBlockConfig(
            w, config.Heads, config.FeedForwardSize, encoder.NormEpsilon, encoder.HiddenDropout, encoder.AttentionDropout, encoder.Activation);
        _blocks = [.. Enumerable.Range(0, config.Layers).Select(l => new EncoderBlock(build, $"encoder.layer.{l}", l, block))];
        if (weights.Pooler)
        {
            _pooler = build.Linear("pooler.dense", w, w, SiteRole.None, SiteRole.None, StackKind.Encoder, -1);
        }
    }

    /// <inheritdoc/>
    public override MaskedHeadFormat MaskedHead => new(
        "BertForMaskedLM", "cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.bias", "cls.predictions.decoder",
        _encoder.Activation, _encoder.NormEpsilon);

    /// <inheritdoc/>
    public override BackboneOutput Forward(BackboneInput input, AdapterPass? pass = null, bool allHiddenStates = false)
    {
        if (input.DecoderIds is not null)
        {
            throw new ArgumentException($"A {Config.ModelType} backbone has no decoder, and the batch has ids for one.", nameof(input));
        }

        var ids = input.InputIds;
        var text = new PromptedText(_words.Lookup(pass, ids), input.Mask?.To(DType), ids.Size(1));
        text = _prompt.Apply(pass, text, asWords: true);
        var shift = pass?.Groups.Max(g => g.PositionShift) ?? 0;
        // Padding may reach beyond the table where rows of one batch have different virtual tokens; what is real must not.
        var reaches = text.Embedded.Size(1) + shift > Config.MaxTokens;
        if (reaches && LongestRow(pass, text, shift) > Config.MaxTokens)
        {
            var added = text.Embedded.Size(1) - ids.Size(1) + shift;
            throw new ArgumentException(
                $"The batch has {ids.Size(1)} tokens a row{(added > 0 ? $" and virtual tokens take {added} positions" : "")}, and this backbone takes at most {Config.MaxTokens}.",
                nameof(input));
        }

        // A virtual word is no padding, is of the first segment, and counts as a position.
        var types = text.Spread(input.TypeIds ?? ids.ZerosLike(), 0);
        var positions = PositionIds(text.Spread(ids, -1), shift == 0 ? null : Shifts(pass!, ids.Device));
        if (reaches)
        {
            positions = positions.Minimum(Tensor.Full([1], _positions.Shape[0] - 1, DType.Int64, ids.Device));
        }

        // The sum's order is the reference's: word + segment, then position.
        var embedded = text.Embedded + _types.Lookup(pass, types);
        embedded += _positions.Lookup(pass, positions);
        embedded = AdapterPass.Dropout(pass, _norm.Apply(pass, embedded), _dropout);

        text = _prompt.Apply(pass, text with { Embedded = embedded }, asWords: false);
        var packing = pass is { ReadsPadding: true } ? null : TokenPacking.Of(text.Mask);
        pass?.See(text.Mask, causal: false, packing);
        var bias = text.Mask is { } mask ? AttentionBias.FromMask(mask, DType) : null;
        var x = packing?.Pack(text.Embedded) ?? text.Embedded;
        List<Tensor>? states = allHiddenStates ? [x] : null;
        foreach (var block in _blocks)
        {
            x = block.Forward(pass, x, bias, packing);
            states?.Add(x);
        }

        pass?.See(text.Mask, causal: false);
        List<Tensor>? ofText = states?.ConvertAll(OfText);
        var last = ofText?[^1] ?? OfText(x);
        return new BackboneOutput(last, ofText, _pooler?.Apply(pass, last.Select(1, 0)).Tanh())
        {
            Words = pass is null ? _words.Parameter! : pass.Groups is [var rows] ? rows.Resolve(_words) : null,
        };

        Tensor OfText(Tensor state) => text.TextOnly(packing?.Unpack(state) ?? state);
    }

    /// <summary>The positions of a batch of tokens.</summary>
    /// <param name="ids">[B, T], int64; -1 at virtual words.</param>
    /// <param name="shift">[B, 1], int64: what each row's positions are shifted by; null for nothing.</param>
    /// <returns>[1, T] or [B, T], int64.</returns>
    protected virtual Tensor PositionIds(Tensor ids, Tensor? shift)
    {
        var positions = Tensor.Arange(ids.Size(1), DType.Int64, ids.Device).Unsqueeze(0);
        return shift is null ? positions : positions + shift;
    }

    /// <summary>The positions that the longest row takes up to its last real token, virtual tokens and shift included.</summary>
    private static long LongestRow(AdapterPass? pass, PromptedText text, int shift)
    {
        if (text.Mask is not { } mask)
        {
            return text.Embedded.Size(1) + shift;
        }

        var ends = (mask.To(DType.Int64) * Tensor.Arange(1, mask.Size(1) + 1, 1, DType.Int64, mask.Device)).Max(1, keep: true).Values;
        return (shift == 0 ? ends : ends + Shifts(pass!, mask.Device)).Max().ToInt64();
    }

    private static Tensor Shifts(AdapterPass pass, Device device) =>
        Tensor.Cat([.. pass.Groups.Select(g => Tensor.Full([g.Count, 1], g.PositionShift, DType.Int64, device))], 0);

    [ModuleInitializer]
    internal static void Register() => Architectures.Register(new Architecture(
        "bert", "bert.", ["cls.", "classifier.", "qa_outputs.", "embeddings.position_ids", "pooler."],
        fields => Read(fields, fields.Positive("max_position_embeddings"), (c, e, w) => new Bert(c, e, w))) { Initial = InitialValues });

    /// <summary>Norms begin as the identity, biases at zero, all else is from N(0, initializer_range²), as in Hugging Face's BertPreTrainedModel.</summary>
    internal static Func<string, long[], Rng, Tensor> InitialValues(ConfigFields fields)
    {
        var deviation = fields.Number("initializer_range", 0.02);
        return (key, shape, rng) => key.EndsWith("LayerNorm.weight", StringComparison.Ordinal) ? Tensor.Ones(shape)
            : key.EndsWith(".bias", StringComparison.Ordinal) ? Tensor.Zeros(shape)
            : rng.Normal(shape, 0, deviation);
    }

    /// <summary>Reads the fields that BERT and its descendants share; returns what builds one of them.</summary>
    internal static Func<WeightSource, Backbone> Read(
        ConfigFields fields, int maxTokens, Func<BackboneConfig, BertConfig, WeightSource, Bert> create)
    {
        fields.Choice("position_embedding_type", "absolute", ["absolute"]);
        var heads = fields.Positive("num_attention_heads");
        var width = fields.Positive("hidden_size");
        if (width % heads != 0)
        {
            throw new GraftException($"config.json: hidden_size {width} is not a multiple of num_attention_heads {heads}.");
        }

        var config = new BackboneConfig(
            fields.OptionalText("model_type")!, width, fields.Positive("num_hidden_layers"), heads,
            fields.Positive("intermediate_size"), fields.Positive("vocab_size"), maxTokens);
        var encoder = new BertConfig(
            fields.Positive("max_position_embeddings"),
            fields.Positive("type_vocab_size", 2),
            fields.Number("layer_norm_eps", 1e-12),
            fields.Probability("hidden_dropout_prob", 0.1),
            fields.Probability("attention_probs_dropout_prob", 0.1),
            fields.Choice("hidden_act", "gelu", Activations.Names),
            fields.Integer("pad_token_id", 0));
        return weights => create(config, encoder, weights);
    }
}

/// <summary>The settings of BERT's embeddings and blocks beyond <see cref="BackboneConfig"/>.</summary>
/// <param name="Positions">The rows of the position embedding.</param>
/// <param name="TokenTypes">The rows of the segment embedding.</param>
/// <param name="NormEpsilon">ε of the layer norms.</param>
/// <param name="HiddenDropout">The dropout of embeddings and sublayer outputs.</param>
/// <param name="AttentionDropout">The dropout of attention weights.</param>
/// <param name="Activation">The feed-forward activation by its name in <c>config.json</c>.</param>
/// <param name="PadId">The id of the padding token.</param>
public sealed record BertConfig(
    int Positions, int TokenTypes = 2, double NormEpsilon = 1e-12, double HiddenDropout = 0.1, double AttentionDropout = 0.1,
    string Activation = "gelu", int PadId = 0);
