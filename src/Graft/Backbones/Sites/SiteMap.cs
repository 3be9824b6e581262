namespace Graft.Backbones.Sites;

/// <summary>Every site of a backbone, in the order of the forward pass. Immutable once the backbone is built; thread-safe.</summary>
public sealed class SiteMap
{
    private readonly List<Site> _sites = [];

    /// <summary>The number of sites of all kinds.</summary>
    public int Count => _sites.Count;

    /// <summary>Every site, in the order of the forward pass.</summary>
    public IReadOnlyList<Site> All => _sites;

    /// <summary>Every parameter of the backbone and every bias it lacks.</summary>
    public IEnumerable<ParameterSite> Parameters => _sites.OfType<ParameterSite>();

    /// <summary>Every place of virtual tokens in front of a stack's embedded text.</summary>
    public IEnumerable<EmbeddingSite> Embeddings => _sites.OfType<EmbeddingSite>();

    /// <summary>The linear maps that <paramref name="targets"/> selects.</summary>
    /// <param name="targets">Roles of linear maps, optionally narrowed by sublayers.</param>
    public IEnumerable<LinearSite> Linear(SiteRole targets) => _sites.OfType<LinearSite>().Where(s => s.Matches(targets));

    /// <summary>The sublayers that <paramref name="sublayers"/> selects.</summary>
    /// <param name="sublayers">Sublayers.</param>
    public IEnumerable<HiddenSite> Hidden(SiteRole sublayers) => _sites.OfType<HiddenSite>().Where(s => s.Matches(sublayers));

    /// <summary>The attention sublayers that <paramref name="sublayers"/> selects.</summary>
    /// <param name="sublayers">Self-attention, cross-attention or both.</param>
    public IEnumerable<KeyValueSite> KeyValue(SiteRole sublayers) => _sites.OfType<KeyValueSite>().Where(s => s.Matches(sublayers));

    internal T Add<T>(T site)
        where T : Site
    {
        site.Index = _sites.Count;
        _sites.Add(site);
        return site;
    }
}
