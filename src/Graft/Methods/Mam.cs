using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Methods.Core;
using Graft.Methods.Core.Bottlenecks;

namespace Graft.Methods;

/// <summary>The settings of the mix-and-match adapter.</summary>
/// <param name="Length">The number P of virtual tokens of each attention.</param>
/// <param name="PrefixBottleneck">The width of the prefix's reparametrisation.</param>
/// <param name="PrefixFlat">Whether the prefix is without reparametrisation; packages are stored so.</param>
/// <param name="PrefixInit">How the prefix starts.</param>
/// <param name="ReductionFactor">The model's width divided by the parallel adapter's.</param>
/// <param name="Scaling">The scaling of the parallel adapter.</param>
public sealed record MamConfig(
    int Length = 30, int PrefixBottleneck = 800, bool PrefixFlat = false, PrefixInit PrefixInit = PrefixInit.Torch,
    int ReductionFactor = 2, double Scaling = 4) : LayeredConfig
{
    /// <summary>The number P of virtual tokens.</summary>
    public int Length { get; init => field = Require.NotNegative(value); } = Require.NotNegative(Length);

    /// <summary>The width of the prefix's reparametrisation.</summary>
    public int PrefixBottleneck { get; init => field = Require.Positive(value); } = Require.Positive(PrefixBottleneck);

    /// <summary>Whether the prefix is without reparametrisation.</summary>
    public bool PrefixFlat { get; init; } = PrefixFlat;

    /// <summary>How the prefix starts.</summary>
    public PrefixInit PrefixInit { get; init; } = PrefixInit;

    /// <summary>The model's width divided by the parallel adapter's.</summary>
    public int ReductionFactor { get; init => field = Require.Positive(value); } = Require.Positive(ReductionFactor);

    /// <summary>The scaling of the parallel adapter.</summary>
    public double Scaling { get; init => field = Require.Positive(value); } = Require.Positive(Scaling);
}

/// <summary>
/// The mix-and-match adapter: prefix tuning in self-attention and a scaled parallel adapter at the feed-forward sublayer. The published size
/// (M = 512 at W = 1024) is half the model's width.
/// </summary>
public sealed class Mam : UnionMethod<MamConfig>
{
    /// <inheritdoc/>
    public override string Name => "mam";

    /// <inheritdoc/>
    public override string Summary => "prefix tuning with a parallel adapter at each feed-forward: [P_K; K], [P_V; V] and f(x) + s·U·relu(D·x)";

    /// <inheritdoc/>
    public override string Source => "He et al. 2022, arXiv 2110.04366, section 4.6";

    /// <inheritdoc/>
    public override double DefaultLearningRate => 5e-4;

    /// <inheritdoc/>
    protected override JsonTypeInfo<MamConfig> Json => MamJson.Default.MamConfig;

    /// <inheritdoc/>
    public override PeftConfig Stored(PeftConfig config) => (MamConfig)config with { PrefixFlat = true };

    /// <inheritdoc/>
    protected override IReadOnlyList<UnionPart> Parts(MamConfig config) =>
    [
        UnionPart.Of<PrefixTuningConfig>("prefix-tuning", d => d with
        {
            Length = config.Length,
            Bottleneck = config.PrefixBottleneck,
            Flat = config.PrefixFlat,
            Init = config.PrefixInit,
            LeaveOut = config.LeaveOut,
        }),
        UnionPart.Of<BottleneckConfig>("parallel", d => d with
        {
            ReductionFactor = config.ReductionFactor,
            Scaling = new AdapterScaling(ScalingKind.Fixed, config.Scaling),
            LeaveOut = config.LeaveOut,
        }),
    ];

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new Mam());
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(MamConfig))]
internal sealed partial class MamJson : JsonSerializerContext;
