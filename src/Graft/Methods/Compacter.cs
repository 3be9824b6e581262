using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Methods.Core.Bottlenecks;
using Graft.Torch;

namespace Graft.Methods;

/// <summary>The settings of Compacter: those of a bottleneck adapter, and how its projections are made of small matrices.</summary>
public sealed record CompacterConfig : BottleneckConfig
{
    /// <summary>The number n of rules and weights; it divides the model's width and the bottleneck's.</summary>
    public int PhmDim { get; init => field = Require.Positive(value); } = 4;

    /// <summary>The rank of a factorized weight.</summary>
    public int PhmRank { get; init => field = Require.Positive(value); } = 1;

    /// <summary>Whether the projections have a bias.</summary>
    public bool PhmBias { get; init; } = true;

    /// <summary>Whether each weight is a product of two factors.</summary>
    public bool FactorizedWeights { get; init; } = true;

    /// <summary>Whether all layers share the weights of their down-projections, and those of their up-projections.</summary>
    public bool SharedWeights { get; init; }

    /// <summary>Whether all projections of all layers share one set of rules.</summary>
    public bool SharedRule { get; init; } = true;

    /// <summary>Whether each rule is an outer product.</summary>
    public bool FactorizedRule { get; init; }

    /// <summary>Whether the rules train.</summary>
    public bool LearnRule { get; init; } = true;

    /// <summary>The deviation of the rules' initial values.</summary>
    public double RuleDeviation { get; init => field = Require.Positive(value); } = 1e-4;
}

/// <summary>
/// Compacter: bottleneck adapters after attention and feed-forward whose projections are <c>W = Σ_i A_i ⊗ (s_i t_i)</c>, with n rules
/// A_i [n, n] shared by all of them and the factors s_i [In/n, 1], t_i [1, Out/n] of each. Rules are N(0, 1e-4), factors Glorot-uniform
/// with gain √2, biases zero; the norms of the blocks train too. Compacter++ is <c>sublayers = feed_forward</c>.
/// </summary>
public sealed class Compacter : BottleneckMethod<CompacterConfig>
{
    private const string SharedRuleKey = "phm_rule";

    /// <inheritdoc/>
    public override string Name => "compacter";

    /// <inheritdoc/>
    public override string Summary => "bottleneck adapters of Kronecker products with shared rules: W = Σ A_i ⊗ (s_i·t_i)";

    /// <inheritdoc/>
    public override string Source => "Karimi Mahabadi et al. 2021, arXiv 2106.04647, section 3.2";

    /// <inheritdoc/>
    public override double DefaultLearningRate => 3e-3;

    /// <inheritdoc/>
    public override bool IsIdentityAtStart(PeftConfig config) => false;

    /// <inheritdoc/>
    protected override CompacterConfig Preset => new()
    {
        Sublayers = SiteRole.SelfAttention | SiteRole.FeedForward,
        ReductionFactor = 32,
        Activation = "gelu_new",
        TrainNorms = true,
    };

    /// <inheritdoc/>
    protected override JsonTypeInfo<CompacterConfig> Json => CompacterJson.Default.CompacterConfig;

    /// <inheritdoc/>
    protected override void Check(CompacterConfig config)
    {
        base.Check(config);
        if (config.Init != BottleneckInit.Normal)
        {
            throw new GraftException("compacter has another init than 'bert', and its rules and factors have a start of their own; leave init out.");
        }
    }

    /// <inheritdoc/>
    private protected override Projection Make(AdapterBuilder builder, CompacterConfig config, string role, int outputs, int inputs)
    {
        if (inputs % config.PhmDim != 0 || outputs % config.PhmDim != 0)
        {
            throw new GraftException(
                $"compacter divides a projection from {inputs} to {outputs} into phm_dim = {config.PhmDim} parts, which does not come out even; choose a phm_dim and a reduction_factor that fit.");
        }

        var rule = config.SharedRule ? builder.Shared(SharedRuleKey, () => Rule(builder.Rng, config)) : Rule(builder.Rng, config);
        var weights = config.SharedWeights
            ? builder.Shared("phm_" + role, () => Weights(builder.Rng, config, inputs, outputs))
            : Weights(builder.Rng, config, inputs, outputs);
        if (weights.Columns != outputs / config.PhmDim || weights.Rows != inputs / config.PhmDim)
        {
            throw new GraftException("compacter shares its weights among blocks whose bottlenecks differ in width; give one reduction_factor, or set shared_weights to false.");
        }

        return new PhmProjection(rule, !config.SharedRule, weights, !config.SharedWeights, config.PhmBias ? outputs : null);
    }

    /// <inheritdoc/>
    private protected override long Count(CompacterConfig config, int outputs, int inputs) =>
        (config.PhmBias ? outputs : 0) + (config.SharedWeights ? 0 : CountWeights(config, outputs, inputs)) + (config.SharedRule ? 0 : CountRule(config));

    /// <inheritdoc/>
    protected override long CountParameters(CompacterConfig config, SiteMap sites, int tasks)
    {
        var shared = config.SharedRule ? CountRule(config) : 0;
        if (config.SharedWeights && sites.Hidden(config.Sublayers).FirstOrDefault(config.Covers) is { } site)
        {
            shared += 2 * CountWeights(config, site.Width, config.Width(site));
        }

        return base.CountParameters(config, sites, tasks) + shared;
    }

    private static MatrixStack Rule(Rng rng, CompacterConfig config)
    {
        var n = config.PhmDim;
        return config.FactorizedRule
            ? new MatrixStack(rng.Normal([n, n, 1], 0, config.RuleDeviation), rng.Normal([n, 1, n], 0, config.RuleDeviation), config.LearnRule)
            : new MatrixStack(rng.Normal([n, n, n], 0, config.RuleDeviation), config.LearnRule);
    }

    private static MatrixStack Weights(Rng rng, CompacterConfig config, int inputs, int outputs)
    {
        var (n, rows, columns) = (config.PhmDim, inputs / config.PhmDim, outputs / config.PhmDim);
        return config.FactorizedWeights
            ? new MatrixStack(Glorot(rows, config.PhmRank), Glorot(config.PhmRank, columns))
            : new MatrixStack(Glorot(rows, columns));

        Tensor Glorot(long fanIn, long fanOut)
        {
            var bound = Math.Sqrt(2) * Math.Sqrt(6.0 / (fanIn + fanOut));
            return rng.Uniform([n, fanIn, fanOut], -bound, bound);
        }
    }

    private static long CountRule(CompacterConfig config) =>
        !config.LearnRule ? 0 : config.FactorizedRule ? 2L * config.PhmDim * config.PhmDim : (long)config.PhmDim * config.PhmDim * config.PhmDim;

    private static long CountWeights(CompacterConfig config, int outputs, int inputs) => config.FactorizedWeights
        ? (long)config.PhmRank * (inputs + outputs)
        : (long)inputs * outputs / config.PhmDim;

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new Compacter());
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(CompacterConfig))]
internal sealed partial class CompacterJson : JsonSerializerContext;
