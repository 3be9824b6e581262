using System.Runtime.CompilerServices;
using System.Text.Json.Serialization.Metadata;
using Graft.Methods.Core;
using Graft.Methods.Core.Bottlenecks;

namespace Graft.Methods;

/// <summary>
/// The Pfeiffer adapter: one bottleneck after each feed-forward sublayer. With the sublayer's output a and residual x,
/// <c>a' = a + U relu(D LN(a + x) + b_D) + b_U</c>, then the backbone's own <c>LN(a' + x)</c>; D [M, W] and U [W, M] are N(0, 0.02),
/// biases zero. Backbones without a norm after the addition (pre-norm) give the adapter a + x.
/// </summary>
public sealed class Pfeiffer : BottleneckMethod<BottleneckConfig>
{
    /// <inheritdoc/>
    public override string Name => "pfeiffer";

    /// <inheritdoc/>
    public override string Summary => "bottleneck adapter after each feed-forward: a + U·relu(D·LN(a + x))";

    /// <inheritdoc/>
    public override string Source => "Pfeiffer et al. 2021, arXiv 2005.00247; 2020, arXiv 2005.00052";

    /// <inheritdoc/>
    protected override BottleneckConfig Preset => new() { NormBefore = true };

    /// <inheritdoc/>
    protected override JsonTypeInfo<BottleneckConfig> Json => BottleneckJson.Default.BottleneckConfig;

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new Pfeiffer());
}
