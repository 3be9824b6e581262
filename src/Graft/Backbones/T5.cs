using System.Runtime.CompilerServices;
using Graft.Backbones.Generation;
using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Backbones;

/// <summary>The settings of T5's blocks beyond <see cref="BackboneConfig"/>.</summary>
/// <param name="Buckets">The number of buckets of relative positions.</param>
/// <param name="Furthest">The distance from which on keys are in the last bucket.</param>
/// <param name="NormEpsilon">ε of the norms.</param>
/// <param name="Dropout">The dropout of embeddings, attention weights, inner activations, sublayer outputs and of the stacks' outputs.</param>
/// <param name="Activation">The feed-forward activation by its name in <c>config.json</c>.</param>
/// <param name="Gated">Whether the feed-forward is gated, as in v1.1.</param>
/// <param name="TiedHead">Whether the words' embeddings are the head of the language model too, as in v1.0; scores are then scaled by 1/√W.</param>
public sealed record T5Config(
    int Buckets = 32, int Furthest = 128, double NormEpsilon = 1e-6, double Dropout = 0.1, string Activation = "relu", bool Gated = false,
    bool TiedHead = true);

/// <summary>
/// T5 (Raffel et al. 2020, "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer"; v1.1 and flan with a gated
/// feed-forward and a head of its own; mT5, Xue et al. 2021): an encoder and a decoder of pre-norm blocks with relative positions, so that
/// nothing but memory limits a text's length. The decoder is given its ids shifted to the right; it masks no padding.
/// </summary>
public sealed class T5 : Backbone, ITextDecoder
{
    private readonly T5Config _t5;
    private readonly DecoderConfig _tokens;
    private readonly ParameterSite _words;
    private readonly ParameterSite? _head;
    private readonly EmbeddingSite _prompt;
    private readonly T5Stack _encoder;
    private readonly T5Stack? _decoder;

    /// <summary>Builds the model with weights from <paramref name="weights"/>.</summary>
    /// <param name="config">The settings every part may read; with a decoder's.</param>
    /// <param name="t5">The settings of its blocks.</param>
    /// <param name="weights">Where the weights come from.</param>
    /// <exception cref="ArgumentException">The settings have no decoder's.</exception>
    public T5(BackboneConfig config, T5Config t5, WeightSource weights)
        : base(weights.EncoderOnly ? config with { Decoder = null } : config, weights)
    {
        _tokens = config.Decoder ?? throw new ArgumentException("T5 needs the settings of its decoder.", nameof(config));
        _t5 = t5;
        var build = new BlockBuilder(Sites, weights, (key, value) => AddParameter(key, value, trainable: false));
        string[] embedded = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"];
        weights.Alias("shared.weight", t5.TiedHead ? [.. embedded, "lm_head.weight"] : embedded);
        _words = build.Embedding("shared", config.VocabularySize, config.HiddenSize);
        _prompt = Sites.Add(new EmbeddingSite("encoder.embed_tokens", config.HiddenSize, StackKind.Encoder));
        _encoder = new T5Stack(build, StackKind.Encoder, config.Layers, config, t5);
        if (weights.EncoderOnly)
        {
            weights.Skip("decoder.");
            weights.Skip("lm_head.");
            return;
        }

        _decoder = new T5Stack(build, StackKind.Decoder, _tokens.Layers, config, t5);
        _head = t5.TiedHead ? null : build.Weight("lm_head", config.HiddenSize, config.VocabularySize, StackKind.Decoder);
    }

    /// <inheritdoc/>
    public override BackboneOutput Forward(BackboneInput input, AdapterPass? pass = null, bool allHiddenStates = false)
    {
        List<Tensor>? states = allHiddenStates ? [] : null;
        var source = input.Encoded ?? Encode(input, pass, states);
        var output = new BackboneOutput(source.Text, states) { Encoded = source };
        if (input.DecoderIds is null)
        {
            return output;
        }

        var decoded = Decode(input.DecoderIds, pass, source);
        return output with { Decoded = decoded, Logits = Score(pass, decoded) };
    }

    /// <inheritdoc/>
    Tensor ITextDecoder.Begin(BackboneInput input, AdapterPass pass)
    {
        var source = Encode(input, pass, null);
        var start = Tensor.Full([input.InputIds.Size(0), 1], _tokens.StartId, DType.Int64, input.InputIds.Device);
        return Score(pass, Decode(start, pass, source)).Select(1, 0);
    }

    /// <inheritdoc/>
    Tensor ITextDecoder.Next(Tensor ids, AdapterPass pass) => Score(pass, Decode(ids.Unsqueeze(1), pass, null)).Select(1, 0);

    private EncodedText Encode(BackboneInput input, AdapterPass? pass, List<Tensor>? states)
    {
        var text = new PromptedText(_words.Lookup(pass, input.InputIds), input.Mask?.To(DType), input.InputIds.Size(1));
        text = _prompt.Apply(pass, text, asWords: true);
        text = _prompt.Apply(pass, text with { Embedded = AdapterPass.Dropout(pass, text.Embedded, _t5.Dropout) }, asWords: false);
        pass?.See(text.Mask, causal: false);
        var bias = text.Mask is { } mask ? AttentionBias.FromMask(mask, DType) : null;
        var encoded = _encoder.Encode(pass, text.Embedded, bias, states);
        for (var i = 0; i < states?.Count; i++)
        {
            states[i] = text.TextOnly(states[i]);
        }

        return new EncodedText(text.TextOnly(encoded), encoded, text.Mask, bias);
    }

    private Tensor Decode(Tensor ids, AdapterPass? pass, EncodedText? source)
    {
        var decoder = _decoder ?? throw new InvalidOperationException("This model was loaded without its decoder; load it whole to write text.");
        pass?.See(null, causal: true);
        var decoded = decoder.Decode(pass, AdapterPass.Dropout(pass, _words.Lookup(pass, ids), _t5.Dropout), source);
        pass?.See(source?.Mask, causal: false);
        return decoded;
    }

    /// <summary>The scores of the words that follow, [B, S, V].</summary>
    private Tensor Score(AdapterPass? pass, Tensor decoded) => _head is null
        ? ParameterSite.Apply(pass, decoded / Math.Sqrt(Config.HiddenSize), _words, null, (x, words, _) => F.Linear(x, words))
        : ParameterSite.Apply(pass, decoded, _head, null, (x, head, _) => F.Linear(x, head));

    // A table of positions for cross-attention is in T5's oldest files, and was never read.
    [ModuleInitializer]
    internal static void Register()
    {
        string[] ignored =
            ["decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.", "classification_head.", "classifier.", "qa_outputs."];
        Architectures.Register(new Architecture("t5", "transformer.", ignored, fields => Read(fields, "relu", tied: true)) { Initial = InitialValues });
        Architectures.Register(new Architecture("mt5", "transformer.", ignored, fields => Read(fields, "gated-gelu", tied: false)) { Initial = InitialValues });
    }

    /// <summary>Deviations by the width that a map reads, as in Hugging Face's T5PreTrainedModel; norms begin as the identity.</summary>
    private static Func<string, long[], Rng, Tensor> InitialValues(ConfigFields fields)
    {
        var (factor, width, head) = (fields.Number("initializer_factor", 1), (double)fields.Positive("d_model"), (double)fields.Positive("d_kv", 64));
        return (key, shape, rng) => key.EndsWith("layer_norm.weight", StringComparison.Ordinal)
            ? Tensor.Full(shape, factor)
            : rng.Normal(shape, 0, factor * key.Split('.')[^2] switch
            {
                "shared" or "lm_head" => 1,
                "q" => Math.Pow(width * head, -0.5),
                "o" or "wo" => Math.Pow(shape[1], -0.5),
                _ => Math.Pow(width, -0.5),
            });
    }

    private static Func<WeightSource, Backbone> Read(ConfigFields fields, string feedForward, bool tied)
    {
        var activations = Activations.Names.Concat(Activations.Names.Select(n => "gated-" + n)).ToList();
        var projection = fields.Choice("feed_forward_proj", feedForward, activations);
        var gated = projection.StartsWith("gated-", StringComparison.Ordinal);
        // "gated-gelu" has always meant GELU by tanh.
        var activation = projection == "gated-gelu" ? "gelu_new" : gated ? projection["gated-".Length..] : projection;
        var layers = fields.Positive("num_layers");
        var pad = fields.Integer("pad_token_id", 0);
        var config = new BackboneConfig(
            fields.OptionalText("model_type")!, fields.Positive("d_model"), layers, fields.Positive("num_heads"), fields.Positive("d_ff"),
            fields.Positive("vocab_size"), int.MaxValue)
        {
            HeadSize = fields.Positive("d_kv", 64),
            Decoder = new DecoderConfig(
                fields.Positive("num_decoder_layers", layers), fields.Integer("decoder_start_token_id", pad), fields.Integer("eos_token_id", 1), pad),
        };
        var t5 = new T5Config(
            fields.Positive("relative_attention_num_buckets", 32), fields.Positive("relative_attention_max_distance", 128),
            fields.Number("layer_norm_epsilon", 1e-6), fields.Probability("dropout_rate", 0.1), activation, gated,
            fields.Flag("tie_word_embeddings", tied));
        return t5.Buckets >= 4 && t5.Furthest > t5.Buckets / 2
            ? weights => new T5(config, t5, weights)
            : throw new GraftException(
                $"config.json: relative_attention_num_buckets is {t5.Buckets} and relative_attention_max_distance {t5.Furthest}, expected at least 4 buckets and a distance beyond half of them.");
    }
}
