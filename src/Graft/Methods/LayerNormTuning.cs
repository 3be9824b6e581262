using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Methods;

/// <summary>The settings of layer-norm tuning.</summary>
/// <param name="Sublayers">The sublayers whose norms train.</param>
/// <param name="Embeddings">Whether norms outside the blocks train, such as that of the embeddings.</param>
/// <param name="Gains">Whether the gains train.</param>
/// <param name="Biases">Whether the biases train.</param>
public sealed record LayerNormTuningConfig(
    SiteRole Sublayers = SiteRole.AllSublayers, bool Embeddings = true, bool Gains = true, bool Biases = true) : LayeredConfig
{
    /// <summary>The sublayers whose norms train.</summary>
    public SiteRole Sublayers { get; init => field = Require.Roles(value, SiteRole.AllSublayers, nameof(Sublayers)); } =
        Require.Roles(Sublayers, SiteRole.AllSublayers);
}

/// <summary>Layer-norm tuning: only the gains and biases of norms train, <c>LN(x) = (g + Δg) ∘ x̂ + b + Δb</c>.</summary>
public sealed class LayerNormTuning : PeftMethod<LayerNormTuningConfig>
{
    /// <inheritdoc/>
    public override string Name => "ln-tuning";

    /// <inheritdoc/>
    public override string Summary => "trains the gains and biases of layer norms";

    /// <inheritdoc/>
    public override string Source => "Zhao et al. 2024, arXiv 2312.11420; Qi et al. 2022, arXiv 2211.08682";

    /// <inheritdoc/>
    public override double DefaultLearningRate => 3e-3;

    /// <inheritdoc/>
    protected override JsonTypeInfo<LayerNormTuningConfig> Json => LayerNormTuningJson.Default.LayerNormTuningConfig;

    /// <inheritdoc/>
    protected override void Attach(AdapterBuilder builder, LayerNormTuningConfig config)
    {
        var trained = Trained(builder.Backbone.Sites, config).ToList();
        if (trained.Count == 0)
        {
            throw new GraftException("ln-tuning trains nothing with these settings, since no norm is left; set gains or biases to true, or leave out fewer blocks.");
        }

        builder.Train(trained);
    }

    /// <inheritdoc/>
    protected override long CountParameters(LayerNormTuningConfig config, SiteMap sites, int tasks) => Trained(sites, config).Elements();

    private static IEnumerable<ParameterSite> Trained(SiteMap sites, LayerNormTuningConfig config) => sites.Parameters.Where(s =>
        ((s.Kind == ParameterKind.NormGain && config.Gains) || (s.Kind == ParameterKind.NormBias && config.Biases))
        && (s.Layer < 0 ? config.Embeddings : (s.Sublayer & config.Sublayers) != 0) && config.Covers(s));

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new LayerNormTuning());
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(LayerNormTuningConfig))]
internal sealed partial class LayerNormTuningJson : JsonSerializerContext;
