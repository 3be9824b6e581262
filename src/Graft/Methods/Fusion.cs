using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Methods.Core.Bottlenecks;
using Graft.Torch;

namespace Graft.Methods;

/// <summary>The settings of AdapterFusion.</summary>
public sealed record FusionConfig : PeftConfig
{
    /// <summary>The trained adapters: packages joined by commas, or their descriptions once they are read.</summary>
    public FusedAdapters Adapters { get; init => field = value ?? FusedAdapters.None; } = FusedAdapters.None;

    /// <summary>Whether queries are mapped by Q.</summary>
    public bool Query { get; init; } = true;

    /// <summary>Whether keys are mapped by K.</summary>
    public bool Key { get; init; } = true;

    /// <summary>Whether values are mapped by V.</summary>
    public bool Value { get; init; } = true;

    /// <summary>Whether V starts as the identity, with 1e-6 beside the diagonal; otherwise N(0, 0.02).</summary>
    public bool ValueIdentity { get; init; } = true;

    /// <summary>Whether queries are the sublayer's output a, instead of what the adapters read.</summary>
    public bool QueryBeforeNorm { get; init; }

    /// <summary>Whether the residual is added to keys and values, instead of to the result.</summary>
    public bool ResidualBefore { get; init; }

    /// <summary>The dropout of the scores.</summary>
    public double Dropout { get; init => field = Require.Probability(value); }

    /// <summary>The weight of Σ ‖I - V‖² in the loss; 0 for none.</summary>
    public double Regularization { get; init => field = Require.NotNegative(value, nameof(Regularization)); } = 0.01;
}

/// <summary>
/// AdapterFusion: with the up-projections u_s(z) of S frozen adapters, <c>p = softmax_s((Q z + b_Q) · (K u_s + b_K))</c> and
/// <c>a' = r + V Σ_s p_s u_s</c> in place of <c>r + u(z)</c>. Q and K are N(0, 0.02), V the identity with 1e-6 beside its diagonal; the loss gets
/// <c>0.01 Σ ‖I - V‖²</c>. The adapters are held frozen, so that a package loads alone.
/// </summary>
public sealed class Fusion : PeftMethod<FusionConfig>, IBuildsOnAdapters
{
    /// <inheritdoc/>
    public override string Name => "fusion";

    /// <inheritdoc/>
    public override string Summary => "attention over trained bottleneck adapters: r + V·Σ softmax(Q·z · K·u_s)·u_s";

    /// <inheritdoc/>
    public override string Source => "Pfeiffer et al. 2021, arXiv 2005.00247, section 3.2";

    /// <inheritdoc/>
    public override double DefaultLearningRate => 5e-5;

    /// <inheritdoc/>
    public override bool IsIdentityAtStart(PeftConfig config) => false;

    /// <inheritdoc/>
    protected override FusionConfig Preset => new();

    /// <inheritdoc/>
    protected override JsonTypeInfo<FusionConfig> Json => FusionJson.Default.FusionConfig;

    /// <inheritdoc/>
    public IReadOnlyList<string> Places(PeftConfig config) =>
        ((FusionConfig)config).Adapters.Places.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <inheritdoc/>
    public PeftConfig Describe(PeftConfig config, IReadOnlyList<Adapter> trained)
    {
        List<FusedAdapter> described = [];
        foreach (var adapter in trained)
        {
            var name = adapter.Name;
            for (var i = 2; described.Exists(d => d.Name == name); i++)
            {
                name = $"{adapter.Name}-{i}";
            }

            described.Add(new FusedAdapter(name, adapter.Method, adapter.Config));
        }

        return (FusionConfig)config with { Adapters = new FusedAdapters(described) };
    }

    /// <inheritdoc/>
    public void TakeOver(Adapter adapter, IReadOnlyList<Adapter> trained)
    {
        var described = ((FusionConfig)adapter.Config).Adapters.Described;
        if (trained.Count != described.Count)
        {
            throw new GraftException($"fusion has {described.Count} adapters and the weights of {trained.Count}; name the packages of trained adapters with --set adapters=PACKAGE,PACKAGE.");
        }

        var own = adapter.NamedParameters().ToDictionary(p => p.Path, p => p.Parameter, StringComparer.Ordinal);
        foreach (var (child, source) in described.Zip(trained))
        {
            foreach (var (path, parameter) in source.NamedParameters())
            {
                own[$"shared.{Held(child)}.{path}"].Assign(parameter);
            }
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyList<MethodPicture> Pictures(Adapter adapter, IReadOnlyDictionary<string, double> observed) => SitePictures.Of(
        "Attention over the adapters", "The mean weight p_s that each block gives each adapter, over the tokens and rows of dev; a block's weights sum to 1.",
        "adapter", "mean weight", from child in ((FusionConfig)adapter.Config).Adapters.Described
                                  from weight in SitePictures.Observed(adapter, observed, FusionPart.Weight(child.Name))
                                  select (weight.Site, child.Name, weight.Mean));

    /// <inheritdoc/>
    protected override void Attach(AdapterBuilder builder, FusionConfig config)
    {
        var bottleneck = Check(config);
        var children = config.Adapters.Described.Select(d => builder.Shared(Held(d), () => Frozen(builder, d))).ToList();
        List<FusionPart> parts = [];
        foreach (var site in Sites(builder.Backbone.Sites, bottleneck))
        {
            var part = new FusionPart(site, config, [.. children.Select(c => (BottleneckPart)c.Parts.At(site)[0])], builder.Rng);
            builder.Put(site, part, "fusion");
            parts.Add(part);
        }

        if (config is { Value: true, Regularization: > 0 })
        {
            builder.AuxiliaryLoss((_, groups, _) => groups.Count == 0
                ? null
                : parts.Select(p => p.Distance()).Aggregate((sum, term) => sum + term) * config.Regularization);
        }
    }

    /// <inheritdoc/>
    protected override long CountParameters(FusionConfig config, SiteMap sites, int tasks) =>
        Sites(sites, config.Adapters.Described is [{ Config: BottleneckConfig bottleneck }, ..] ? bottleneck : new BottleneckConfig())
            .Select(s => (long)s.Width)
            .Sum(w => (config.Query ? (w * w) + w : 0) + (config.Key ? (w * w) + w : 0) + (config.Value ? w * w : 0));

    private static IEnumerable<HiddenSite> Sites(SiteMap sites, BottleneckConfig config) => sites.Hidden(config.Sublayers).Where(config.Covers);

    private static string Held(FusedAdapter adapter) => $"adapters.{adapter.Name}";

    private static Adapter Frozen(AdapterBuilder builder, FusedAdapter adapter)
    {
        var child = adapter.Method.Attach(builder.Backbone, adapter.Name, adapter.Config, builder.Rng);
        foreach (var parameter in child.Parameters())
        {
            parameter.Trainable = false;
        }

        return child;
    }

    private static BottleneckConfig Check(FusionConfig config)
    {
        var children = config.Adapters.Described;
        if (children.Count == 0)
        {
            throw new GraftException(config.Adapters.Places.Length > 0
                ? $"The adapters '{config.Adapters.Places}' of fusion are not read yet; graft train reads them, and in code IBuildsOnAdapters.Describe takes them."
                : "fusion has no adapters; name the packages of trained adapters with --set adapters=PACKAGE,PACKAGE.");
        }

        foreach (var child in children)
        {
            if (child.Config is not BottleneckConfig { Parallel: false, Gate: GateMode.None, OwnNormAfter: false, TrainNorms: false })
            {
                throw new GraftException(
                    $"fusion attends over the outputs of bottlenecks after a sublayer, and '{child.Name}' ({child.Method.Name}) is none, or has a gate, a norm of its own after it, or trained norms; train it without them.");
            }
        }

        var first = (BottleneckConfig)children[0].Config;
        return children.FirstOrDefault(c => !Frame((BottleneckConfig)c.Config).Equals(Frame(first))) is { } other
            ? throw new GraftException($"The adapters '{children[0].Name}' and '{other.Name}' of fusion sit at different places or read different inputs; fuse adapters of the same settings.")
            : first;

        static (SiteRole, LayerSet, bool, bool, BottleneckResidual) Frame(BottleneckConfig c) => (c.Sublayers, c.LeaveOut, c.NormBefore, c.NormAfter, c.Residual);
    }

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new Fusion());
}

/// <summary>The attention over the adapters of one sublayer.</summary>
internal sealed class FusionPart : HiddenPart
{
    private readonly HiddenSite _site;
    private readonly FusionConfig _config;
    private readonly IReadOnlyList<BottleneckPart> _children;
    private readonly DenseProjection? _query;
    private readonly DenseProjection? _key;
    private readonly Parameter? _value;

    public FusionPart(HiddenSite site, FusionConfig config, IReadOnlyList<BottleneckPart> children, Rng rng)
    {
        (_site, _config, _children) = (site, config, children);
        var w = site.Width;
        _query = config.Query ? AddChild("query", new DenseProjection(rng.Normal([w, w], 0, 0.02))) : null;
        _key = config.Key ? AddChild("key", new DenseProjection(rng.Normal([w, w], 0, 0.02))) : null;
        _value = !config.Value ? null : AddParameter(
            "value.weight", config.ValueIdentity ? (Tensor.Eye(w) * (1 - 1e-6)) + 1e-6 : rng.Normal([w, w], 0, 0.02));
    }

    public override HiddenHooks Hooks => _children[0].Hooks;

    public override bool EndsSublayer => _children[0].EndsSublayer;

    public override Tensor After(RowGroup rows, Tensor output, Tensor residual, SublayerNorm? norm)
    {
        var (input, added) = _children[0].Enter(rows, output, residual, norm);
        var up = Tensor.Stack([.. _children.Select(c => c.Up(rows, input))], 2);
        var sum = added.To(up.DType);
        if (_config.ResidualBefore)
        {
            up += sum.Unsqueeze(2);
        }

        // [B, T, W] and [B, T, S, W] to scores [B, T, S].
        var z = (_config.QueryBeforeNorm ? output : input).To(up.DType);
        var query = _query is null ? z : _query.Forward(z);
        var key = _key is null ? up : _key.Forward(up);
        var scores = AdapterPass.Dropout(rows.Pass, key.MatMul(query.Unsqueeze(3)).Squeeze(3), _config.Dropout);
        var weights = scores.Softmax(-1);
        Show(rows, weights);
        var mixed = (weights.Unsqueeze(3) * up).Sum(2);
        mixed = _value is null ? mixed : F.Linear(mixed, _value);
        return (_config.ResidualBefore ? mixed : sum + mixed).To(output.DType);
    }

    /// <summary>What follows the site's path in the name of an adapter's mean weight among the observations of a pass.</summary>
    public static string Weight(string adapter) => $".fusion.{adapter}";

    // Of evaluations only, where someone looks: each row's mean over its real tokens.
    private void Show(RowGroup rows, Tensor weights)
    {
        if (rows.Pass.Training)
        {
            return;
        }

        var means = rows.TokenMean(weights);
        foreach (var (i, child) in _config.Adapters.Described.Index())
        {
            rows.Pass.Observe(_site.Path + Weight(child.Name), rows, means.Narrow(2, i, 1));
        }
    }

    /// <summary><c>‖I - V‖²</c>.</summary>
    public Tensor Distance() => (_value!.Value - Tensor.Eye(_value.Value.Size(0), _value.Value.DType, _value.Value.Device)).Square().Sum();
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(FusionConfig))]
internal sealed partial class FusionJson : JsonSerializerContext;
