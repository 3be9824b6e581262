using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones.Sites;
using Graft.Methods.Core;

namespace Graft.Methods;

/// <summary>The settings of full fine-tuning.</summary>
/// <param name="Embeddings">Whether the embedding tables train too.</param>
public sealed record FullFineTuningConfig(bool Embeddings = true) : PeftConfig;

/// <summary>
/// Full fine-tuning: every parameter of the backbone is replaced by a trained copy, <c>θ' = θ + Δ</c>. The backbone itself stays
/// frozen, so that fully tuned tasks share a process with every other method; the price is a copy of the model per task.
/// </summary>
public sealed class FullFineTuning : PeftMethod<FullFineTuningConfig>
{
    /// <inheritdoc/>
    public override string Name => "full";

    /// <inheritdoc/>
    public override string Summary => "trains a copy of every backbone parameter";

    /// <inheritdoc/>
    public override string Source => "Devlin et al. 2019, section 3.2; the usual upper baseline";

    /// <inheritdoc/>
    public override double DefaultLearningRate => 5e-5;

    /// <inheritdoc/>
    protected override JsonTypeInfo<FullFineTuningConfig> Json => FullFineTuningJson.Default.FullFineTuningConfig;

    /// <inheritdoc/>
    protected override void Attach(AdapterBuilder builder, FullFineTuningConfig config) =>
        builder.Train(Trained(builder.Backbone.Sites, config));

    /// <inheritdoc/>
    protected override long CountParameters(FullFineTuningConfig config, SiteMap sites, int tasks) => Trained(sites, config).Elements();

    private static IEnumerable<ParameterSite> Trained(SiteMap sites, FullFineTuningConfig config) =>
        sites.Parameters.Where(s => s.Parameter is not null && (config.Embeddings || s.Kind != ParameterKind.Embedding));

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new FullFineTuning());
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(FullFineTuningConfig))]
internal sealed partial class FullFineTuningJson : JsonSerializerContext;
