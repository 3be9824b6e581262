using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Methods;

/// <summary>The settings of DoRA.</summary>
/// <param name="Rank">The rank R of the update.</param>
/// <param name="Alpha">The numerator α of the scaling.</param>
/// <param name="Dropout">The dropout of the update's input.</param>
/// <param name="Targets">The linear maps that are updated.</param>
/// <param name="UseRslora">Whether the scaling is α / √R instead of α / R.</param>
public sealed record DoraConfig(
    int Rank = 8, double Alpha = 16, double Dropout = 0, SiteRole Targets = SiteRole.Query | SiteRole.Value, bool UseRslora = false)
    : LowRankConfig(Rank, Alpha, Dropout, Targets, UseRslora);

/// <summary>
/// DoRA: direction and size of a weight's rows train apart, <c>y = (m ∘ V / ‖V‖) x + b</c> with <c>V = W + s B A</c>, norms by row, m [Out]
/// starting as ‖W‖, and the norm taken as a constant in the backward pass (section 4.3). Merges into W.
/// </summary>
public sealed class Dora : PeftMethod<DoraConfig>
{
    /// <inheritdoc/>
    public override string Name => "dora";

    /// <inheritdoc/>
    public override string Summary => "LoRA on the direction of each row and a trained size: y = (m∘V/‖V‖)x + b, V = W + s·B·A";

    /// <inheritdoc/>
    public override string Source => "Liu et al. 2024, arXiv 2402.09353, eq. 5 and section 4.3";

    /// <inheritdoc/>
    protected override JsonTypeInfo<DoraConfig> Json => DoraJson.Default.DoraConfig;

    /// <inheritdoc/>
    protected override void Attach(AdapterBuilder builder, DoraConfig config)
    {
        foreach (var site in builder.Linear(config.Targets))
        {
            builder.Put(site, new DoraPart(site, config, builder.Rng));
        }
    }

    /// <inheritdoc/>
    protected override long CountParameters(DoraConfig config, SiteMap sites, int tasks) =>
        config.Updated(sites).Sum(s => ((long)config.RankAt(s) * (s.In + s.Out)) + s.Out);

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new Dora());
}

/// <summary>The low-rank update of one linear map's direction, and the sizes of its rows.</summary>
internal sealed class DoraPart : LinearPart, IMergeable
{
    // Keeps a row of zeros from dividing by zero; such a row has m = 0 and stays as it is.
    private const double SmallestNorm = 1e-12;

    private readonly LinearSite _site;
    private readonly Parameter _a;
    private readonly Parameter _b;
    private readonly Parameter _magnitude;
    private readonly double _scaling;
    private readonly double _dropout;

    public DoraPart(LinearSite site, DoraConfig config, Rng rng)
    {
        _site = site;
        var rank = config.RankAt(site);
        _a = AddParameter("lora_A", Init.KaimingUniform(rng, rank, site.In, Math.Sqrt(5)));
        _b = AddParameter("lora_B", Tensor.Zeros([site.Out, rank], DType.Float32, Device.Cpu));
        using var frozen = Autograd.NoGrad();
        _magnitude = AddParameter("magnitude", RowNorms(site.Weight.Parameter!, DType.Float32).Clamp(low: SmallestNorm));
        _scaling = config.ScalingAt(site);
        _dropout = config.Dropout;
    }

    public override LinearHooks Hooks => LinearHooks.Delta | LinearHooks.Output;

    public override Tensor Delta(RowGroup rows, Tensor x)
    {
        var inner = F.Linear(AdapterPass.Dropout(rows.Pass, x.To(_a.Value.DType), _dropout), _a);
        return (F.Linear(inner, _b) * _scaling).To(x.DType);
    }

    // c ∘ (y - b) + b with c = m / ‖V‖, written as y + (c - 1) ∘ (y - b): exact where c = 1, and c - 1 keeps its digits in narrow types.
    public override Tensor Output(RowGroup rows, Tensor x, Tensor y)
    {
        var excess = ((_magnitude.Value / Norm(rows.Resolve(_site.Weight)!)) - 1.0).To(y.DType);
        return y + (excess * (rows.Resolve(_site.Bias) is { } bias ? y - bias : y));
    }

    public (Tensor Weight, Tensor? Bias) Merge(Tensor weight, Tensor? bias)
    {
        var direction = weight.To(_a.Value.DType) + (_b.Value.MatMul(_a) * _scaling);
        var size = _magnitude.Value / direction.Norm(1).Clamp(low: SmallestNorm);
        return ((direction * size.Unsqueeze(1)).To(weight.DType), bias);
    }

    /// <summary>
    /// ‖V‖ by row, [Out], without gradient and without a matrix of W's size:
    /// <c>‖v_j‖² = ‖w_j‖² + 2 s b_j · (A w_j) + s² b_j (A Aᵀ) b_jᵀ</c>.
    /// </summary>
    private Tensor Norm(Tensor weight)
    {
        using var frozen = Autograd.NoGrad();
        var (a, b) = (_a.Value, _b.Value);
        var projected = F.Linear(weight, a.To(weight.DType)).To(b.DType);
        var cross = (b * projected).Sum(1) * (2 * _scaling);
        var update = (b.MatMul(a.MatMul(a.Transpose(0, 1))) * b).Sum(1) * (_scaling * _scaling);
        return (RowNorms(weight, b.DType).Square() + cross + update).Clamp(low: SmallestNorm * SmallestNorm).Sqrt();
    }

    private static Tensor RowNorms(Tensor weight, DType dtype) => weight.DType == DType.Float64 ? weight.Norm(1).To(dtype) : weight.Norm(1, dtype);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(DoraConfig))]
internal sealed partial class DoraJson : JsonSerializerContext;
