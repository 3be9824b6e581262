using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Methods.Core.Bottlenecks;
using Graft.Methods.Core.Masks;
using Graft.Torch;

namespace Graft.Methods;

/// <summary>Of which layout's fan-in the range is in which scores begin.</summary>
[JsonConverter(typeof(ScoreLayoutJson))]
public enum ScoreLayout
{
    /// <summary>The transposed matrix, ± 1/√M for D and ± 1/√W for U: the authors' code for RoBERTa.</summary>
    Transposed,

    /// <summary>The matrix itself, ± 1/√W for D and ± 1/√M for U: the authors' code for T5.</summary>
    Weight,
}

/// <summary>The settings of PROPETL's adapter.</summary>
public sealed record ProPetlAdapterConfig : MaskedConfig
{
    /// <summary>The sublayers with the adapter.</summary>
    public SiteRole Sublayers { get; init => field = Require.Roles(value, SiteRole.AllSublayers, nameof(Sublayers)); } = SiteRole.FeedForward;

    /// <summary>The model's width divided by the bottleneck's: M = ⌊W / factor⌋, at least 1.</summary>
    public double ReductionFactor { get; init => field = Require.Positive(value, nameof(ReductionFactor)); } = 12;

    /// <summary>The activation between the projections, by the names of <c>config.json</c>.</summary>
    public string Activation { get; init => field = Require.OneOf(value, Activations.Names, nameof(Activation)); } = "relu";

    /// <summary>The deviation of the normal distribution that the prototype's weights begin with.</summary>
    public double Deviation { get; init => field = Require.NotNegative(value, nameof(Deviation)); } = 0.02;

    /// <summary>Of which layout's fan-in the range is in which scores begin.</summary>
    public ScoreLayout ScoreLayout { get; init; }

    /// <summary>The adapter of each place, apart from its weights.</summary>
    internal BottleneckConfig Bottleneck() => new()
    {
        Sublayers = Sublayers, ReductionFactor = ReductionFactor, Activation = Activation, NormBefore = true, LeaveOut = LeaveOut,
    };

    /// <summary>The places in a backbone.</summary>
    internal List<HiddenSite> Places(SiteMap sites) => [.. sites.Hidden(Sublayers).Where(Covers)];
}

/// <summary>
/// PROPETL's adapter: one bottleneck D [M, W], U [W, M], b_D, b_U for all layers, of which layer l uses <c>D ∘ M_D^l</c> and <c>U ∘ M_U^l</c> with binary
/// masks of the largest fraction k of its scores: <c>a' = a + (U ∘ M_U) φ((D ∘ M_D) LN(a + x) + b_D) + b_U</c> after each feed-forward, then the
/// backbone's own <c>LN(a' + x)</c>; pre-norm backbones give the adapter a + x. With several tasks the mask is that of the layer or the task,
/// <c>1 - (1 - M^t)(1 - M^l)</c>. Weights begin N(0, 0.02), biases zero; scores learn straight through at a rate of their own.
/// </summary>
public sealed class ProPetlAdapter : MaskedMethod<ProPetlAdapterConfig>
{
    private const string Key = "adapter";

    /// <inheritdoc/>
    public override string Name => "propetl-adapter";

    /// <inheritdoc/>
    public override string Summary => "one bottleneck adapter for all layers and tasks, each under a learnt binary mask: a + (U∘M)·φ((D∘M)·LN(a + x))";

    /// <inheritdoc/>
    public override double DefaultLearningRate => 3e-3;

    /// <inheritdoc/>
    public override bool IsIdentityAtStart(PeftConfig config) => false;

    /// <inheritdoc/>
    protected override ProPetlAdapterConfig Preset => new() { Kept = 0.5, ScoreRateFactor = 1 };

    /// <inheritdoc/>
    protected override JsonTypeInfo<ProPetlAdapterConfig> Json => ProPetlAdapterJson.Default.ProPetlAdapterConfig;

    /// <inheritdoc/>
    public override long CountStoredBits(PeftConfig config, SiteMap sites, int tasks = 1)
    {
        var adapter = (ProPetlAdapterConfig)config;
        var places = adapter.Places(sites);
        return base.CountStoredBits(config, sites, tasks) + adapter.CountMaskBits(Entries(adapter, places), places.Count, tasks);
    }

    /// <inheritdoc/>
    public override Adapter? Standalone(Adapter adapter, string task, Backbone backbone)
    {
        var config = (ProPetlAdapterConfig)adapter.Config;
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        var prototype = adapter.Prototypes<AdapterPrototype>().Single();
        var matrices = prototype.ForTask(task);
        var values = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        for (var place = 0; place < prototype.Masks.Places.Count; place++)
        {
            for (var m = 0; m < matrices.Length; m++)
            {
                var path = $"{prototype.Masks.Places[place].Path}.{prototype.Masks.Matrices[m].Name}";
                values[path + ".weight"] = matrices[m][place];
                values[path + ".bias"] = prototype.Bias(m);
            }
        }

        return StandaloneAdapter.Of("pfeiffer", config.Bottleneck(), task, backbone, values);
    }

    /// <inheritdoc/>
    protected override void Attach(AdapterBuilder builder, ProPetlAdapterConfig config)
    {
        var places = builder.Hidden(config.Sublayers);
        var prototype = builder.Shared(Key, () => new AdapterPrototype(builder, Key, config, places));
        var bottleneck = config.Bottleneck();
        for (var place = 0; place < places.Count; place++)
        {
            builder.Put(places[place], new BottleneckPart(
                places[place], bottleneck, new MaskedProjection(prototype, 0, place), new MaskedProjection(prototype, 1, place), builder.Rng));
        }

        builder.TrainScores(Name, config, [prototype]);
    }

    /// <inheritdoc/>
    protected override long CountParameters(ProPetlAdapterConfig config, SiteMap sites, int tasks)
    {
        var places = config.Places(sites);
        if (places.Count == 0)
        {
            return 0;
        }

        var entries = Entries(config, places);
        return entries + config.Bottleneck().Width(places[0]) + places[0].Width + config.CountScores(entries, places.Count, tasks);
    }

    private static long Entries(ProPetlAdapterConfig config, IReadOnlyList<HiddenSite> places) =>
        places.Count == 0 ? 0 : 2L * places[0].Width * config.Bottleneck().Width(places[0]);

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new ProPetlAdapter());
}

/// <summary>The bottleneck that all layers share.</summary>
internal sealed class AdapterPrototype : MaskedPrototype
{
    private readonly Parameter[] _weights;
    private readonly Parameter[] _biases;

    public AdapterPrototype(AdapterBuilder builder, string key, ProPetlAdapterConfig config, IReadOnlyList<HiddenSite> places)
        : base(builder, key, config, Described(config, places[0]), places)
    {
        _weights = [.. Masks.Matrices.Select(m => AddParameter(m.Name + ".weight", builder.Rng.Normal([m.Rows, m.Columns], 0, config.Deviation)))];
        _biases = [.. Masks.Matrices.Select(m => AddParameter(m.Name + ".bias", Tensor.Zeros([m.Rows])))];
    }

    /// <summary>The type of the parameters.</summary>
    public DType DType => _weights[0].Value.DType;

    /// <summary>b_D or b_U, which all layers share unmasked.</summary>
    public Tensor Bias(int matrix) => _biases[matrix];

    protected override IReadOnlyList<Tensor> Weights() => [.. _weights.Select(w => w.Value)];

    private static MaskedMatrix[] Described(ProPetlAdapterConfig config, HiddenSite site)
    {
        var (w, m) = (site.Width, config.Bottleneck().Width(site));
        var (narrow, wide) = (1 / Math.Sqrt(m), 1 / Math.Sqrt(w));
        return config.ScoreLayout == ScoreLayout.Transposed
            ? [new("down", m, w, narrow), new("up", w, m, wide)]
            : [new("down", m, w, wide), new("up", w, m, narrow)];
    }
}

/// <summary>One of the two projections of a prototype, as one place uses it.</summary>
internal sealed class MaskedProjection(AdapterPrototype prototype, int matrix, int place) : Projection
{
    public override DType DType => prototype.DType;

    public override Tensor Forward(RowGroup rows, Tensor x) => F.Linear(x, prototype.Matrix(rows, matrix, place), prototype.Bias(matrix));
}

/// <summary>Layouts by their names.</summary>
internal sealed class ScoreLayoutJson() : JsonStringEnumConverter<ScoreLayout>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ProPetlAdapterConfig))]
internal sealed partial class ProPetlAdapterJson : JsonSerializerContext;
