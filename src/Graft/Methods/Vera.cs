using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Methods;

/// <summary>Where VeRA's shared matrices come from.</summary>
[JsonConverter(typeof(VeraProjectionJson))]
public enum VeraProjection
{
    /// <summary>From the seed; they are not stored.</summary>
    Seed,

    /// <summary>They are stored, for matrices that another library drew.</summary>
    Stored,
}

/// <summary>The settings of VeRA.</summary>
/// <param name="Rank">The rank R of the shared matrices.</param>
/// <param name="InitialD">The initial value of d.</param>
/// <param name="Dropout">The dropout of the update's input.</param>
/// <param name="Targets">The linear maps that are updated.</param>
/// <param name="ProjectionSeed">The seed of the shared matrices.</param>
/// <param name="Projection">Whether the shared matrices follow from the seed or are stored.</param>
public sealed record VeraConfig(
    int Rank = 256, double InitialD = 0.1, double Dropout = 0, SiteRole Targets = SiteRole.Query | SiteRole.Value,
    long ProjectionSeed = 0, VeraProjection Projection = VeraProjection.Seed) : LinearConfig
{
    /// <summary>The rank R of the shared matrices.</summary>
    public int Rank { get; init => field = Require.Positive(value, nameof(Rank)); } = Require.Positive(Rank);

    /// <summary>The initial value of d.</summary>
    public double InitialD { get; init => field = Require.Positive(value, nameof(InitialD)); } = Require.Positive(InitialD);

    /// <summary>The dropout of the update's input.</summary>
    public double Dropout { get; init => field = Require.Probability(value, nameof(Dropout)); } = Require.Probability(Dropout);

    /// <summary>The linear maps that are updated.</summary>
    public SiteRole Targets { get; init => field = Require.Linear(value, nameof(Targets)); } = Require.Linear(Targets);
}

/// <summary>
/// VeRA: <c>y = W x + Λ_b B Λ_d A drop(x) + b</c>. A [R, In] and B [Out, R] are frozen, uniform in ±√(6 / fan_in), and shared: drawn once from
/// a seed for the widest map and cut to size for the others. Trained are d [R], starting at a constant, and b [Out], starting at zero.
/// Merges into W.
/// </summary>
public sealed class Vera : PeftMethod<VeraConfig>
{
    /// <inheritdoc/>
    public override string Name => "vera";

    /// <inheritdoc/>
    public override string Summary => "trained scales of two frozen random matrices shared by all maps: y = Wx + b∘(B·(d∘(A·x)))";

    /// <inheritdoc/>
    public override string Source => "Kopiczko et al. 2024, arXiv 2310.11454, eq. 2";

    /// <inheritdoc/>
    public override double DefaultLearningRate => 1e-2;

    /// <inheritdoc/>
    protected override JsonTypeInfo<VeraConfig> Json => VeraJson.Default.VeraConfig;

    /// <inheritdoc/>
    protected override void Attach(AdapterBuilder builder, VeraConfig config)
    {
        var sites = builder.Linear(config.Targets);
        var shared = builder.Shared("projection", () => new SharedProjection(config, sites.Max(s => s.In), sites.Max(s => s.Out)));
        foreach (var site in sites)
        {
            builder.Put(site, new VeraPart(site, config, shared));
        }
    }

    /// <inheritdoc/>
    protected override long CountParameters(VeraConfig config, SiteMap sites, int tasks) =>
        sites.Linear(config.Targets).Where(config.Covers).Sum(s => (long)config.Rank + s.Out);

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new Vera());
}

/// <summary>The frozen matrices that all maps share.</summary>
internal sealed class SharedProjection : Module
{
    private readonly ModuleBuffer _a;
    private readonly ModuleBuffer _b;

    public SharedProjection(VeraConfig config, int inputs, int outputs)
    {
        // The order and the shapes of the two draws are those of HF PEFT, so that a seed means the same there.
        using var rng = new Rng(config.ProjectionSeed, Device.Cpu);
        var kind = config.Projection == VeraProjection.Stored ? BufferKind.State : BufferKind.Derived;
        _a = AddBuffer("A", Init.KaimingUniform(rng, config.Rank, inputs, 0), kind);
        _b = AddBuffer("B", Init.KaimingUniform(rng, outputs, config.Rank, 0), kind);
    }

    /// <summary>A for a map, [R, In].</summary>
    public Tensor A(LinearSite site) => _a.Value.Narrow(1, 0, site.In);

    /// <summary>B for a map, [Out, R].</summary>
    public Tensor B(LinearSite site) => _b.Value.Narrow(0, 0, site.Out);
}

/// <summary>The scales of one linear map.</summary>
internal sealed class VeraPart : LinearPart, IMergeable
{
    private readonly LinearSite _site;
    private readonly SharedProjection _shared;
    private readonly Parameter _d;
    private readonly Parameter _b;
    private readonly double _dropout;

    public VeraPart(LinearSite site, VeraConfig config, SharedProjection shared)
    {
        (_site, _shared, _dropout) = (site, shared, config.Dropout);
        _d = AddParameter("lambda_d", Tensor.Full([config.Rank], config.InitialD, DType.Float32, Device.Cpu));
        _b = AddParameter("lambda_b", Tensor.Zeros([site.Out], DType.Float32, Device.Cpu));
    }

    public override LinearHooks Hooks => LinearHooks.Delta;

    public override Tensor Delta(RowGroup rows, Tensor x)
    {
        var inner = F.Linear(AdapterPass.Dropout(rows.Pass, x.To(_d.Value.DType), _dropout), _shared.A(_site)) * _d;
        return (F.Linear(inner, _shared.B(_site)) * _b).To(x.DType);
    }

    public (Tensor Weight, Tensor? Bias) Merge(Tensor weight, Tensor? bias) =>
        (weight + (_b.Value.Unsqueeze(1) * (_shared.B(_site) * _d).MatMul(_shared.A(_site))).To(weight.DType), bias);
}

/// <summary>The choices by their names in lower case.</summary>
internal sealed class VeraProjectionJson() : JsonStringEnumConverter<VeraProjection>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(VeraConfig))]
internal sealed partial class VeraJson : JsonSerializerContext;
