using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Methods;

/// <summary>The settings of prefix tuning.</summary>
/// <param name="Length">The number P of virtual tokens of each attention; 0 for none.</param>
/// <param name="Bottleneck">The width M of the reparametrisation.</param>
/// <param name="Flat">Whether keys and values are parameters themselves, without reparametrisation; packages are stored so.</param>
/// <param name="Activation">The activation of the reparametrisation.</param>
/// <param name="Sublayers">Self-attention, cross-attention or both.</param>
/// <param name="Encoder">Whether encoder stacks get virtual tokens too.</param>
/// <param name="Gate">Whether and how keys and values of the virtual tokens are gated.</param>
/// <param name="ShiftPositions">Whether the text's positions begin at P, as when a prefix is handed over as past keys and values.</param>
/// <param name="Dropout">The dropout of the virtual tokens' keys and values.</param>
/// <param name="Init">How parameters start.</param>
public sealed record PrefixTuningConfig(
    int Length = 30, int Bottleneck = 512, bool Flat = false, string Activation = "tanh", SiteRole Sublayers = SiteRole.SelfAttention,
    bool Encoder = true, GateMode Gate = GateMode.None, bool ShiftPositions = false, double Dropout = 0, PrefixInit Init = PrefixInit.Torch)
    : LayeredConfig, IGated
{
    /// <summary>The number P of virtual tokens.</summary>
    public int Length { get; init => field = Require.NotNegative(value); } = Require.NotNegative(Length);

    /// <summary>The width M of the reparametrisation.</summary>
    public int Bottleneck { get; init => field = Require.Positive(value); } = Require.Positive(Bottleneck);

    /// <summary>Whether keys and values are parameters themselves.</summary>
    public bool Flat { get; init; } = Flat;

    /// <summary>The activation of the reparametrisation.</summary>
    public string Activation { get; init => field = Require.OneOf(value, Activations.Names); } = Require.OneOf(Activation, Activations.Names);

    /// <summary>Self-attention, cross-attention or both.</summary>
    public SiteRole Sublayers { get; init => field = Require.Roles(value, Attentions); } = Require.Roles(Sublayers, Attentions);

    /// <summary>Whether encoder stacks get virtual tokens too.</summary>
    public bool Encoder { get; init; } = Encoder;

    /// <inheritdoc/>
    public GateMode Gate { get; init; } = Gate;

    /// <summary>Whether the text's positions begin at P.</summary>
    public bool ShiftPositions { get; init; } = ShiftPositions;

    /// <summary>The dropout of the virtual tokens' keys and values.</summary>
    public double Dropout { get; init => field = Require.Probability(value); } = Require.Probability(Dropout);

    /// <summary>How parameters start.</summary>
    public PrefixInit Init { get; init; } = Init;

    internal const SiteRole Attentions = SiteRole.SelfAttention | SiteRole.CrossAttention;

    /// <inheritdoc/>
    public override bool Covers(Site site) => base.Covers(site) && (Encoder || site.Stack != StackKind.Encoder);
}

/// <summary>
/// Prefix tuning: virtual keys P_K and values P_V [P, H·D] in front of those of each attention; queries are unchanged. While training they
/// come from <c>[P_K, P_V]_l = slices 2l, 2l + 1 of tanh(E U₀ᵀ + c₀) U₂ᵀ + c₂</c>, E [P, H·D], shared by the L layers of a location (encoder,
/// decoder, cross-attention); packages keep the keys and values. A gate g multiplies both, <c>softmax(Q [g P_K; K]ᵀ / √D) [g P_V; V]</c>.
/// </summary>
public sealed class PrefixTuning : PeftMethod<PrefixTuningConfig>
{
    /// <inheritdoc/>
    public override string Name => "prefix-tuning";

    /// <inheritdoc/>
    public override string Summary => "virtual keys and values in front of each attention: [P_K; K], [P_V; V], from an MLP while training";

    /// <inheritdoc/>
    public override string Source => "Li and Liang 2021, arXiv 2101.00190, sections 4.2 and 4.3";

    /// <inheritdoc/>
    protected override JsonTypeInfo<PrefixTuningConfig> Json => PrefixTuningJson.Default.PrefixTuningConfig;

    /// <summary>Virtual tokens take part in the softmax from the start, so only an empty prefix is the backbone.</summary>
    /// <inheritdoc/>
    public override bool IsIdentityAtStart(PeftConfig config) => config is PrefixTuningConfig { Length: 0 };

    /// <inheritdoc/>
    public override int PositionsTaken(PeftConfig config) => config is PrefixTuningConfig { ShiftPositions: true } c ? c.Length : 0;

    /// <inheritdoc/>
    public override PeftConfig Stored(PeftConfig config) => config is PrefixTuningConfig { Flat: false } prefix ? prefix with { Flat = true } : config;

    /// <inheritdoc/>
    protected override void Attach(AdapterBuilder builder, PrefixTuningConfig config)
    {
        if (config.Length == 0)
        {
            return;
        }

        if (config.ShiftPositions)
        {
            PrefixPart.ShiftPositions(builder, config.Length);
        }

        foreach (var location in builder.KeyValue(config.Sublayers).GroupBy(Location))
        {
            var sites = location.ToList();
            if (config.Flat)
            {
                sites.ForEach(s => builder.Put(s, new FlatPrefixPart(s, config.Length, config.Init, config.Gate, config.Dropout, builder.Rng)));
                continue;
            }

            var generator = builder.Shared("prefix." + location.Key, () => new PrefixGenerator(
                config.Length, sites[0].Heads * sites[0].HeadSize, config.Bottleneck, sites.Count, config.Activation, config.Init, builder.Rng));
            builder.Prepare((pass, _) => pass.Set(generator, generator.Generate()));
            for (var i = 0; i < sites.Count; i++)
            {
                builder.Put(sites[i], new GeneratedPrefixPart(sites[i], generator, i, config.Gate, config.Dropout, builder.Rng));
            }
        }
    }

    /// <inheritdoc/>
    protected override long CountParameters(PrefixTuningConfig config, SiteMap sites, int tasks)
    {
        if (config.Length == 0)
        {
            return 0;
        }

        var (p, m) = ((long)config.Length, (long)config.Bottleneck);
        return sites.KeyValue(config.Sublayers).Where(config.Covers).GroupBy(Location).Sum(location =>
        {
            var (layers, w) = (location.Count(), location.First().Heads * location.First().HeadSize);
            var prefix = config.Flat ? layers * 2 * p * w : (p * w) + (w * m) + m + (2L * layers * w * (m + 1));
            return prefix + (layers * Graft.Methods.Core.Gate.Count(location.First().Width, config.Gate));
        });
    }

    private static string Location(KeyValueSite site) => site switch
    {
        { Role: SiteRole.CrossAttention } => "cross",
        { Stack: StackKind.Decoder } => "decoder",
        _ => "encoder",
    };

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new PrefixTuning());
}

/// <summary>A prefix of keys and values from a generator that its layers share.</summary>
internal sealed class GeneratedPrefixPart(
    KeyValueSite site, PrefixGenerator generator, int layer, GateMode gate, double dropout, Rng rng)
    : PrefixPart(site, gate, dropout, rng), IGenerated
{
    public IEnumerable<(string Key, Tensor Value)> Generate()
    {
        var (keys, values) = generator.Slice(generator.Generate(), layer);
        return [(FlatPrefixPart.KeysKey, keys), (FlatPrefixPart.ValuesKey, values)];
    }

    protected override (Tensor Keys, Tensor Values) Vectors(RowGroup rows) => generator.Slice(rows.Pass.Get<Tensor>(generator), layer);
}

/// <summary>The reparametrisation <c>f(E U₀ᵀ + c₀) U₂ᵀ + c₂</c>: [P, 2·L·W], the keys of layer l in slice 2l and its values in slice 2l + 1.</summary>
internal sealed class PrefixGenerator : Module
{
    private readonly Parameter _embedding;
    private readonly Parameter _innerWeight;
    private readonly Parameter _innerBias;
    private readonly Parameter _outerWeight;
    private readonly Parameter _outerBias;
    private readonly Func<Tensor, Tensor> _activation;
    private readonly int _width;

    public PrefixGenerator(int length, int width, int bottleneck, int layers, string activation, PrefixInit init, Rng rng)
    {
        (_width, _activation) = (width, Activations.Get(activation));
        _embedding = AddParameter("embedding.weight", rng.Normal([length, width], 0, init == PrefixInit.Torch ? 1 : 0.02));
        (_innerWeight, _innerBias) = Linear("mlp.0", bottleneck, width);
        (_outerWeight, _outerBias) = Linear("mlp.2", 2L * layers * width, bottleneck);

        (Parameter Weight, Parameter Bias) Linear(string key, long outputs, long inputs)
        {
            var (weight, bias) = init == PrefixInit.Torch
                ? Core.Init.TorchLinear(rng, outputs, inputs)
                : (rng.Normal([outputs, inputs], 0, 0.02), Tensor.Zeros([outputs], DType.Float32, Device.Cpu));
            return (AddParameter(key + ".weight", weight), AddParameter(key + ".bias", bias));
        }
    }

    public Tensor Generate() => F.Linear(_activation(F.Linear(_embedding, _innerWeight, _innerBias)), _outerWeight, _outerBias);

    public (Tensor Keys, Tensor Values) Slice(Tensor generated, int layer) =>
        (generated.Narrow(1, 2L * layer * _width, _width), generated.Narrow(1, ((2L * layer) + 1) * _width, _width));
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(PrefixTuningConfig))]
internal sealed partial class PrefixTuningJson : JsonSerializerContext;
