using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Methods.Core.Compositions;

/// <summary>Makes the part that computes the mean of several adapters' parts at one site, or says why there is none.</summary>
internal static class Averaging
{
    /// <summary>The mean of the terms' parts at a site.</summary>
    /// <param name="site">The site.</param>
    /// <param name="terms">The adapters and their shares.</param>
    /// <exception cref="GraftException">There is no such mean.</exception>
    public static Part Part(Site site, IReadOnlyList<Term> terms)
    {
        var shares = terms.Select(t => new Share(t.Weight, t.Adapter.Parts.At(site).ToArray())).ToList();
        return site switch
        {
            LinearSite linear => Linear(linear, terms, shares),
            HiddenSite hidden => Hidden(hidden, terms, shares),
            KeyValueSite => Everywhere(site, terms, shares) ?? (Part)new AveragePrefix(site.Path, shares),
            EmbeddingSite => Everywhere(site, terms, shares) ?? Embedding(site, shares),
            ParameterSite => new AverageParameter(shares),
            _ => throw Error(site, $"there is no mean at a site of kind {site.GetType().Name}"),
        };
    }

    private static AverageLinear Linear(LinearSite site, IReadOnlyList<Term> terms, List<Share> shares)
    {
        var hooks = LinearHooks.None;
        foreach (var term in terms)
        {
            hooks |= Places.Hooks(site, term.Adapter);
        }

        // W (Σ w_i I_i(x)) + b, W x + Σ w_i Δ_i(x) + b and Σ w_i O_i(W x + b) are means of the adapted maps; mixtures of them are not.
        if (hooks is not (LinearHooks.Input or LinearHooks.Delta or LinearHooks.Output))
        {
            throw Error(site, $"the adapters change the map in ways that have no mean ({hooks})");
        }

        var replaced = terms.Any(t => !t.Adapter.Parts.At(site.Weight).IsEmpty || !t.Adapter.Parts.At(site.Bias).IsEmpty);
        return hooks == LinearHooks.Delta || !replaced
            ? new AverageLinear(hooks, shares)
            : throw Error(site, $"the adapters both scale the map ({hooks}) and replace its weight or bias");
    }

    private static AverageHidden Hidden(HiddenSite site, IReadOnlyList<Term> terms, List<Share> shares)
    {
        var hooks = HiddenHooks.None;
        shares.ForEach(s => hooks |= Places.Hooks(s.Parts));
        var acting = hooks & HiddenHooks.All;
        if (acting is not (HiddenHooks.Parallel or HiddenHooks.After))
        {
            throw Error(site, $"the adapters act at different places of the sublayer ({acting}), whose mean is no part of it");
        }

        var ends = shares.Select(s => s.Parts is [.., HiddenPart { EndsSublayer: true }]).Distinct().ToList();
        if (ends.Count > 1)
        {
            throw Error(site, "one adapter ends the sublayer and another does not");
        }

        var norms = site.Layer >= 0 && (hooks & HiddenHooks.ReadsNorm) != 0 && terms.Any(t => t.Adapter.Parts.Sites.Parameters.Any(p =>
            p.Kind is ParameterKind.NormGain or ParameterKind.NormBias && p.Layer == site.Layer && p.Stack == site.Stack
            && p.Sublayer == site.Sublayer && !t.Adapter.Parts.At(p).IsEmpty));
        return norms
            ? throw Error(site, "an adapter reads the norm after the sublayer, and one trained that norm: each reads its own, which a mean cannot")
            : new AverageHidden(acting, ends[0], shares);
    }

    private static AveragePrompt Embedding(Site site, List<Share> shares)
    {
        var parts = shares.SelectMany(s => s.Parts).Cast<EmbeddingPart>().ToList();
        return parts.TrueForAll(p => p.AsWords == parts[0].AsWords && p.AfterFirst == parts[0].AfterFirst) && shares.TrueForAll(s => s.Parts.Length == 1)
            ? new AveragePrompt(site.Path, parts[0].AsWords, parts[0].AfterFirst, shares)
            : throw Error(site, "the prompts stand at different places of the text");
    }

    // Returns null where every adapter has a part, so that the caller's switch stays one expression.
    private static Part? Everywhere(Site site, IReadOnlyList<Term> terms, List<Share> shares) =>
        shares.FindIndex(s => s.Parts.Length == 0) is >= 0 and var lacking
            ? throw Error(site, $"'{terms[lacking].Adapter.Name}' has no virtual tokens there")
            : null;

    private static GraftException Error(Site site, string why) =>
        new($"The adapters have no average at '{site.Path}': {why}; stack them, or merge them where they are low-rank updates.");
}

/// <summary>What one adapter of an average does at a site.</summary>
/// <param name="Weight">Its share.</param>
/// <param name="Parts">Its parts there, none where it does nothing.</param>
internal sealed record Share(double Weight, Part[] Parts);
