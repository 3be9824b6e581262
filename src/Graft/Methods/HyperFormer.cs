using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Methods.Core.Bottlenecks;
using Graft.Methods.Core.Hypernetworks;
using Graft.Torch;

namespace Graft.Methods;

/// <summary>The settings of HyperFormer and HyperFormer++.</summary>
/// <param name="SharedHeads">Whether one set of heads generates the adapters of all sublayers, told apart by an embedding of the position (++).</param>
/// <param name="Embedding">The width E of the embeddings of tasks, blocks and positions.</param>
/// <param name="Hidden">The width of the hidden layer.</param>
/// <param name="Features">The width of what the heads read.</param>
/// <param name="ReductionFactor">The model's width divided by the adapters': M = ⌊W / factor⌋, at least 1.</param>
/// <param name="Activation">The activation of the adapters, by the names of <c>config.json</c>.</param>
/// <param name="Norm">Whether each adapter ends with a generated norm.</param>
/// <param name="TrainNorms">Whether all norms of the backbone train too, for all tasks together.</param>
/// <param name="Sublayers">The sublayers with an adapter.</param>
/// <param name="GeneratorRateFactor">What the run's learning rate is multiplied by for the hypernetworks and their embeddings of blocks and positions.</param>
public sealed record HyperFormerConfig(
    bool SharedHeads = false, int Embedding = 64, int Hidden = 128, int Features = 64, double ReductionFactor = 32, string Activation = "gelu_new",
    bool Norm = true, bool TrainNorms = true, SiteRole Sublayers = SiteRole.SelfAttention | SiteRole.FeedForward,
    double GeneratorRateFactor = 0.03) : LayeredConfig
{
    // The order of the authors' position embeddings; cross-attention has none there.
    private static readonly SiteRole[] s_positions = [SiteRole.FeedForward, SiteRole.SelfAttention, SiteRole.CrossAttention];

    /// <summary>The width E of embeddings.</summary>
    public int Embedding { get; init => field = Require.Positive(value); } = Require.Positive(Embedding);

    /// <summary>The width of the hidden layer.</summary>
    public int Hidden { get; init => field = Require.Positive(value); } = Require.Positive(Hidden);

    /// <summary>The width of what the heads read.</summary>
    public int Features { get; init => field = Require.Positive(value); } = Require.Positive(Features);

    /// <summary>The model's width divided by the adapters'.</summary>
    public double ReductionFactor { get; init => field = Require.Positive(value); } = Require.Positive(ReductionFactor);

    /// <summary>The activation of the adapters.</summary>
    public string Activation { get; init => field = Require.OneOf(value, Activations.Names); } = Require.OneOf(Activation, Activations.Names);

    /// <summary>The sublayers with an adapter.</summary>
    public SiteRole Sublayers { get; init => field = Require.Roles(value, SiteRole.AllSublayers, nameof(Sublayers)); } = Require.Roles(Sublayers, SiteRole.AllSublayers);

    /// <summary>What the run's learning rate is multiplied by for the hypernetworks.</summary>
    public double GeneratorRateFactor { get; init => field = Require.Positive(value); } = Require.Positive(GeneratorRateFactor);

    /// <summary>The sites of each stack with their blocks and positions, both numbered from 0 among those with adapters.</summary>
    internal IEnumerable<(StackKind Stack, NetworkShape Shape, IReadOnlyList<(HiddenSite Site, int Layer, int Position)> Places)> Networks(SiteMap sites)
    {
        foreach (var stack in sites.Hidden(Sublayers).Where(Covers).GroupBy(s => s.Stack))
        {
            var layers = stack.Select(s => s.Layer).Distinct().Order().ToList();
            var positions = s_positions.Where(p => stack.Any(s => s.Sublayer == p)).ToList();
            yield return (
                stack.Key,
                new NetworkShape(
                    layers.Count, positions.Count, SharedHeads, Embedding, Hidden, Features, stack.First().Width,
                    Adapters(new BottleneckConfig()).Width(stack.First()), Norm),
                [.. stack.Select(s => (s, layers.IndexOf(s.Layer), positions.IndexOf(s.Sublayer)))]);
        }
    }

    /// <summary>The settings of ordinary adapters that are shaped like the generated ones.</summary>
    internal BottleneckConfig Adapters(BottleneckConfig defaults) => defaults with
    {
        Sublayers = Sublayers,
        ReductionFactor = ReductionFactor,
        Activation = Activation,
        OwnNormAfter = Norm,
        TrainNorms = false,
        LeaveOut = LeaveOut,
    };

    /// <summary>The settings of the norms that train.</summary>
    internal UnionPart Norms() => UnionPart.Of<LayerNormTuningConfig>("ln-tuning", d => d with { LeaveOut = LeaveOut });
}

/// <summary>
/// HyperFormer: hypernetworks generate the adapters after attention and feed-forward from an embedding z_t of the task and e_l of the block, each
/// sublayer's by heads of its own, <c>A(a) = LN(U gelu(D a + b_D) + b_U; γ, β) + a</c>, and all norms of the backbone train. Every stack has a
/// hypernetwork; tasks' embeddings are common to them.
/// </summary>
public class HyperFormer : PeftMethod<HyperFormerConfig>
{
    /// <inheritdoc/>
    public override string Name => "hyperformer";

    /// <inheritdoc/>
    public override string Summary => "adapters generated from embeddings of task and block, heads per sublayer: a + LN(U(z,e)·gelu(D(z,e)·a))";

    /// <inheritdoc/>
    public override string Source => "Karimi Mahabadi et al. 2021, arXiv 2106.04489, section 2.3; the authors' code";

    /// <inheritdoc/>
    public sealed override bool SharesAcrossTasks => true;

    /// <summary>
    /// The rate of heads and of adapters that are not generated. The hypernetwork takes a part of it (see the settings), since an update moves a generated
    /// weight by tens of times as much as one that trains itself.
    /// </summary>
    /// <inheritdoc/>
    public override double DefaultLearningRate => 1e-3;

    /// <summary>The generated gains start near zero and not at it.</summary>
    /// <inheritdoc/>
    public sealed override bool IsIdentityAtStart(PeftConfig config) => false;

    /// <summary>A batch may have no row of some task.</summary>
    /// <inheritdoc/>
    public sealed override bool MayRest(PeftConfig config) => true;

    /// <inheritdoc/>
    protected sealed override JsonTypeInfo<HyperFormerConfig> Json => HyperFormerJson.Default.HyperFormerConfig;

    /// <summary>Bottlenecks with norms of their own; a union with trained norms where the backbone's train.</summary>
    /// <inheritdoc/>
    public sealed override Adapter? Standalone(Adapter adapter, string task, Backbone backbone)
    {
        var config = (HyperFormerConfig)adapter.Config;
        var adapters = UnionPart.Of<BottleneckConfig>("houlsby", config.Adapters);
        return config.TrainNorms
            ? Hypernetworks.Export(adapter, task, backbone, "union", new MethodUnionConfig { Parts = new([adapters, config.Norms()]) })
            : Hypernetworks.Export(adapter, task, backbone, adapters.Method.Name, adapters.Config);
    }

    /// <inheritdoc/>
    protected sealed override void Attach(AdapterBuilder builder, HyperFormerConfig config)
    {
        _ = builder.Hidden(config.Sublayers);
        var rng = builder.Rng;
        var tasks = builder.TaskVectors("embedding", () => rng.Normal([config.Embedding], 0, 1));
        foreach (var (stack, shape, places) in config.Networks(builder.Backbone.Sites))
        {
            var network = builder.Shared(stack == StackKind.Encoder ? "encoder" : "decoder", () => new BottleneckNetwork(
                shape, tasks, (rows, columns) => (rng.Normal([rows, columns], 0, 0.01), Tensor.Zeros([rows])),
                (rows, _) => rng.Normal([rows, config.Features], 0, 0.01), rng));
            builder.GenerateOncePerTask(network);
            builder.Group(new AdapterGroup($"{Name}.{stack}".ToLowerInvariant(), [.. network.Parameters()]) { Factor = config.GeneratorRateFactor });
            foreach (var (site, layer, position) in places)
            {
                builder.Put(site, new GeneratedPart(network, network.Place(layer, position), Activations.Get(config.Activation), GeneratedPlacement.Serial));
            }
        }

        if (config.TrainNorms)
        {
            builder.Attach(config.Norms().Method, config.Norms().Config);
        }
    }

    /// <inheritdoc/>
    protected sealed override long CountParameters(HyperFormerConfig config, SiteMap sites, int tasks) =>
        config.Networks(sites).Sum(n => n.Shape.Count()) + ((long)tasks * config.Embedding)
        + (config.TrainNorms ? config.Norms().Method.CountParameters(config.Norms().Config, sites) : 0);

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new HyperFormer());
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(HyperFormerConfig))]
internal sealed partial class HyperFormerJson : JsonSerializerContext;
