using System.Runtime.CompilerServices;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Methods.Core.Bottlenecks;

namespace Graft.Methods;

/// <summary>
/// The Houlsby adapter: a bottleneck after each attention and each feed-forward sublayer, before the residual is added,
/// <c>a' = a + U swish(D a + b_D) + b_U</c>, and the norms of the blocks train too. D [M, W] and U [W, M] are N(0, 0.01) cut off at two
/// deviations, biases zero. The swish is AdapterHub's; the paper leaves the activation open.
/// </summary>
public sealed class Houlsby : BottleneckMethod<BottleneckConfig>
{
    /// <inheritdoc/>
    public override string Name => "houlsby";

    /// <inheritdoc/>
    public override string Summary => "bottleneck adapters after attention and feed-forward: a + U·swish(D·a), norms trained too";

    /// <inheritdoc/>
    public override string Source => "Houlsby et al. 2019, arXiv 1902.00751, section 2.1";

    /// <inheritdoc/>
    protected override BottleneckConfig Preset => new()
    {
        Sublayers = SiteRole.SelfAttention | SiteRole.FeedForward,
        Activation = "swish",
        Init = BottleneckInit.Houlsby,
        TrainNorms = true,
    };

    /// <inheritdoc/>
    protected override JsonTypeInfo<BottleneckConfig> Json => BottleneckJson.Default.BottleneckConfig;

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new Houlsby());
}
