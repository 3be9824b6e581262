using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Methods.Core.Bottlenecks;

namespace Graft.Methods;

/// <summary>The submodules of UniPELT.</summary>
[Flags]
[JsonConverter(typeof(UniPeltPartsJson))]
public enum UniPeltParts
{
    /// <summary>A Pfeiffer adapter after each feed-forward.</summary>
    Adapter = 1,

    /// <summary>A prefix of each self-attention.</summary>
    Prefix = 2,

    /// <summary>LoRA on queries and values.</summary>
    Lora = 4,
}

/// <summary>The settings of UniPELT.</summary>
/// <param name="Parts">The submodules: adapter, prefix, lora (APL) or adapter, prefix (AP).</param>
/// <param name="Gate">How gates average; none leaves them out, and LoRA then is scaled by α / R.</param>
/// <param name="Length">The prefix's number of virtual tokens.</param>
/// <param name="PrefixBottleneck">The width of the prefix's reparametrisation.</param>
/// <param name="PrefixFlat">Whether the prefix is without reparametrisation; packages are stored so.</param>
/// <param name="PrefixInit">How the prefix starts.</param>
/// <param name="Rank">The rank R of LoRA.</param>
/// <param name="Alpha">The α of LoRA without gates.</param>
/// <param name="ReductionFactor">The model's width divided by the adapter's.</param>
/// <param name="PromptLength">The number of virtual tokens in front of the embedded text, which are not gated; 0 for none.</param>
public sealed record UniPeltConfig(
    UniPeltParts Parts = UniPeltParts.Adapter | UniPeltParts.Prefix | UniPeltParts.Lora, GateMode Gate = GateMode.Masked, int Length = 10,
    int PrefixBottleneck = 512, bool PrefixFlat = false, PrefixInit PrefixInit = PrefixInit.Normal, int Rank = 8, double Alpha = 16,
    int ReductionFactor = 16, int PromptLength = 0) : LayeredConfig, IGated
{
    /// <summary>The submodules.</summary>
    public UniPeltParts Parts { get; init => field = Checked(value); } = Checked(Parts);

    /// <inheritdoc/>
    public GateMode Gate { get; init; } = Gate;

    /// <summary>The prefix's number of virtual tokens.</summary>
    public int Length { get; init => field = Require.NotNegative(value); } = Require.NotNegative(Length);

    /// <summary>The width of the prefix's reparametrisation.</summary>
    public int PrefixBottleneck { get; init => field = Require.Positive(value); } = Require.Positive(PrefixBottleneck);

    /// <summary>Whether the prefix is without reparametrisation.</summary>
    public bool PrefixFlat { get; init; } = PrefixFlat;

    /// <summary>How the prefix starts.</summary>
    public PrefixInit PrefixInit { get; init; } = PrefixInit;

    /// <summary>The rank R of LoRA.</summary>
    public int Rank { get; init => field = Require.Positive(value); } = Require.Positive(Rank);

    /// <summary>The α of LoRA without gates.</summary>
    public double Alpha { get; init => field = Require.Positive(value); } = Require.Positive(Alpha);

    /// <summary>The model's width divided by the adapter's.</summary>
    public int ReductionFactor { get; init => field = Require.Positive(value); } = Require.Positive(ReductionFactor);

    /// <summary>The number of virtual tokens in front of the embedded text.</summary>
    public int PromptLength { get; init => field = Require.NotNegative(value); } = Require.NotNegative(PromptLength);

    private static UniPeltParts Checked(UniPeltParts value) => value != 0
        ? value
        : throw new ArgumentException("parts is empty, expected some of adapter, prefix, lora", nameof(value));
}

/// <summary>
/// UniPELT: a Pfeiffer adapter, a prefix and LoRA in every block, each scaled by gates of its own <c>g(x) = mean_t σ(w · x_t + b)</c>: one of the
/// adapter, one of the prefix's keys and values, one of each LoRA in place of α / R. A prompt of vectors that are not gated may stand in front.
/// </summary>
public class UniPelt : UnionMethod<UniPeltConfig>
{
    /// <inheritdoc/>
    public override string Name => "unipelt";

    /// <inheritdoc/>
    public override string Summary => "adapter, prefix and LoRA in each block, each with a learnt gate: g(x) = mean σ(w·x + b)";

    /// <inheritdoc/>
    public override string Source => "Mao et al. 2022, arXiv 2110.07577, section 2.2; the authors' code";

    /// <inheritdoc/>
    public override double DefaultLearningRate => 1e-3;

    /// <inheritdoc/>
    protected sealed override JsonTypeInfo<UniPeltConfig> Json => UniPeltJson.Default.UniPeltConfig;

    /// <inheritdoc/>
    public sealed override PeftConfig Stored(PeftConfig config) =>
        config is UniPeltConfig { Parts: var parts } unipelt && parts.HasFlag(UniPeltParts.Prefix) ? unipelt with { PrefixFlat = true } : config;

    /// <inheritdoc/>
    public sealed override IReadOnlyList<MethodPicture> Pictures(Adapter adapter, IReadOnlyDictionary<string, double> observed) =>
    [
        .. SitePictures.Change(adapter),
        .. SitePictures.Gates(adapter, observed, site => site switch
        {
            LinearSite => $"LoRA, {SitePictures.Role(site.Role)}",
            KeyValueSite => "prefix",
            _ => "adapter",
        }),
    ];

    /// <inheritdoc/>
    protected sealed override IReadOnlyList<UnionPart> Parts(UniPeltConfig config)
    {
        List<UnionPart> parts = [];
        if (config.PromptLength > 0)
        {
            parts.Add(UnionPart.Of<PromptTuningConfig>("prompt-tuning", d => d with { Length = config.PromptLength }));
        }

        if (config.Parts.HasFlag(UniPeltParts.Prefix))
        {
            parts.Add(UnionPart.Of<PrefixTuningConfig>("prefix-tuning", d => d with
            {
                Length = config.Length,
                Bottleneck = config.PrefixBottleneck,
                Flat = config.PrefixFlat,
                Init = config.PrefixInit,
                Gate = config.Gate,
                LeaveOut = config.LeaveOut,
            }));
        }

        if (config.Parts.HasFlag(UniPeltParts.Lora))
        {
            parts.Add(UnionPart.Of<LoraConfig>("lora", d => d with
            {
                Rank = config.Rank,
                Alpha = config.Alpha,
                Gate = config.Gate,
                LeaveOut = config.LeaveOut,
            }));
        }

        if (config.Parts.HasFlag(UniPeltParts.Adapter))
        {
            parts.Add(UnionPart.Of<BottleneckConfig>("pfeiffer", d => d with
            {
                ReductionFactor = config.ReductionFactor,
                Gate = config.Gate,
                LeaveOut = config.LeaveOut,
            }));
        }

        return parts;
    }

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new UniPelt());
}

/// <summary>Submodules by their names in lower case, joined by commas.</summary>
internal sealed class UniPeltPartsJson() : JsonStringEnumConverter<UniPeltParts>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(UniPeltConfig))]
internal sealed partial class UniPeltJson : JsonSerializerContext;
