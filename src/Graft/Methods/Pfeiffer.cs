using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Methods;

/// <summary>The settings of the Pfeiffer adapter.</summary>
/// <param name="ReductionFactor">The model's width divided by the bottleneck's: M = W / factor, at least 1.</param>
public sealed record PfeifferConfig(int ReductionFactor = 16) : PeftConfig
{
    /// <summary>The model's width divided by the bottleneck's.</summary>
    public int ReductionFactor { get; init => field = Require.Positive(value); } = Require.Positive(ReductionFactor);
}

/// <summary>
/// The Pfeiffer adapter: one bottleneck after each feed-forward sublayer. With the sublayer's output a and residual x,
/// <c>a' = a + U relu(D LN(a + x) + b_D) + b_U</c>, then the backbone's own <c>LN(a' + x)</c>; D [M, W] and U [W, M] are N(0, 0.02),
/// biases zero. Backbones without a norm after the addition (pre-norm) give the adapter a itself.
/// </summary>
public sealed class Pfeiffer : PeftMethod<PfeifferConfig>
{
    /// <inheritdoc/>
    public override string Name => "pfeiffer";

    /// <inheritdoc/>
    public override string Summary => "bottleneck adapter after each feed-forward: a + U·relu(D·LN(a + x))";

    /// <inheritdoc/>
    public override string Source => "Pfeiffer et al. 2021, arXiv 2005.00247; 2020, arXiv 2005.00052";

    /// <inheritdoc/>
    protected override JsonTypeInfo<PfeifferConfig> Json => PfeifferJson.Default.PfeifferConfig;

    /// <summary>Random up-projections make the start close to the backbone, not equal to it.</summary>
    /// <inheritdoc/>
    public override bool IsIdentityAtStart(PeftConfig config) => false;

    /// <inheritdoc/>
    protected override void Attach(AdapterBuilder builder, PfeifferConfig config)
    {
        foreach (var site in builder.Hidden(SiteRole.FeedForward))
        {
            builder.Put(site, new PfeifferPart(site.Width, Bottleneck(site, config), builder.Rng));
        }
    }

    /// <inheritdoc/>
    protected override long CountParameters(PfeifferConfig config, SiteMap sites, int tasks) =>
        sites.Hidden(SiteRole.FeedForward).Sum(s => (2L * s.Width * Bottleneck(s, config)) + s.Width + Bottleneck(s, config));

    private static int Bottleneck(HiddenSite site, PfeifferConfig config) => Math.Max(1, site.Width / config.ReductionFactor);

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new Pfeiffer());
}

/// <summary>The bottleneck of one feed-forward sublayer.</summary>
internal sealed class PfeifferPart : HiddenPart
{
    private readonly Parameter _down;
    private readonly Parameter _downBias;
    private readonly Parameter _up;
    private readonly Parameter _upBias;

    public PfeifferPart(int width, int bottleneck, Rng rng)
    {
        _down = AddParameter("down.weight", rng.Normal([bottleneck, width], 0, 0.02));
        _downBias = AddParameter("down.bias", Tensor.Zeros([bottleneck], DType.Float32, Device.Cpu));
        _up = AddParameter("up.weight", rng.Normal([width, bottleneck], 0, 0.02));
        _upBias = AddParameter("up.bias", Tensor.Zeros([width], DType.Float32, Device.Cpu));
    }

    public override Tensor After(RowGroup rows, Tensor output, Tensor residual, SublayerNorm? norm)
    {
        var z = (norm is null ? output : norm(rows, output + residual)).To(_down.Value.DType);
        return output + F.Linear(F.Linear(z, _down, _downBias).Relu(), _up, _upBias).To(output.DType);
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(PfeifferConfig))]
internal sealed partial class PfeifferJson : JsonSerializerContext;
