using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Methods.Core.Masks;
using Graft.Torch;

namespace Graft.Methods;

/// <summary>The settings of PROPETL's LoRA.</summary>
public sealed record ProPetlLoraConfig : MaskedConfig
{
    /// <summary>The rank R of the update.</summary>
    public int Rank { get; init => field = Require.Positive(value, nameof(Rank)); } = 32;

    /// <summary>The numerator α of the scaling α / R.</summary>
    public double Alpha { get; init => field = Require.Positive(value, nameof(Alpha)); } = 48;

    /// <summary>The dropout of the update's input.</summary>
    public double Dropout { get; init => field = Require.Probability(value, nameof(Dropout)); }

    /// <summary>The linear maps that are updated; those of one role share a prototype.</summary>
    public SiteRole Targets { get; init => field = Require.Linear(value, nameof(Targets)); } = SiteRole.Query | SiteRole.Value;

    /// <summary>The maps by what they share, in the order of the forward pass.</summary>
    internal IEnumerable<IGrouping<SiteRole, LinearSite>> ByRole(SiteMap sites) => sites.Linear(Targets).Where(Covers).GroupBy(s => s.Role);
}

/// <summary>
/// PROPETL's LoRA: one A [R, In] and B [Out, R] for the queries of all layers and another for the values, of which layer l uses
/// <c>A ∘ M_A^l</c> and <c>B ∘ M_B^l</c>: <c>y = W x + b + (α / R) (B ∘ M_B)(A ∘ M_A) drop(x)</c>. A begins uniform in ± 1/√In, B zero; the masks are those of
/// <see cref="ProPetlAdapter"/>. Merges into W.
/// </summary>
public sealed class ProPetlLora : MaskedMethod<ProPetlLoraConfig>
{
    /// <inheritdoc/>
    public override string Name => "propetl-lora";

    /// <inheritdoc/>
    public override string Summary => "one low-rank update per role for all layers and tasks, under learnt binary masks: y = Wx + (α/R)·(B∘M)·(A∘M)·x";

    /// <inheritdoc/>
    public override double DefaultLearningRate => 3e-3;

    /// <inheritdoc/>
    protected override ProPetlLoraConfig Preset => new() { Kept = 0.1, ScoreRateFactor = 10 };

    /// <inheritdoc/>
    protected override JsonTypeInfo<ProPetlLoraConfig> Json => ProPetlLoraJson.Default.ProPetlLoraConfig;

    /// <inheritdoc/>
    public override long CountStoredBits(PeftConfig config, SiteMap sites, int tasks = 1)
    {
        var lora = (ProPetlLoraConfig)config;
        return base.CountStoredBits(config, sites, tasks) + lora.ByRole(sites).Sum(role => lora.CountMaskBits(Entries(lora, role), role.Count(), tasks));
    }

    /// <inheritdoc/>
    public override Adapter? Standalone(Adapter adapter, string task, Backbone backbone)
    {
        var config = (ProPetlLoraConfig)adapter.Config;
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        var values = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var prototype in adapter.Prototypes<LoraPrototype>())
        {
            var (places, matrices) = (prototype.Masks.Places, prototype.ForTask(task));
            for (var place = 0; place < places.Count; place++)
            {
                values[places[place].Path + ".lora_A"] = matrices[0][place];
                values[places[place].Path + ".lora_B"] = matrices[1][place];
            }
        }

        return StandaloneAdapter.Of(
            "lora", new LoraConfig(config.Rank, config.Alpha, config.Dropout, config.Targets) { LeaveOut = config.LeaveOut }, task, backbone, values);
    }

    /// <inheritdoc/>
    protected override void Attach(AdapterBuilder builder, ProPetlLoraConfig config)
    {
        List<LoraPrototype> prototypes = [];
        foreach (var role in builder.Linear(config.Targets).GroupBy(s => s.Role))
        {
            var places = role.ToList();
            var key = SiteRoleJson.Text(role.Key);
            if (places.Find(p => p.In != places[0].In || p.Out != places[0].Out) is { } other)
            {
                throw new GraftException(
                    $"{Name} has one prototype for every '{key}', and '{other.Path}' is {other.Out} x {other.In} where '{places[0].Path}' is {places[0].Out} x {places[0].In}; leave one of them out of targets.");
            }

            var prototype = builder.Shared(key, () => new LoraPrototype(builder, key, config, places));
            prototypes.Add(prototype);
            for (var place = 0; place < places.Count; place++)
            {
                builder.Put(places[place], new ProPetlLoraPart(prototype, place, config));
            }
        }

        builder.TrainScores(Name, config, prototypes);
    }

    /// <inheritdoc/>
    protected override long CountParameters(ProPetlLoraConfig config, SiteMap sites, int tasks) =>
        config.ByRole(sites).Sum(role => Entries(config, role) + config.CountScores(Entries(config, role), role.Count(), tasks));

    private static long Entries(ProPetlLoraConfig config, IEnumerable<LinearSite> places) => (long)config.Rank * (places.First().In + places.First().Out);

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new ProPetlLora());
}

/// <summary>The update that all maps of one role share.</summary>
internal sealed class LoraPrototype : MaskedPrototype
{
    private readonly Parameter _a;
    private readonly Parameter _b;

    public LoraPrototype(AdapterBuilder builder, string key, ProPetlLoraConfig config, IReadOnlyList<LinearSite> places)
        : base(builder, key, config, Described(config, places[0]), places)
    {
        _a = AddParameter("lora_A", Init.KaimingUniform(builder.Rng, config.Rank, places[0].In, Math.Sqrt(5)));
        _b = AddParameter("lora_B", Tensor.Zeros([places[0].Out, config.Rank], DType.Float32, Device.Cpu));
    }

    /// <summary>The type of the parameters.</summary>
    public DType DType => _a.Value.DType;

    protected override IReadOnlyList<Tensor> Weights() => [_a, _b];

    private static MaskedMatrix[] Described(ProPetlLoraConfig config, LinearSite site) =>
        [new("A", config.Rank, site.In, 1 / Math.Sqrt(site.In)), new("B", site.Out, config.Rank, 1 / Math.Sqrt(config.Rank))];
}

/// <summary>The shared update as one map uses it.</summary>
internal sealed class ProPetlLoraPart(LoraPrototype prototype, int place, ProPetlLoraConfig config) : LinearPart, IMergeable
{
    private readonly double _scaling = config.Alpha / config.Rank;

    public override LinearHooks Hooks => LinearHooks.Delta;

    public bool CanMerge => prototype.IsOfOneTask;

    public override Tensor Delta(RowGroup rows, Tensor x)
    {
        var inner = F.Linear(AdapterPass.Dropout(rows.Pass, x.To(prototype.DType), config.Dropout), prototype.Matrix(rows, 0, place));
        return (F.Linear(inner, prototype.Matrix(rows, 1, place)) * _scaling).To(x.DType);
    }

    public (Tensor Weight, Tensor? Bias) Merge(Tensor weight, Tensor? bias)
    {
        var matrices = prototype.ForPlace(place);
        return (weight + (matrices[1].MatMul(matrices[0]) * _scaling).To(weight.DType), bias);
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ProPetlLoraConfig))]
internal sealed partial class ProPetlLoraJson : JsonSerializerContext;
