using System.Text.Json;
using System.Text.Json.Serialization;
using Graft.Backbones;
using Graft.Backbones.Sites;

namespace Graft.Methods.Core.Bottlenecks;

/// <summary>How the weights of a bottleneck start; biases start at zero.</summary>
[JsonConverter(typeof(BottleneckInitJson))]
public enum BottleneckInit
{
    /// <summary>Both projections N(0, 0.02); called <c>bert</c> as in AdapterHub.</summary>
    [JsonStringEnumMemberName("bert")]
    Normal,

    /// <summary>Both projections N(0, 0.01), cut off at two deviations (Houlsby et al. 2019).</summary>
    Houlsby,

    /// <summary>The down-projection Kaiming-uniform (a = √5), the up-projection zero, so that the start is the backbone (He et al. 2022).</summary>
    Mam,
}

/// <summary>What a sequential adapter's output is added to.</summary>
[JsonConverter(typeof(BottleneckResidualJson))]
public enum BottleneckResidual
{
    /// <summary>The sublayer's output a.</summary>
    Output,

    /// <summary>The sublayer's output with its residual, a + x.</summary>
    Sum,

    /// <summary>The adapter's own input.</summary>
    Input,
}

/// <summary>
/// The settings of every bottleneck adapter: where it sits, how wide it is, and what surrounds it. Houlsby, Pfeiffer and parallel
/// adapters are defaults of this one record, and every bottleneck configuration of AdapterHub is a value of it.
/// </summary>
public record BottleneckConfig : LayeredConfig, IGated
{
    /// <summary>The sublayers with an adapter.</summary>
    public SiteRole Sublayers { get; init => field = Require.Roles(value, SiteRole.AllSublayers); } = SiteRole.FeedForward;

    /// <summary>The model's width divided by the bottleneck's: M = ⌊W / factor⌋, at least 1.</summary>
    public PerLayerNumber ReductionFactor { get; init; } = 16;

    /// <summary>The activation between the projections, by the names of <c>config.json</c>.</summary>
    public string Activation { get; init => field = Known(value); } = "relu";

    /// <summary>Whether the adapter sits beside the sublayer and reads its input, instead of after it and reading its output.</summary>
    public bool Parallel { get; init; }

    /// <summary>Whether a sequential adapter reads a + x after the backbone's own norm, instead of a.</summary>
    public bool NormBefore { get; init; }

    /// <summary>Whether the backbone adds its residual and applies its norm after the adapter; without, the adapter's output is the state.</summary>
    public bool NormAfter { get; init; } = true;

    /// <summary>Whether the adapter begins with a norm of its own.</summary>
    public bool OwnNormBefore { get; init; }

    /// <summary>Whether the adapter ends with a norm of its own.</summary>
    public bool OwnNormAfter { get; init; }

    /// <summary>What a sequential adapter's output is added to.</summary>
    public BottleneckResidual Residual { get; init; }

    /// <summary>Whether that addition comes before the adapter's own norm, instead of after it.</summary>
    public bool ResidualBeforeOwnNorm { get; init; }

    /// <summary>What the output is multiplied with.</summary>
    public AdapterScaling Scaling { get; init; } = AdapterScaling.One;

    /// <summary>UniPELT's gate on the output.</summary>
    public GateMode Gate { get; init; }

    /// <summary>The dropout of the output.</summary>
    public double Dropout { get; init => field = Require.Probability(value); }

    /// <summary>The probability that a sequential adapter rests for a row of a training batch (Huang et al. 2016).</summary>
    public double StochasticDepth { get; init => field = Require.Probability(value); }

    /// <summary>How the weights start.</summary>
    public BottleneckInit Init { get; init; }

    /// <summary>Whether the norms of the blocks train too.</summary>
    public bool TrainNorms { get; init; }

    /// <summary>The width of a block's bottleneck.</summary>
    /// <param name="site">The sublayer.</param>
    internal int Width(HiddenSite site) => (int)Math.Clamp(Math.Floor(site.Width / ReductionFactor[site.Layer]), 1, int.MaxValue);

    private static string Known(string value) => Activations.Names.Contains(value)
        ? value
        : throw new ArgumentException($"activation is '{value}'; {Suggest.Hint(value, Activations.Names)}", nameof(value));
}

/// <summary>Initialisations by their names.</summary>
internal sealed class BottleneckInitJson() : JsonStringEnumConverter<BottleneckInit>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);

/// <summary>Residuals by their names.</summary>
internal sealed class BottleneckResidualJson() : JsonStringEnumConverter<BottleneckResidual>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(BottleneckConfig))]
internal sealed partial class BottleneckJson : JsonSerializerContext;
