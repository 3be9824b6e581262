using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Methods;

/// <summary>What P-tuning makes a prompt from while training.</summary>
[JsonConverter(typeof(PromptEncoderJson))]
public enum PromptEncoderKind
{
    /// <summary>Nothing: the prompt's vectors are parameters themselves. Packages are stored so.</summary>
    None,

    /// <summary>Three linear maps with rectifiers between them.</summary>
    Mlp,

    /// <summary>A bidirectional LSTM, then two linear maps with a rectifier between them.</summary>
    Lstm,
}

/// <summary>The settings of P-tuning.</summary>
/// <param name="Length">The number P of virtual tokens; 0 for none.</param>
/// <param name="Encoder">What the prompt is made from while training.</param>
/// <param name="EncoderHidden">The width M of the encoder; 0 for the model's.</param>
/// <param name="EncoderLayers">The layers of the LSTM.</param>
/// <param name="AsWords">
/// Whether the virtual tokens stand in for word embeddings and get positions and the embeddings' norm, as in HF PEFT; otherwise they join the
/// output of the embedding module.
/// </param>
public sealed record PTuningConfig(
    int Length = 20, PromptEncoderKind Encoder = PromptEncoderKind.Mlp, int EncoderHidden = 0, int EncoderLayers = 2, bool AsWords = true) : PeftConfig
{
    /// <summary>The number P of virtual tokens.</summary>
    public int Length { get; init => field = Require.NotNegative(value); } = Require.NotNegative(Length);

    /// <summary>What the prompt is made from while training.</summary>
    public PromptEncoderKind Encoder { get; init; } = Encoder;

    /// <summary>The width M of the encoder; 0 for the model's.</summary>
    public int EncoderHidden { get; init => field = Require.NotNegative(value); } = Require.NotNegative(EncoderHidden);

    /// <summary>The layers of the LSTM.</summary>
    public int EncoderLayers { get; init => field = Require.Positive(value); } = Require.Positive(EncoderLayers);

    /// <summary>Whether the virtual tokens stand in for word embeddings.</summary>
    public bool AsWords { get; init; } = AsWords;
}

/// <summary>
/// P-tuning (v1): prompt tuning whose prompt comes from an encoder while training, <c>P = W₄ relu(W₂ relu(W₀ E + b₀) + b₂) + b₄</c> or
/// <c>P = W₂ relu(W₀ BiLSTM(E) + b₀) + b₂</c> with E [P, W]; packages keep P [P, W]. As HF PEFT's PromptEncoder.
/// </summary>
public sealed class PTuning : PeftMethod<PTuningConfig>
{
    /// <inheritdoc/>
    public override string Name => "p-tuning";

    /// <inheritdoc/>
    public override string Summary => "trained vectors in front of the text, from an MLP or LSTM while training: [P; x]";

    /// <inheritdoc/>
    public override string Source => "Liu et al. 2021, arXiv 2103.10385, section 3.2; HF PEFT's PromptEncoder";

    /// <inheritdoc/>
    public override double DefaultLearningRate => 1e-2;

    /// <inheritdoc/>
    protected override JsonTypeInfo<PTuningConfig> Json => PTuningJson.Default.PTuningConfig;

    /// <inheritdoc/>
    public override bool IsIdentityAtStart(PeftConfig config) => config is PTuningConfig { Length: 0 };

    /// <inheritdoc/>
    public override int PositionsTaken(PeftConfig config) => config is PTuningConfig { AsWords: true } c ? c.Length : 0;

    /// <inheritdoc/>
    public override PeftConfig Stored(PeftConfig config) => (PTuningConfig)config with { Encoder = PromptEncoderKind.None };

    /// <inheritdoc/>
    protected override void Attach(AdapterBuilder builder, PTuningConfig config)
    {
        if (config.Length == 0)
        {
            return;
        }

        var site = PromptTuning.Site(builder.Backbone.Sites);
        if (config.Encoder == PromptEncoderKind.None)
        {
            builder.Put(site, new PromptPart(builder.Rng.Normal([config.Length, site.Width]), config.AsWords, afterFirst: false));
            return;
        }

        var encoder = builder.Shared("encoder", () => new PromptEncoder(config, site.Width, builder.Rng));
        builder.Put(site, new EncodedPromptPart(encoder, config.AsWords));
    }

    /// <inheritdoc/>
    protected override long CountParameters(PTuningConfig config, SiteMap sites, int tasks)
    {
        var w = PromptTuning.Site(sites).Width;
        long m = Hidden(config, w);
        return config switch
        {
            { Length: 0 } => 0,
            { Encoder: PromptEncoderKind.None } => (long)config.Length * w,
            { Encoder: PromptEncoderKind.Mlp } => ((long)config.Length * w) + (m * (w + 1)) + (m * (m + 1)) + (w * (m + 1)),
            _ => ((long)config.Length * w) + Lstm(w) + ((config.EncoderLayers - 1) * Lstm(2 * m)) + (2 * m * ((2 * m) + 1)) + (w * ((2 * m) + 1)),
        };

        // Four gates, both directions, two biases each.
        long Lstm(long inputs) => 2 * 4 * m * (inputs + m + 2);
    }

    internal static int Hidden(PTuningConfig config, int width) => config.EncoderHidden > 0 ? config.EncoderHidden : width;

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new PTuning());
}

/// <summary>A prompt that an encoder makes.</summary>
internal sealed class EncodedPromptPart(PromptEncoder encoder, bool asWords) : EmbeddingPart, IGenerated
{
    public override bool AsWords => asWords;

    public override Tensor Prompt(RowGroup rows, Tensor embedded) => encoder.Generate().To(embedded.DType).Unsqueeze(0).Expand(rows.Count, -1, -1);

    public IEnumerable<(string Key, Tensor Value)> Generate() => [(PromptPart.Key, encoder.Generate())];
}

/// <summary>
/// Makes a prompt [P, W] from an embedding [P, W]. Keys and shapes are PyTorch's and HF PEFT's: <c>embedding.weight</c>, <c>mlp_head.N.weight</c>,
/// <c>lstm_head.weight_ih_l0</c> with its gates in the order input, forget, cell, output.
/// </summary>
internal sealed class PromptEncoder : Module
{
    private static readonly Op s_lstm = new("aten::lstm", "input");
    private readonly Parameter _embedding;
    private readonly List<Parameter> _lstm = [];
    private readonly List<(Parameter Weight, Parameter Bias)> _maps = [];
    private readonly int _layers;
    private readonly int _hidden;

    public PromptEncoder(PTuningConfig config, int width, Rng rng)
    {
        (_hidden, _layers) = (PTuning.Hidden(config, width), config.EncoderLayers);
        _embedding = AddParameter("embedding.weight", rng.Normal([config.Length, width]));
        if (config.Encoder == PromptEncoderKind.Mlp)
        {
            Map("mlp_head.0", _hidden, width);
            Map("mlp_head.2", _hidden, _hidden);
            Map("mlp_head.4", width, _hidden);
            return;
        }

        var bound = 1 / Math.Sqrt(_hidden);
        for (var layer = 0; layer < _layers; layer++)
        {
            foreach (var suffix in new[] { $"_l{layer}", $"_l{layer}_reverse" })
            {
                Weight("weight_ih" + suffix, [4 * _hidden, layer == 0 ? width : 2 * _hidden]);
                Weight("weight_hh" + suffix, [4 * _hidden, _hidden]);
                Weight("bias_ih" + suffix, [4 * _hidden]);
                Weight("bias_hh" + suffix, [4 * _hidden]);
            }
        }

        Map("mlp_head.0", 2 * _hidden, 2 * _hidden);
        Map("mlp_head.2", width, 2 * _hidden);

        void Weight(string key, long[] shape) => _lstm.Add(AddParameter("lstm_head." + key, rng.Uniform(shape, -bound, bound)));

        void Map(string key, int outputs, int inputs)
        {
            var (weight, bias) = Init.TorchLinear(rng, outputs, inputs);
            _maps.Add((AddParameter(key + ".weight", weight), AddParameter(key + ".bias", bias)));
        }
    }

    public Tensor Generate()
    {
        var x = _lstm.Count == 0 ? _embedding.Value : Recurrent(_embedding.Value.Unsqueeze(0)).Squeeze(0);
        for (var i = 0; i < _maps.Count; i++)
        {
            x = F.Linear(i == 0 ? x : x.Relu(), _maps[i].Weight, _maps[i].Bias);
        }

        return x;
    }

    /// <summary>[1, P, W] to [1, P, 2 M].</summary>
    private Tensor Recurrent(Tensor x)
    {
        var zero = Tensor.Zeros([2L * _layers, 1, _hidden], x.DType, x.Device);
        return s_lstm.CallMany(
            x, new[] { zero, zero }, Arg.Tensors([.. _lstm.Select(p => p.Value)]),
            true, (long)_layers, 0.0, false, true, true)[0]!;
    }
}

/// <summary>Encoders by their names in lower case.</summary>
internal sealed class PromptEncoderJson() : JsonStringEnumConverter<PromptEncoderKind>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(PTuningConfig))]
internal sealed partial class PTuningJson : JsonSerializerContext;
