using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Methods.Core.Bottlenecks;
using Graft.Methods.Core.Hypernetworks;
using Graft.Torch;

namespace Graft.Methods;

/// <summary>Which blocks have generated adapters; the others have ordinary ones that all tasks share.</summary>
[JsonConverter(typeof(PhaLayoutJson))]
public enum PhaLayout
{
    /// <summary>As <see cref="Split"/>.</summary>
    Auto,

    /// <summary>The decoder of an encoder-decoder, as in the authors' code; of a single stack the upper half.</summary>
    Split,

    /// <summary>Every block of every stack.</summary>
    Generated,
}

/// <summary>Which states the retriever reads.</summary>
[JsonConverter(typeof(PhaStatesJson))]
public enum PhaStates
{
    /// <summary>The last ones that no generated adapter has touched, so that a row's vector does not depend on the task it is taken for.</summary>
    Shared,

    /// <summary>The last ones of the encoder.</summary>
    Last,
}

/// <summary>The settings of PHA.</summary>
/// <param name="Bottleneck">The width M of generated adapters.</param>
/// <param name="OrdinaryBottleneck">The width of the ordinary adapters that all tasks share.</param>
/// <param name="Dimension">The width E of prototypes, of rows' vectors, of blocks' embeddings and of the hypernetwork's features.</param>
/// <param name="Hidden">The width of the hidden layers of hypernetwork and retriever.</param>
/// <param name="Activation">The activation of all adapters, by the names of <c>config.json</c>.</param>
/// <param name="Layout">Which blocks have generated adapters.</param>
/// <param name="RetrieverStates">Which states the retriever reads.</param>
/// <param name="Temperature">τ of both contrastive losses.</param>
/// <param name="InstanceWeight">The weight of the loss between rows; without it and the next there is no retriever.</param>
/// <param name="PrototypeWeight">The weight of the loss between rows and prototypes.</param>
/// <param name="GeneratorRateFactor">What the run's learning rate is multiplied by for the hypernetwork and its embeddings of blocks.</param>
/// <param name="PrototypeRateFactor">What the run's learning rate is multiplied by for the prototypes.</param>
public sealed record PhaConfig(
    int Bottleneck = 64, int OrdinaryBottleneck = 64, int Dimension = 64, int Hidden = 128, string Activation = "relu",
    PhaLayout Layout = PhaLayout.Auto, PhaStates RetrieverStates = PhaStates.Shared,
    double Temperature = 0.1, double InstanceWeight = 0.1, double PrototypeWeight = 0.1,
    double GeneratorRateFactor = 0.3, double PrototypeRateFactor = 10) : LayeredConfig
{
    /// <summary>The width M of generated adapters.</summary>
    public int Bottleneck { get; init => field = Require.Positive(value); } = Require.Positive(Bottleneck);

    /// <summary>The width of ordinary adapters.</summary>
    public int OrdinaryBottleneck { get; init => field = Require.Positive(value); } = Require.Positive(OrdinaryBottleneck);

    /// <summary>The width E of prototypes and embeddings.</summary>
    public int Dimension { get; init => field = Require.Positive(value); } = Require.Positive(Dimension);

    /// <summary>The width of hidden layers.</summary>
    public int Hidden { get; init => field = Require.Positive(value); } = Require.Positive(Hidden);

    /// <summary>The activation of all adapters.</summary>
    public string Activation { get; init => field = Require.OneOf(value, Activations.Names); } = Require.OneOf(Activation, Activations.Names);

    /// <summary>τ of both contrastive losses.</summary>
    public double Temperature { get; init => field = Require.Positive(value); } = Require.Positive(Temperature);

    /// <summary>The weight of the loss between rows.</summary>
    public double InstanceWeight { get; init => field = Require.NotNegative(value); } = Require.NotNegative(InstanceWeight);

    /// <summary>The weight of the loss between rows and prototypes.</summary>
    public double PrototypeWeight { get; init => field = Require.NotNegative(value); } = Require.NotNegative(PrototypeWeight);

    /// <summary>What the run's learning rate is multiplied by for the hypernetwork.</summary>
    public double GeneratorRateFactor { get; init => field = Require.Positive(value); } = Require.Positive(GeneratorRateFactor);

    /// <summary>What the run's learning rate is multiplied by for the prototypes.</summary>
    public double PrototypeRateFactor { get; init => field = Require.Positive(value); } = Require.Positive(PrototypeRateFactor);

    /// <summary>Whether there is a retriever.</summary>
    internal bool Retrieves => InstanceWeight > 0 || PrototypeWeight > 0;

    /// <summary>The blocks with generated adapters and those with ordinary ones.</summary>
    internal (IReadOnlyList<HiddenSite> Generated, IReadOnlyList<HiddenSite> Ordinary) Places(SiteMap sites)
    {
        var all = sites.Hidden(SiteRole.FeedForward).ToList();
        var stacks = all.Select(s => s.Stack).Distinct().Count();
        var upper = all.Count == 0 ? 0 : (all.Max(s => s.Layer) + 1) / 2;
        var generated = all.ToLookup(s => Layout == PhaLayout.Generated || (stacks > 1 ? s.Stack == StackKind.Decoder : s.Layer >= upper));
        return ([.. generated[true].Where(Covers)], [.. generated[false].Where(Covers)]);
    }

    internal NetworkShape Shape(IReadOnlyList<HiddenSite> generated) =>
        new(generated.Count, 1, true, Dimension, Hidden, Dimension, generated[0].Width, Bottleneck, false);

    /// <summary>The settings of an ordinary adapter of width M.</summary>
    internal BottleneckConfig Ordinary(BottleneckConfig defaults, int width, int bottleneck) => defaults with
    {
        // ⌊W / (W / M)⌋ may come out as M - 1 by rounding, ⌊W / (W / (M + 1/2))⌋ never does.
        ReductionFactor = width % bottleneck == 0 ? width / bottleneck : width / (bottleneck + 0.5),
        Activation = Activation,
        Scaling = AdapterScaling.One,
        LeaveOut = LeaveOut,
    };
}

/// <summary>
/// PHA, the prototype-based hyperadapter. A hypernetwork generates adapters beside the feed-forward sublayers from a prototype k_t of each task and
/// an embedding e_l of each block, <c>A(x) = U relu(D x + b_D) + b_U</c>; the other blocks have ordinary adapters that all tasks share. A retriever maps
/// each training row to a vector z, and two contrastive losses draw z to the rows and the prototype of its task.
/// </summary>
public class Pha : PeftMethod<PhaConfig>, IRetrievesTasks, IPlacesRows
{
    private const string Prototype = "prototype";

    /// <inheritdoc/>
    public override string Name => "pha";

    /// <inheritdoc/>
    public override string Summary => "adapters generated from a prototype per task, with contrastive losses: a + U(k_t)·relu(D(k_t)·u)";

    /// <inheritdoc/>
    public override string Source => "Zhao et al. 2023, arXiv 2310.11670; the authors' code";

    /// <inheritdoc/>
    public sealed override bool SharesAcrossTasks => true;

    /// <summary>
    /// The rate of heads and of adapters that are not generated. The hypernetwork takes a part of it and prototypes a multiple (see the settings), since an update moves a generated
    /// weight by tens of times as much as one that trains itself. It is the authors' 3e-4: on a hundred rows a task 1e-3 is a little better, and on thousands it may collapse to a guess.
    /// </summary>
    /// <inheritdoc/>
    public override double DefaultLearningRate => 3e-4;

    /// <summary>Generated weights start small and not at zero.</summary>
    /// <inheritdoc/>
    public sealed override bool IsIdentityAtStart(PeftConfig config) => false;

    /// <summary>A batch may have no two rows of one task, and none of some task.</summary>
    /// <inheritdoc/>
    public sealed override bool MayRest(PeftConfig config) => true;

    /// <inheritdoc/>
    protected sealed override JsonTypeInfo<PhaConfig> Json => PhaJson.Default.PhaConfig;

    /// <inheritdoc/>
    public sealed override Adapter? Standalone(Adapter adapter, string task, Backbone backbone)
    {
        var config = (PhaConfig)adapter.Config;
        var (generated, ordinary) = config.Places(backbone.Sites);
        var bottleneck = ordinary.Count > 0 ? Math.Max(config.Bottleneck, config.OrdinaryBottleneck) : config.Bottleneck;
        var parallel = UnionPart.Of<BottleneckConfig>("parallel", d => config.Ordinary(d, generated[0].Width, bottleneck));
        return Hypernetworks.Export(adapter, task, backbone, parallel.Method.Name, parallel.Config);
    }

    /// <inheritdoc/>
    public sealed override IReadOnlyList<MethodPicture> Pictures(Adapter adapter, IReadOnlyDictionary<string, double> observed) =>
        PrototypePictures.Of(adapter, Prototypes(adapter), observed);

    /// <inheritdoc/>
    public bool Retrieves(PeftConfig config) => ((PhaConfig)config).Retrieves;

    /// <inheritdoc/>
    public double Temperature(PeftConfig config) => ((PhaConfig)config).Temperature;

    /// <summary>The cosines of the rows' vectors with the prototypes; where vectors depend on the task, each task's are taken for that task.</summary>
    /// <inheritdoc/>
    public IReadOnlyList<double[]> Similarities(Adapter adapter, Backbone backbone, BackboneInput rows, IReadOnlyList<string> tasks)
    {
        // Of states that no generated adapter has touched, a row's vector is the same for whichever task it is taken.
        if (((PhaConfig)adapter.Config).RetrieverStates == PhaStates.Shared)
        {
            return RetrieverLoss.Cosines(adapter, backbone, rows, tasks[0], tasks);
        }

        var each = tasks.Select(t => RetrieverLoss.Cosines(adapter, backbone, rows, t, [t])).ToList();
        return [.. each[0].Select((_, row) => each.Select(task => task[row][0]).ToArray())];
    }

    /// <inheritdoc/>
    public IReadOnlyList<MethodPicture> Pictures(Adapter adapter, Backbone backbone, IReadOnlyList<TaskRows> rows) => !Retrieves(adapter.Config) ? []
        : PrototypePictures.Plane(
            adapter, Prototypes(adapter), [.. rows.Select(r => (r.Task, RetrieverLoss.Cosines(adapter, backbone, r.Batch, r.Task, adapter.Tasks)))]);

    /// <inheritdoc/>
    protected sealed override void Attach(AdapterBuilder builder, PhaConfig config)
    {
        var (generated, ordinary) = config.Places(builder.Backbone.Sites);
        if (generated.Count == 0)
        {
            throw new GraftException($"{Name} generates no adapter with these settings, since every such block is left out; leave out fewer blocks.");
        }

        foreach (var site in ordinary)
        {
            builder.Put(site, OrdinaryPart(site, config, builder.Rng));
        }

        var (shape, rng) = (config.Shape(generated), builder.Rng);
        var prototypes = builder.TaskVectors(Prototype, () => rng.Normal([config.Dimension], 0, 1));
        var network = builder.Shared("hypernetwork", () => new BottleneckNetwork(
            shape, prototypes, (rows, columns) => Init.TorchLinear(rng, rows, columns), (rows, fanIn) => SmallHead(rng, rows, config.Dimension, fanIn), rng));
        builder.GenerateOncePerTask(network);
        builder.Group(new AdapterGroup(Name + ".hypernetwork", [.. network.Parameters()]) { Factor = config.GeneratorRateFactor });
        builder.Group(new AdapterGroup(Name + ".prototypes", [.. prototypes.Values.Select(v => v.Vector)]) { Factor = config.PrototypeRateFactor });
        for (var l = 0; l < generated.Count; l++)
        {
            builder.Put(generated[l], new GeneratedPart(network, network.Place(l, 0), Activations.Get(config.Activation), GeneratedPlacement.Parallel));
        }

        if (config.Retrieves)
        {
            Retrieve(builder, config, generated, network);
        }
    }

    /// <inheritdoc/>
    protected sealed override long CountParameters(PhaConfig config, SiteMap sites, int tasks)
    {
        var (generated, ordinary) = config.Places(sites);
        return ordinary.Sum(s => (2L * s.Width * config.OrdinaryBottleneck) + config.OrdinaryBottleneck + s.Width)
            + (generated.Count == 0 ? 0 : config.Shape(generated).Count() + ((long)tasks * config.Dimension)
                + (config.Retrieves ? Retriever.Count(generated[0].Width, config.Hidden, config.Dimension) : 0));
    }

    private static IReadOnlyList<Tensor> Prototypes(Adapter adapter) =>
        [.. adapter.Tasks.Select(t => adapter.NamedParameters().Single(p => p.Path == $"tasks.{t}.{Prototype}.vector").Parameter.Value)];

    // Generated weights begin as if drawn for their own fan-in, times 1e-3 (Chang et al. 2020, as the authors take it).
    private static Tensor SmallHead(Rng rng, int rows, int features, int fanIn)
    {
        var bound = 1e-3 * Math.Sqrt(3.0 / (features * (double)fanIn));
        return rng.Uniform([rows, features], -bound, bound);
    }

    // Xavier-uniform with gain 1e-4, biases zero.
    private static BottleneckPart OrdinaryPart(HiddenSite site, PhaConfig config, Rng rng)
    {
        var bottleneck = config.OrdinaryBottleneck;
        var bound = 1e-4 * Math.Sqrt(6.0 / (site.Width + bottleneck));
        return new BottleneckPart(
            site, config.Ordinary(new BottleneckConfig { Parallel = true }, site.Width, bottleneck),
            new DenseProjection(rng.Uniform([bottleneck, site.Width], -bound, bound)), new DenseProjection(rng.Uniform([site.Width, bottleneck], -bound, bound)), rng);
    }

    private static void Retrieve(AdapterBuilder builder, PhaConfig config, IReadOnlyList<HiddenSite> generated, BottleneckNetwork network)
    {
        var sites = builder.Backbone.Sites;
        var retriever = builder.Shared("retriever", () => new Retriever(generated[0].Width, config.Hidden, config.Dimension, builder.Rng));

        // The states of the encoder are what a pass gives; where generated adapters act in it, those before the first of them are kept.
        var reading = sites.Hidden(SiteRole.FeedForward).Min(s => s.Stack);
        PooledStates? kept = null;
        if (config.RetrieverStates == PhaStates.Shared && generated.FirstOrDefault(s => s.Stack == reading) is { } first)
        {
            kept = new PooledStates();
            builder.Put(sites.Hidden(SiteRole.SelfAttention).Single(s => s.Stack == reading && s.Layer == first.Layer), kept);
            builder.Prepare((pass, _) => kept.Begin(pass));
        }

        var loss = new RetrieverLoss(builder.Tasks, retriever, network, kept, config.Temperature, config.InstanceWeight, config.PrototypeWeight);
        builder.AuxiliaryLoss(loss.Of);
        builder.AfterPass(loss.Show);
    }

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new Pha());
}

/// <summary>Layouts by their names.</summary>
internal sealed class PhaLayoutJson() : JsonStringEnumConverter<PhaLayout>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);

/// <summary>States by their names.</summary>
internal sealed class PhaStatesJson() : JsonStringEnumConverter<PhaStates>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(PhaConfig))]
internal sealed partial class PhaJson : JsonSerializerContext;
