using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones.Sites;
using Graft.Methods.Core;

namespace Graft.Methods;

/// <summary>The settings of P-tuning v2.</summary>
/// <param name="Length">The number P of virtual tokens of each attention; 0 for none.</param>
/// <param name="Sublayers">Self-attention, cross-attention or both.</param>
/// <param name="ShiftPositions">Whether the text's positions begin at P, as in the authors' code, which hands the prefix over as past keys and values.</param>
/// <param name="Dropout">The dropout of the virtual tokens' keys and values.</param>
/// <param name="Init">How keys and values start.</param>
public sealed record PTuningV2Config(
    int Length = 20, SiteRole Sublayers = SiteRole.SelfAttention, bool ShiftPositions = true, double Dropout = 0, PrefixInit Init = PrefixInit.Torch)
    : LayeredConfig
{
    /// <summary>The number P of virtual tokens.</summary>
    public int Length { get; init => field = Require.NotNegative(value); } = Require.NotNegative(Length);

    /// <summary>Self-attention, cross-attention or both.</summary>
    public SiteRole Sublayers { get; init => field = Require.Roles(value, PrefixTuningConfig.Attentions); } =
        Require.Roles(Sublayers, PrefixTuningConfig.Attentions);

    /// <summary>Whether the text's positions begin at P.</summary>
    public bool ShiftPositions { get; init; } = ShiftPositions;

    /// <summary>The dropout of the virtual tokens' keys and values.</summary>
    public double Dropout { get; init => field = Require.Probability(value); } = Require.Probability(Dropout);

    /// <summary>How keys and values start.</summary>
    public PrefixInit Init { get; init; } = Init;
}

/// <summary>
/// P-tuning v2: prefix tuning without reparametrisation. Keys and values [P, H·D] of every attention are parameters:
/// <c>softmax(Q [P_K; K]ᵀ / √D) [P_V; V]</c>; the text's positions begin at P.
/// </summary>
public sealed class PTuningV2 : PeftMethod<PTuningV2Config>
{
    /// <inheritdoc/>
    public override string Name => "p-tuning-v2";

    /// <inheritdoc/>
    public override string Summary => "virtual keys and values in front of each attention, trained directly: [P_K; K], [P_V; V]";

    /// <inheritdoc/>
    public override string Source => "Liu et al. 2022, arXiv 2110.07602, section 3.3; the authors' code";

    /// <inheritdoc/>
    public override double DefaultLearningRate => 5e-3;

    /// <inheritdoc/>
    protected override JsonTypeInfo<PTuningV2Config> Json => PTuningV2Json.Default.PTuningV2Config;

    /// <inheritdoc/>
    public override bool IsIdentityAtStart(PeftConfig config) => config is PTuningV2Config { Length: 0 };

    /// <inheritdoc/>
    public override int PositionsTaken(PeftConfig config) => config is PTuningV2Config { ShiftPositions: true } c ? c.Length : 0;

    /// <inheritdoc/>
    protected override void Attach(AdapterBuilder builder, PTuningV2Config config)
    {
        if (config.Length == 0)
        {
            return;
        }

        if (config.ShiftPositions)
        {
            PrefixPart.ShiftPositions(builder, config.Length);
        }

        foreach (var site in builder.KeyValue(config.Sublayers))
        {
            builder.Put(site, new FlatPrefixPart(site, config.Length, config.Init, GateMode.None, config.Dropout, builder.Rng));
        }
    }

    /// <inheritdoc/>
    protected override long CountParameters(PTuningV2Config config, SiteMap sites, int tasks) =>
        sites.KeyValue(config.Sublayers).Where(config.Covers).Sum(s => 2L * config.Length * s.Heads * s.HeadSize);

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new PTuningV2());
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(PTuningV2Config))]
internal sealed partial class PTuningV2Json : JsonSerializerContext;
