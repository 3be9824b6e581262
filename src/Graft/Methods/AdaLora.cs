using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Methods;

/// <summary>The settings of AdaLoRA. Times below 1 are shares of the run's steps, others are steps.</summary>
/// <param name="InitialRank">The rank of every map at the start.</param>
/// <param name="TargetRank">The mean rank of the maps at the end.</param>
/// <param name="Alpha">The numerator α of the scaling.</param>
/// <param name="Dropout">The dropout of the update's input.</param>
/// <param name="Targets">The linear maps that are updated.</param>
/// <param name="Orthogonality">The weight γ of the penalty that keeps the singular vectors orthonormal.</param>
/// <param name="Beta1">How much of the mean sensitivity a step keeps.</param>
/// <param name="Beta2">How much of the mean uncertainty a step keeps.</param>
/// <param name="Warmup">The steps at the start with the full budget.</param>
/// <param name="Final">The steps at the end with the final budget, during which the choice of ranks stands.</param>
/// <param name="Interval">The steps from one choice of ranks to the next.</param>
public sealed record AdaLoraConfig(
    int InitialRank = 12, int TargetRank = 8, double Alpha = 16, double Dropout = 0, SiteRole Targets = SiteRole.AllLinear,
    double Orthogonality = 0.5, double Beta1 = 0.85, double Beta2 = 0.85, double Warmup = 0.1, double Final = 0.4, double Interval = 0.005)
    : LinearConfig
{
    /// <summary>The rank of every map at the start.</summary>
    public int InitialRank { get; init => field = Require.Positive(value, nameof(InitialRank)); } = Require.Positive(InitialRank);

    /// <summary>The mean rank of the maps at the end.</summary>
    public int TargetRank { get; init => field = Require.Positive(value, nameof(TargetRank)); } = Require.Positive(TargetRank);

    /// <summary>The numerator α of the scaling α / (initial rank + 1e-5).</summary>
    public double Alpha { get; init => field = Require.Positive(value, nameof(Alpha)); } = Require.Positive(Alpha);

    /// <summary>The dropout of the update's input.</summary>
    public double Dropout { get; init => field = Require.Probability(value, nameof(Dropout)); } = Require.Probability(Dropout);

    /// <summary>The linear maps that are updated.</summary>
    public SiteRole Targets { get; init => field = Require.Linear(value, nameof(Targets)); } = Require.Linear(Targets);

    /// <summary>The weight γ of the penalty.</summary>
    public double Orthogonality { get; init => field = Require.NotNegative(value, nameof(Orthogonality)); } = Require.NotNegative(Orthogonality);

    /// <summary>How much of the mean sensitivity a step keeps.</summary>
    public double Beta1 { get; init => field = Require.Probability(value, nameof(Beta1)); } = Require.Probability(Beta1);

    /// <summary>How much of the mean uncertainty a step keeps.</summary>
    public double Beta2 { get; init => field = Require.Probability(value, nameof(Beta2)); } = Require.Probability(Beta2);

    /// <summary>The steps, or the share of steps, with the full budget.</summary>
    public double Warmup { get; init => field = Require.NotNegative(value, nameof(Warmup)); } = Require.NotNegative(Warmup);

    /// <summary>The steps, or the share of steps, with the final budget.</summary>
    public double Final { get; init => field = Require.NotNegative(value, nameof(Final)); } = Require.NotNegative(Final);

    /// <summary>The steps, or the share of steps, from one choice of ranks to the next.</summary>
    public double Interval { get; init => field = Require.Positive(value, nameof(Interval)); } = Require.Positive(Interval);
}

/// <summary>
/// AdaLoRA: <c>y = W x + s B (E ∘ (A drop(x))) + b</c> with <c>s = α / (R + 1e-5)</c>, A [R, In] and B [Out, R] N(0, 0.02), E [R, 1] zero. The
/// penalty <c>γ mean(‖A Aᵀ - I‖, ‖Bᵀ B - I‖)</c> keeps A and B near orthonormal, so that E holds singular values; the budget of
/// non-zero ones over all maps shrinks along a cubic schedule, and those that matter least for the loss are set to zero. Merges into W.
/// </summary>
public sealed class AdaLora : PeftMethod<AdaLoraConfig>
{
    /// <inheritdoc/>
    public override string Name => "adalora";

    /// <inheritdoc/>
    public override string Summary => "low-rank update in singular value form whose ranks move to where they matter: y = Wx + s·B·(E∘(A·x))";

    /// <inheritdoc/>
    public override string Source => "Zhang et al. 2023, arXiv 2303.10512, eq. 3 to 10";

    /// <inheritdoc/>
    public override double DefaultLearningRate => 3e-3;

    /// <inheritdoc/>
    protected override JsonTypeInfo<AdaLoraConfig> Json => AdaLoraJson.Default.AdaLoraConfig;

    /// <inheritdoc/>
    public override IReadOnlyList<MethodPicture> Pictures(Adapter adapter, IReadOnlyDictionary<string, double> observed) =>
    [
        .. base.Pictures(adapter, observed),
        .. SitePictures.Of(
            "Ranks that are left", "The number of singular values of each update that are not zero: the budget went where the loss depends on it most.",
            "map", "rank", from site in adapter.Parts.Sites.Linear(SiteRole.AllLinear)
                           from part in adapter.Parts.At(site).ToArray().OfType<AdaLoraPart>()
                           select ((Site)site, SitePictures.Role(site.Role), (double)part.Rank)),
    ];

    /// <inheritdoc/>
    protected override void Attach(AdapterBuilder builder, AdaLoraConfig config)
    {
        if (config.TargetRank > config.InitialRank)
        {
            throw new GraftException(
                $"adalora: target_rank {config.TargetRank} is above initial_rank {config.InitialRank}; ranks only shrink, so choose it no larger.");
        }

        var sites = builder.Linear(config.Targets);
        var parts = sites.Select(s => new AdaLoraPart(s, config, builder.Rng)).ToList();
        foreach (var (site, part) in sites.Zip(parts))
        {
            builder.Put(site, part);
        }

        var allocator = new RankAllocator(config, parts);
        builder.BeforeTraining(plan => allocator.Schedule = Schedule(config, parts.Count, plan.Steps));
        builder.AroundOptimizerStep(after: allocator.Allocate);
        if (config.Orthogonality > 0)
        {
            builder.AuxiliaryLoss((_, _, _) => Penalty(parts) * config.Orthogonality);
        }
    }

    /// <inheritdoc/>
    protected override long CountParameters(AdaLoraConfig config, SiteMap sites, int tasks) =>
        sites.Linear(config.Targets).Where(config.Covers).Sum(s => (long)config.InitialRank * (s.In + s.Out + 1));

    /// <summary>The budget over N maps of a run.</summary>
    internal static RankSchedule Schedule(AdaLoraConfig config, int maps, int steps) => new(
        config.InitialRank * maps, config.TargetRank * maps, steps, config.Warmup, config.Final, config.Interval);

    private static Tensor Penalty(IReadOnlyList<AdaLoraPart> parts)
    {
        Tensor? sum = null;
        foreach (var part in parts)
        {
            var (a, b) = part.Skew();
            sum = sum is null ? a + b : sum + a + b;
        }

        return sum! / (2.0 * parts.Count);
    }

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new AdaLora());
}

/// <summary>The update of one linear map, with the running importance of its R triplets (a row of A, an entry of E, a column of B).</summary>
internal sealed class AdaLoraPart : LinearPart, IMergeable
{
    private readonly Parameter _a;
    private readonly Parameter _b;
    private readonly Parameter _e;
    private readonly (Parameter Parameter, ModuleBuffer Sensitivity, ModuleBuffer Uncertainty)[] _importance;
    private readonly double _scaling;
    private readonly double _dropout;

    public AdaLoraPart(LinearSite site, AdaLoraConfig config, Rng rng)
    {
        _a = AddParameter("lora_A", rng.Normal([config.InitialRank, site.In], 0, 0.02));
        _b = AddParameter("lora_B", rng.Normal([site.Out, config.InitialRank], 0, 0.02));
        _e = AddParameter("lora_E", Tensor.Zeros([config.InitialRank, 1], DType.Float32, Device.Cpu));
        _importance = [Track("lora_A", _a), Track("lora_B", _b), Track("lora_E", _e)];
        _scaling = config.Alpha / (config.InitialRank + 1e-5);
        _dropout = config.Dropout;
    }

    public override LinearHooks Hooks => LinearHooks.Delta;

    /// <summary>The number of entries of E that are not zero.</summary>
    public int Rank
    {
        get
        {
            using var scope = new TensorScope();
            return _e.Value.Detach().To(DType.Float64).To(Device.Cpu).ToArray<double>().Count(e => e != 0);
        }
    }

    public override Tensor Delta(RowGroup rows, Tensor x)
    {
        var inner = F.Linear(AdapterPass.Dropout(rows.Pass, x.To(_a.Value.DType), _dropout), _a.Value * _e);
        return (F.Linear(inner, _b) * _scaling).To(x.DType);
    }

    public (Tensor Weight, Tensor? Bias) Merge(Tensor weight, Tensor? bias) =>
        (weight + (_b.Value.MatMul(_a.Value * _e) * _scaling).To(weight.DType), bias);

    /// <summary>‖A Aᵀ - I‖ and ‖Bᵀ B - I‖.</summary>
    public (Tensor A, Tensor B) Skew()
    {
        var identity = Tensor.Eye(_e.Value.Size(0), _e.Value.DType, _e.Value.Device);
        return (
            (_a.Value.MatMul(_a.Value.Transpose(0, 1)) - identity).Norm(),
            (_b.Value.Transpose(0, 1).MatMul(_b) - identity).Norm());
    }

    /// <summary>Takes a step's sensitivities |w ∘ ∂loss/∂w| into the running means (eq. 8 and 9).</summary>
    public void Observe(double beta1, double beta2)
    {
        foreach (var (parameter, mean, spread) in _importance)
        {
            if (parameter.Value.Grad is not { } gradient)
            {
                continue;
            }

            var sensitivity = (parameter.Value * gradient).Abs();
            mean.Value.Mul_(beta1).Add_(sensitivity, 1 - beta1);
            spread.Value.Mul_(beta2).Add_((sensitivity - mean).Abs(), 1 - beta2);
        }
    }

    /// <summary>The importance of each triplet, [R]: that of its E, and the mean over its row of A and its column of B (eq. 7).</summary>
    public Tensor Scores()
    {
        var a = Score(0).Mean(1);
        var b = Score(1).Mean(0);
        return Score(2).View(-1) + (a + b);

        Tensor Score(int i) => _importance[i].Sensitivity.Value * _importance[i].Uncertainty.Value;
    }

    /// <summary>Sets the entries of E to zero where <paramref name="keep"/> is zero.</summary>
    public void Mask(Tensor keep) => _e.Value.Mul_(keep.View(-1, 1));

    private (Parameter Parameter, ModuleBuffer Sensitivity, ModuleBuffer Uncertainty) Track(string key, Parameter parameter) => (
        parameter,
        AddBuffer(key + ".sensitivity", parameter.Value.ZerosLike(), BufferKind.Training),
        AddBuffer(key + ".uncertainty", parameter.Value.ZerosLike(), BufferKind.Training));
}

/// <summary>Keeps the most important triplets of all maps within the budget. Its state is in the parts' buffers, which checkpoints keep.</summary>
internal sealed class RankAllocator(AdaLoraConfig config, IReadOnlyList<AdaLoraPart> parts)
{
    public RankSchedule? Schedule { get; set; }

    public void Allocate(int step)
    {
        var schedule = Schedule ?? throw new InvalidOperationException("AdaLoRA trains by a schedule; call Adapter.BeginTraining with the number of steps first.");
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        if (schedule.Learns(step))
        {
            foreach (var part in parts)
            {
                part.Observe(config.Beta1, config.Beta2);
            }
        }

        var removed = (parts.Count * config.InitialRank) - schedule.Budget(step);
        if (!schedule.Chooses(step) || removed == 0)
        {
            return;
        }

        // The lowest by rank rather than by a threshold: ties then never remove more than the budget asks for.
        var scores = Tensor.Cat([.. parts.Select(p => p.Scores())], 0);
        var keep = scores.OnesLike().Scatter_(0, scores.ArgSort(0).Narrow(0, 0, removed), 0);
        for (var i = 0; i < parts.Count; i++)
        {
            parts[i].Mask(keep.Narrow(0, (long)i * config.InitialRank, config.InitialRank));
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(AdaLoraConfig))]
internal sealed partial class AdaLoraJson : JsonSerializerContext;
