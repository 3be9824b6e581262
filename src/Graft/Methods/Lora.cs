using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Methods;

/// <summary>The settings of LoRA.</summary>
/// <param name="Rank">The rank R of the update.</param>
/// <param name="Alpha">The numerator α of the scaling.</param>
/// <param name="Dropout">The dropout of the update's input.</param>
/// <param name="Targets">The linear maps that are updated.</param>
/// <param name="UseRslora">Whether the scaling is α / √R instead of α / R.</param>
/// <param name="LoraBias">Whether the update has a trained bias of its own, scaled like the update.</param>
/// <param name="Bias">Which of the backbone's biases train too.</param>
/// <param name="Gate">UniPELT's gate, which takes the place of the scaling.</param>
public sealed record LoraConfig(
    int Rank = 8, double Alpha = 16, double Dropout = 0, SiteRole Targets = SiteRole.Query | SiteRole.Value, bool UseRslora = false,
    bool LoraBias = false, TrainedBiases Bias = TrainedBiases.None, GateMode Gate = GateMode.None)
    : LowRankConfig(Rank, Alpha, Dropout, Targets, UseRslora), IGated;

/// <summary>
/// LoRA: <c>y = W x + b + s (B A drop(x) + c)</c> with <c>s = α / R</c> (rsLoRA: <c>α / √R</c>), A [R, In] Kaiming-uniform (a = √5),
/// B [Out, R] zero, c [Out] zero where the update has a bias. With a gate, <c>s = g(x)</c> and α plays no part. Merges into W and b
/// where there is no gate.
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
        var sites = builder.Linear(config.Targets);
        foreach (var site in sites)
        {
            builder.Put(site, new LoraPart(site, config, builder.Rng));
        }

        builder.Train(builder.Backbone.Sites.Biases(config.Bias, sites));
    }

    /// <inheritdoc/>
    protected override long CountParameters(LoraConfig config, SiteMap sites, int tasks) =>
        config.Updated(sites).Sum(s => ((long)config.RankAt(s) * (s.In + s.Out)) + (config.LoraBias ? s.Out : 0) + Gate.Count(s.In, config.Gate))
        + sites.Biases(config.Bias, config.Updated(sites)).Elements();

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new Lora());
}

/// <summary>The low-rank update of one linear map.</summary>
internal sealed class LoraPart : LinearPart, IMergeable
{
    private readonly Parameter _a;
    private readonly Parameter _b;
    private readonly Parameter? _bias;
    private readonly Gate? _gate;
    private readonly double _scaling;
    private readonly double _dropout;

    public LoraPart(LinearSite site, LoraConfig config, Rng rng)
    {
        var rank = config.RankAt(site);
        _a = AddParameter("lora_A", Init.KaimingUniform(rng, rank, site.In, Math.Sqrt(5)));
        _b = AddParameter("lora_B", Tensor.Zeros([site.Out, rank], DType.Float32, Device.Cpu));
        _bias = config.LoraBias ? AddParameter("lora_bias", Tensor.Zeros([site.Out], DType.Float32, Device.Cpu)) : null;
        if (Gate.Create(site.Path + ".gate", site.In, config.Gate, rng) is { } gate)
        {
            _gate = AddChild("gate", gate);
        }

        _scaling = config.ScalingAt(site);
        _dropout = config.Dropout;
    }

    /// <summary>The rank R.</summary>
    public int Rank => (int)_a.Value.Size(0);

    public override bool ReadsPadding => _gate is { ReadsPadding: true };

    public override LinearHooks Hooks => LinearHooks.Delta;

    public bool CanMerge => _gate is null;

    public bool NeedsBias => _bias is not null;

    public override Tensor Delta(RowGroup rows, Tensor x)
    {
        var inner = F.Linear(AdapterPass.Dropout(rows.Pass, x.To(_a.Value.DType), _dropout), _a);
        var delta = F.Linear(inner, _b, _bias?.Value);
        return (_gate is null ? delta * _scaling : delta * rows.PerToken(_gate.Forward(rows, x))).To(x.DType);
    }

    public (Tensor Weight, Tensor? Bias) Merge(Tensor weight, Tensor? bias)
    {
        var merged = weight + (_b.Value.MatMul(_a) * _scaling).To(weight.DType);
        if (_bias is null)
        {
            return (merged, bias);
        }

        var shift = (_bias.Value * _scaling).To(weight.DType);
        return (merged, bias is null ? shift : bias + shift);
    }

    /// <summary>A and s B of the update s B A, float64.</summary>
    public (Tensor A, Tensor B) Factors() =>
        (_a.Value.Detach().To(DType.Float64), _b.Value.Detach().To(DType.Float64) * _scaling);

    /// <summary>Takes over factors of the same shapes.</summary>
    public void Assign(Tensor a, Tensor b)
    {
        _a.Assign(a);
        _b.Assign(b);
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(LoraConfig))]
internal sealed partial class LoraJson : JsonSerializerContext;
