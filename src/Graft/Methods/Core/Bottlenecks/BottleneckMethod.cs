using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Methods.Core.Bottlenecks;

/// <summary>What the bottleneck methods have in common: they differ in their defaults and in how the projections are made.</summary>
/// <typeparam name="TConfig">The settings' record.</typeparam>
public abstract class BottleneckMethod<TConfig> : PeftMethod<TConfig>
    where TConfig : BottleneckConfig
{
    /// <summary>A zero up-projection adds nothing; what replaces the residual or brings norms of its own changes the start all the same.</summary>
    /// <inheritdoc/>
    public override bool IsIdentityAtStart(PeftConfig config) =>
        config is BottleneckConfig { Init: BottleneckInit.Mam, NormAfter: true, OwnNormAfter: false } c
        && (c.Parallel || !c.NormBefore || c.Residual == BottleneckResidual.Output) && !ReadsPadding(config);

    /// <inheritdoc/>
    public override bool MayRest(PeftConfig config) => config is BottleneckConfig { StochasticDepth: > 0 };

    /// <inheritdoc/>
    protected sealed override void Attach(AdapterBuilder builder, TConfig config)
    {
        Check(config);
        foreach (var site in builder.Hidden(config.Sublayers))
        {
            var down = Make(builder, config, "down", config.Width(site), site.Width);
            var up = Make(builder, config, "up", site.Width, config.Width(site));
            builder.Put(site, new BottleneckPart(site, config, down, up, builder.Rng));
        }

        builder.Train(Norms(builder.Backbone.Sites, config));
    }

    /// <inheritdoc/>
    protected override long CountParameters(TConfig config, SiteMap sites, int tasks) =>
        sites.Hidden(config.Sublayers).Where(config.Covers).Sum(s =>
            Count(config, config.Width(s), s.Width) + Count(config, s.Width, config.Width(s)) + config.Scaling.Count(s.Width)
            + Gate.Count(s.Width, config.Gate) + (config.OwnNormBefore ? 2L * s.Width : 0) + (config.OwnNormAfter ? 2L * s.Width : 0))
        + Norms(sites, config).Elements();

    /// <summary>Makes a projection; here a dense one.</summary>
    /// <param name="builder">Gives the generator and shared modules.</param>
    /// <param name="config">The settings.</param>
    /// <param name="role"><c>down</c> or <c>up</c>.</param>
    /// <param name="outputs">The width of the output.</param>
    /// <param name="inputs">The width of the input.</param>
    private protected virtual Projection Make(AdapterBuilder builder, TConfig config, string role, int outputs, int inputs) =>
        new DenseProjection(config.Init switch
        {
            BottleneckInit.Houlsby => Init.TruncatedNormal(builder.Rng, [outputs, inputs], 0.01),
            BottleneckInit.Mam when role == "up" => Tensor.Zeros([outputs, inputs]),
            BottleneckInit.Mam => Init.KaimingUniform(builder.Rng, outputs, inputs, Math.Sqrt(5)),
            _ => builder.Rng.Normal([outputs, inputs], 0, 0.02),
        });

    /// <summary>The trained values of a projection.</summary>
    /// <param name="config">The settings.</param>
    /// <param name="outputs">The width of the output.</param>
    /// <param name="inputs">The width of the input.</param>
    private protected virtual long Count(TConfig config, int outputs, int inputs) => ((long)outputs * inputs) + outputs;

    private static IEnumerable<ParameterSite> Norms(SiteMap sites, TConfig config) => config.TrainNorms
        ? sites.Parameters.Where(s =>
            s is { Kind: ParameterKind.NormGain or ParameterKind.NormBias, Layer: >= 0, Parameter: not null } && config.Covers(s))
        : [];

    /// <summary>Refuses settings that do not fit together.</summary>
    /// <param name="config">The settings.</param>
    /// <exception cref="GraftException">Two settings contradict each other.</exception>
    protected virtual void Check(TConfig config)
    {
        if (config is { Residual: BottleneckResidual.Sum, NormBefore: false })
        {
            throw new GraftException($"{Name} has residual 'sum' without norm_before, and only the norm's input is that sum; set norm_before to true or residual to 'output'.");
        }

        if (config is { Parallel: true, StochasticDepth: > 0 })
        {
            throw new GraftException($"{Name} has stochastic_depth with parallel, which is defined for sequential adapters only; set one of them off.");
        }
    }
}
