using System.Runtime.CompilerServices;
using System.Text.Json.Serialization.Metadata;
using Graft.Methods.Core;
using Graft.Methods.Core.Bottlenecks;

namespace Graft.Methods;

/// <summary>
/// The scaled parallel adapter: a bottleneck beside each feed-forward sublayer. With the sublayer's input u and output a,
/// <c>a' = a + 4 (U relu(D u + b_D) + b_U)</c>; D [M, W] is Kaiming-uniform (a = √5), U [W, M] and the biases are zero, so that the start
/// is the backbone.
/// </summary>
public sealed class ParallelAdapter : BottleneckMethod<BottleneckConfig>
{
    /// <inheritdoc/>
    public override string Name => "parallel";

    /// <inheritdoc/>
    public override string Summary => "bottleneck adapter beside each feed-forward: a + 4·U·relu(D·u)";

    /// <inheritdoc/>
    public override string Source => "He et al. 2022, arXiv 2110.04366, section 4.6";

    /// <inheritdoc/>
    protected override BottleneckConfig Preset => new()
    {
        ReductionFactor = 2,
        Parallel = true,
        Scaling = new AdapterScaling(ScalingKind.Fixed, 4),
        Init = BottleneckInit.Mam,
    };

    /// <inheritdoc/>
    protected override JsonTypeInfo<BottleneckConfig> Json => BottleneckJson.Default.BottleneckConfig;

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new ParallelAdapter());
}
