using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones.Sites;
using Graft.Methods.Core;

namespace Graft.Methods;

/// <summary>The settings of head-only training: none.</summary>
public sealed record HeadOnlyConfig : PeftConfig;

/// <summary>Head only: the backbone stays as it is and nothing but the task's head trains; the baseline of every method.</summary>
public sealed class HeadOnly : PeftMethod<HeadOnlyConfig>
{
    /// <inheritdoc/>
    public override string Name => "head";

    /// <inheritdoc/>
    public override string Summary => "trains the task's head on frozen features, nothing else";

    /// <inheritdoc/>
    public override string Source => "linear probing; the usual baseline";

    /// <inheritdoc/>
    public override double DefaultLearningRate => 1e-2;

    /// <inheritdoc/>
    protected override JsonTypeInfo<HeadOnlyConfig> Json => HeadOnlyJson.Default.HeadOnlyConfig;

    /// <inheritdoc/>
    protected override void Attach(AdapterBuilder builder, HeadOnlyConfig config)
    {
    }

    /// <inheritdoc/>
    protected override long CountParameters(HeadOnlyConfig config, SiteMap sites, int tasks) => 0;

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new HeadOnly());
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(HeadOnlyConfig))]
internal sealed partial class HeadOnlyJson : JsonSerializerContext;
