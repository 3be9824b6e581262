using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Methods.Core.Masks;
using Graft.Torch;

namespace Graft.Methods;

/// <summary>The settings of PROPETL's prefix.</summary>
public sealed record ProPetlPrefixConfig : MaskedConfig
{
    /// <summary>The number P of virtual tokens of each attention.</summary>
    public int Length { get; init => field = Require.Positive(value, nameof(Length)); } = 64;

    /// <summary>The width M of the reparametrisation.</summary>
    public int Bottleneck { get; init => field = Require.Positive(value, nameof(Bottleneck)); } = 512;

    /// <summary>Whether keys and values are parameters themselves, without reparametrisation; packages are stored so.</summary>
    public bool Flat { get; init; }

    /// <summary>Self-attention, cross-attention or both.</summary>
    public SiteRole Sublayers { get; init => field = Require.Roles(value, PrefixTuningConfig.Attentions, nameof(Sublayers)); } = SiteRole.SelfAttention;

    /// <summary>The dropout of the virtual tokens' keys and values.</summary>
    public double Dropout { get; init => field = Require.Probability(value, nameof(Dropout)); }

    /// <summary>The attentions in a backbone.</summary>
    internal List<KeyValueSite> Places(SiteMap sites) => [.. sites.KeyValue(Sublayers).Where(Covers)];
}

/// <summary>
/// PROPETL's prefix: one <c>P = tanh(E U₀ᵀ + c₀) U₂ᵀ + c₂</c> [P, 2 H·D], keys beside values, for all layers, of which layer l uses <c>P ∘ M^l</c>. The mask
/// acts on what the reparametrisation gives, so packages keep P and the bits; keys and values of a layer compete for the fraction k. E begins
/// N(0, 1), the maps as PyTorch's; the masks are those of <see cref="ProPetlAdapter"/>.
/// </summary>
public sealed class ProPetlPrefix : MaskedMethod<ProPetlPrefixConfig>
{
    private const string Key = "prefix";

    /// <inheritdoc/>
    public override string Name => "propetl-prefix";

    /// <inheritdoc/>
    public override string Summary => "one prefix for all layers and tasks, each under a learnt binary mask: [P_K∘M; K], [P_V∘M; V]";

    /// <inheritdoc/>
    public override double DefaultLearningRate => 5e-3;

    /// <summary>Virtual tokens take part in the softmax from the start.</summary>
    /// <inheritdoc/>
    public override bool IsIdentityAtStart(PeftConfig config) => false;

    /// <inheritdoc/>
    public override PeftConfig Stored(PeftConfig config) => (ProPetlPrefixConfig)base.Stored(config) with { Flat = true };

    /// <inheritdoc/>
    protected override ProPetlPrefixConfig Preset => new() { Kept = 0.1, ScoreRateFactor = 0.02 };

    /// <inheritdoc/>
    protected override JsonTypeInfo<ProPetlPrefixConfig> Json => ProPetlPrefixJson.Default.ProPetlPrefixConfig;

    /// <inheritdoc/>
    public override long CountStoredBits(PeftConfig config, SiteMap sites, int tasks = 1)
    {
        var prefix = (ProPetlPrefixConfig)config;
        var places = prefix.Places(sites);
        return base.CountStoredBits(config, sites, tasks) + prefix.CountMaskBits(Entries(prefix, places), places.Count, tasks);
    }

    /// <inheritdoc/>
    public override Adapter? Standalone(Adapter adapter, string task, Backbone backbone)
    {
        var config = (ProPetlPrefixConfig)adapter.Config;
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        var prototype = adapter.Prototypes<PrefixPrototype>().Single();
        var vectors = prototype.ForTask(task)[0];
        var values = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        for (var place = 0; place < vectors.Length; place++)
        {
            var path = prototype.Masks.Places[place].Path;
            (values[$"{path}.{FlatPrefixPart.KeysKey}"], values[$"{path}.{FlatPrefixPart.ValuesKey}"]) = PrefixPrototype.Halves(vectors[place]);
        }

        var ordinary = new PrefixTuningConfig(config.Length, Flat: true, Sublayers: config.Sublayers, Dropout: config.Dropout) { LeaveOut = config.LeaveOut };
        return StandaloneAdapter.Of("prefix-tuning", ordinary, task, backbone, values);
    }

    /// <inheritdoc/>
    protected override void Attach(AdapterBuilder builder, ProPetlPrefixConfig config)
    {
        var places = builder.KeyValue(config.Sublayers);
        var prototype = builder.Shared(Key, () => new PrefixPrototype(builder, Key, config, places));
        for (var place = 0; place < places.Count; place++)
        {
            builder.Put(places[place], new MaskedPrefixPart(places[place], prototype, place, config.Dropout, builder.Rng));
        }

        builder.TrainScores(Name, config, [prototype]);
    }

    /// <inheritdoc/>
    protected override long CountParameters(ProPetlPrefixConfig config, SiteMap sites, int tasks)
    {
        var places = config.Places(sites);
        if (places.Count == 0)
        {
            return 0;
        }

        var (p, m, w) = ((long)config.Length, (long)config.Bottleneck, (long)places[0].Heads * places[0].HeadSize);
        var entries = Entries(config, places);
        var prototype = config.Flat ? entries : (p * w) + (m * (w + 1)) + (2 * w * (m + 1));
        return prototype + config.CountScores(entries, places.Count, tasks);
    }

    private static long Entries(ProPetlPrefixConfig config, IReadOnlyList<KeyValueSite> places) =>
        places.Count == 0 ? 0 : 2L * config.Length * places[0].Heads * places[0].HeadSize;

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new ProPetlPrefix());
}

/// <summary>The prefix that all layers share.</summary>
internal sealed class PrefixPrototype : MaskedPrototype
{
    private const string VectorsKey = "vectors";
    private readonly PrefixGenerator? _generator;
    private readonly Parameter? _vectors;

    public PrefixPrototype(AdapterBuilder builder, string key, ProPetlPrefixConfig config, IReadOnlyList<KeyValueSite> places)
        : base(builder, key, config, Described(config, places[0]), places)
    {
        var width = places[0].Heads * places[0].HeadSize;
        if (config.Flat)
        {
            _vectors = AddParameter(VectorsKey, builder.Rng.Normal([config.Length, 2L * width]));
        }
        else
        {
            _generator = AddChild("generator", new PrefixGenerator(config.Length, width, config.Bottleneck, 1, "tanh", PrefixInit.Torch, builder.Rng));
        }
    }

    /// <summary>Keys and values of one layer, [P, H·D] each.</summary>
    public static (Tensor Keys, Tensor Values) Halves(Tensor vectors)
    {
        var width = vectors.Size(1) / 2;
        return (vectors.Narrow(1, 0, width), vectors.Narrow(1, width, width));
    }

    public override IEnumerable<(string Key, Tensor Value)> Generate() => base.Generate().Append((VectorsKey, Vectors()));

    protected override IReadOnlyList<Tensor> Weights() => [Vectors()];

    private Tensor Vectors() => _generator?.Generate() ?? _vectors!.Value;

    private static MaskedMatrix[] Described(ProPetlPrefixConfig config, KeyValueSite site)
    {
        var columns = 2L * site.Heads * site.HeadSize;
        return [new("vectors", config.Length, columns, 1 / Math.Sqrt(config.Length * columns))];
    }
}

/// <summary>The shared prefix as one attention uses it.</summary>
internal sealed class MaskedPrefixPart(KeyValueSite site, PrefixPrototype prototype, int place, double dropout, Rng rng)
    : PrefixPart(site, GateMode.None, dropout, rng)
{
    protected override (Tensor Keys, Tensor Values) Vectors(RowGroup rows) => PrefixPrototype.Halves(prototype.Matrix(rows, 0, place));
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ProPetlPrefixConfig))]
internal sealed partial class ProPetlPrefixJson : JsonSerializerContext;
