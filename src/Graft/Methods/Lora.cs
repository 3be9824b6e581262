using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Methods;

/// <summary>The settings of LoRA.</summary>
/// <param name="Rank">The rank R of the update.</param>
/// <param name="Alpha">The numerator α of the scaling α / R.</param>
/// <param name="Dropout">The dropout of the update's input.</param>
/// <param name="Targets">The linear maps that are updated.</param>
public sealed record LoraConfig(
    int Rank = 8, double Alpha = 16, double Dropout = 0, SiteRole Targets = SiteRole.Query | SiteRole.Value) : PeftConfig
{
    /// <summary>The rank R of the update.</summary>
    public int Rank { get; init => field = Require.Positive(value); } = Require.Positive(Rank);

    /// <summary>The numerator α of the scaling α / R.</summary>
    public double Alpha { get; init => field = Require.Positive(value); } = Require.Positive(Alpha);

    /// <summary>The dropout of the update's input.</summary>
    public double Dropout { get; init => field = Require.Probability(value); } = Require.Probability(Dropout);

    /// <summary>The linear maps that are updated.</summary>
    public SiteRole Targets { get; init => field = Require.Roles(value, Allowed); } = Require.Roles(Targets, Allowed);

    private const SiteRole Allowed = SiteRole.AllLinear | SiteRole.AllSublayers;
}

/// <summary>
/// LoRA: <c>y = W x + b + (α / R) B A drop(x)</c>, A [R, In] Kaiming-uniform (a = √5), B [Out, R] zero. Merges into W.
/// </summary>
public sealed class Lora : PeftMethod<LoraConfig>
{
    /// <inheritdoc/>
    public override string Name => "lora";

    /// <inheritdoc/>
    public override string Summary => "low-rank update of linear maps: y = Wx + (α/R)·B·A·x";

    /// <inheritdoc/>
    public override string Source => "Hu et al. 2022, arXiv 2106.09685, eq. 3";

    /// <inheritdoc/>
    protected override JsonTypeInfo<LoraConfig> Json => LoraJson.Default.LoraConfig;

    /// <inheritdoc/>
    protected override void Attach(AdapterBuilder builder, LoraConfig config)
    {
        foreach (var site in builder.Linear(config.Targets))
        {
            builder.Put(site, new LoraPart(site, config, builder.Rng));
        }
    }

    /// <inheritdoc/>
    protected override long CountParameters(LoraConfig config, SiteMap sites, int tasks) =>
        sites.Linear(config.Targets).Sum(s => (long)config.Rank * (s.In + s.Out));

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new Lora());
}

/// <summary>The low-rank update of one linear map.</summary>
internal sealed class LoraPart : LinearPart, IMergeable
{
    private readonly Parameter _a;
    private readonly Parameter _b;
    private readonly double _scaling;
    private readonly double _dropout;

    public LoraPart(LinearSite site, LoraConfig config, Rng rng)
    {
        _a = AddParameter("lora_A", Init.KaimingUniform(rng, config.Rank, site.In, Math.Sqrt(5)));
        _b = AddParameter("lora_B", Tensor.Zeros([site.Out, config.Rank], DType.Float32, Device.Cpu));
        _scaling = config.Alpha / config.Rank;
        _dropout = config.Dropout;
    }

    public override LinearHooks Hooks => LinearHooks.Delta;

    public override Tensor Delta(RowGroup rows, Tensor x)
    {
        var inner = F.Linear(AdapterPass.Dropout(rows.Pass, x.To(_a.Value.DType), _dropout), _a);
        return (F.Linear(inner, _b) * _scaling).To(x.DType);
    }

    public (Tensor Weight, Tensor? Bias) Merge(Tensor weight, Tensor? bias) =>
        (weight + (_b.Value.MatMul(_a) * _scaling).To(weight.DType), bias);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(LoraConfig))]
internal sealed partial class LoraJson : JsonSerializerContext;
