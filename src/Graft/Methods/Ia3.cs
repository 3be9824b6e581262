using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Methods;

/// <summary>The settings of (IA)3.</summary>
/// <param name="Targets">The linear maps whose outputs are scaled, bias included.</param>
/// <param name="InputTargets">The linear maps whose inputs are scaled.</param>
/// <param name="Gate">UniPELT's gate, which scales the vectors.</param>
public sealed record Ia3Config(
    SiteRole Targets = SiteRole.Key | SiteRole.Value, SiteRole InputTargets = SiteRole.FeedForwardOut, GateMode Gate = GateMode.None) : LinearConfig, IGated
{
    /// <summary>The linear maps whose outputs are scaled.</summary>
    public SiteRole Targets { get; init => field = Maps(value, nameof(Targets)); } = Maps(Targets, nameof(Targets));

    /// <summary>The linear maps whose inputs are scaled.</summary>
    public SiteRole InputTargets { get; init => field = Maps(value, nameof(InputTargets)); } = Maps(InputTargets, nameof(InputTargets));

    private static SiteRole Maps(SiteRole value, string name) => value == SiteRole.None ? value : Require.Linear(value, name);
}

/// <summary>
/// (IA)3: scales keys, values and the inner activations of the feed-forward, <c>y = l ∘ (W x + b)</c> at the outputs and
/// <c>y = W (l ∘ x) + b</c> at the inputs of maps; l starts at one. With a gate, <c>g(x) l</c> takes the place of l. Merges into W and b
/// where there is no gate.
/// </summary>
public sealed class Ia3 : PeftMethod<Ia3Config>
{
    /// <inheritdoc/>
    public override string Name => "ia3";

    /// <inheritdoc/>
    public override string Summary => "trained scales of keys, values and inner activations: y = l∘(Wx + b), y = W(l∘x) + b";

    /// <inheritdoc/>
    public override string Source => "Liu et al. 2022, arXiv 2205.05638, section 3.3";

    /// <inheritdoc/>
    public override double DefaultLearningRate => 1e-2;

    /// <inheritdoc/>
    protected override JsonTypeInfo<Ia3Config> Json => Ia3Json.Default.Ia3Config;

    /// <inheritdoc/>
    public override bool IsIdentityAtStart(PeftConfig config) => ((Ia3Config)config).Gate == GateMode.None;

    /// <inheritdoc/>
    protected override void Attach(AdapterBuilder builder, Ia3Config config)
    {
        var outputs = Sites(builder.Backbone.Sites, config, config.Targets);
        var inputs = Sites(builder.Backbone.Sites, config, config.InputTargets);
        if (outputs.Intersect(inputs).FirstOrDefault() is { } both)
        {
            throw new GraftException(
                $"ia3 would scale both input and output of '{both.Path}'; name its role in targets or in input_targets, not in both.");
        }

        if (outputs.Count + inputs.Count == 0)
        {
            throw new GraftException("ia3 finds no map to scale with these settings; name roles in targets or input_targets that the backbone has.");
        }

        outputs.ForEach(s => builder.Put(s, new ScalePart(s, input: false, config.Gate, builder.Rng)));
        inputs.ForEach(s => builder.Put(s, new ScalePart(s, input: true, config.Gate, builder.Rng)));
    }

    /// <inheritdoc/>
    protected override long CountParameters(Ia3Config config, SiteMap sites, int tasks) =>
        Sites(sites, config, config.Targets).Sum(s => s.Out + Gate.Count(s.In, config.Gate))
        + Sites(sites, config, config.InputTargets).Sum(s => s.In + Gate.Count(s.In, config.Gate));

    private static List<LinearSite> Sites(SiteMap sites, Ia3Config config, SiteRole targets) => [.. sites.Linear(targets).Where(config.Covers)];

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new Ia3());
}

/// <summary>The scales of one linear map's output or input.</summary>
internal sealed class ScalePart : LinearPart, IMergeable
{
    private readonly bool _input;
    private readonly Parameter _scale;
    private readonly Gate? _gate;

    public ScalePart(LinearSite site, bool input, GateMode gate, Rng rng)
    {
        _input = input;
        _scale = AddParameter("scale", Tensor.Ones([input ? site.In : site.Out], DType.Float32, Device.Cpu));
        if (Gate.Create(site.Path + ".gate", site.In, gate, rng) is { } made)
        {
            _gate = AddChild("gate", made);
        }
    }

    public override bool ReadsPadding => _gate is { ReadsPadding: true };

    public override LinearHooks Hooks => _input ? LinearHooks.Input : LinearHooks.Output;

    public bool CanMerge => _gate is null;

    public override Tensor Input(RowGroup rows, Tensor x) => _input ? x * Scale(rows, x) : x;

    public override Tensor Output(RowGroup rows, Tensor x, Tensor y) => _input ? y : y * Scale(rows, x);

    public (Tensor Weight, Tensor? Bias) Merge(Tensor weight, Tensor? bias)
    {
        var scale = _scale.Value.To(weight.DType);
        return _input ? (weight * scale, bias) : (weight * scale.Unsqueeze(1), bias is null ? null : bias * scale);
    }

    private Tensor Scale(RowGroup rows, Tensor x) => (_gate is null ? _scale.Value : rows.PerToken(_gate.Forward(rows, x)) * _scale).To(x.DType);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(Ia3Config))]
internal sealed partial class Ia3Json : JsonSerializerContext;
