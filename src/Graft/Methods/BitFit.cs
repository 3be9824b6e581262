using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones.Sites;
using Graft.Methods.Core;

namespace Graft.Methods;

/// <summary>The settings of BitFit.</summary>
/// <param name="Targets">The linear maps whose biases train.</param>
/// <param name="Norms">Whether the biases of the blocks' norms train.</param>
/// <param name="Embeddings">Whether the biases of norms outside the blocks train, such as that of the embeddings.</param>
public sealed record BitFitConfig(SiteRole Targets = SiteRole.AllLinear, bool Norms = true, bool Embeddings = true) : LayeredConfig
{
    /// <summary>The linear maps whose biases train.</summary>
    public SiteRole Targets { get; init => field = Require.Linear(value, nameof(Targets)); } = Require.Linear(Targets);
}

/// <summary>
/// BitFit: only biases train, <c>b' = b + Δ</c>; maps without a bias get one of zeros. The subset variant of the paper is
/// <c>targets = query, feed_forward_in</c> without norms and embeddings.
/// </summary>
public sealed class BitFit : PeftMethod<BitFitConfig>
{
    /// <inheritdoc/>
    public override string Name => "bitfit";

    /// <inheritdoc/>
    public override string Summary => "trains the biases of linear maps and norms";

    /// <inheritdoc/>
    public override string Source => "Ben Zaken et al. 2022, arXiv 2106.10199";

    /// <inheritdoc/>
    public override double DefaultLearningRate => 3e-3;

    /// <inheritdoc/>
    protected override JsonTypeInfo<BitFitConfig> Json => BitFitJson.Default.BitFitConfig;

    /// <inheritdoc/>
    protected override void Attach(AdapterBuilder builder, BitFitConfig config)
    {
        builder.Linear(config.Targets);
        builder.Train(Trained(builder.Backbone.Sites, config));
    }

    /// <inheritdoc/>
    protected override long CountParameters(BitFitConfig config, SiteMap sites, int tasks) => Trained(sites, config).Elements();

    private static IEnumerable<ParameterSite> Trained(SiteMap sites, BitFitConfig config) =>
        sites.Linear(config.Targets).Select(s => s.Bias)
            .Concat(sites.Parameters.Where(s => s.Kind == ParameterKind.NormBias && (s.Layer >= 0 ? config.Norms : config.Embeddings)))
            .Where(config.Covers);

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new BitFit());
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(BitFitConfig))]
internal sealed partial class BitFitJson : JsonSerializerContext;
