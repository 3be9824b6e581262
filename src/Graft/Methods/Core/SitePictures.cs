using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Methods.Core;

/// <summary>
/// Pictures by block and site that any adapter has whose parts allow them, so that a method gets them without a line of its own.
/// Stateless and thread-safe; no pass may train meanwhile.
/// </summary>
internal static class SitePictures
{
    /// <summary>What the mean of a gate over dev is called among observations: the path of its site and this.</summary>
    private const string GateSuffix = ".gate";

    /// <summary>
    /// How far the adapter moves the backbone's parameters: <c>‖ΔW‖ / ‖W‖</c> in the Frobenius norm, of the linear maps' weights; where it moves
    /// none of them, of the biases and norms that it moves.
    /// </summary>
    /// <param name="adapter">The adapter.</param>
    /// <returns>One picture, or none where nothing can be folded or the adapter holds several tasks.</returns>
    public static IReadOnlyList<MethodPicture> Change(Adapter adapter)
    {
        if (adapter.Tasks.Count > 1 || adapter.Branches.Count > 0)
        {
            return [];
        }

        var changes = new Dictionary<ParameterSite, double>();
        FoldedParameters.Visit(adapter, DType.Float64, (site, original, folded) =>
        {
            if (original?.Norm().ToDouble() is { } size and > 0)
            {
                changes[site] = (folded - original).Norm().ToDouble() / size;
            }
        });
        var maps = adapter.Parts.Sites.Linear(SiteRole.AllLinear).Where(map => changes.ContainsKey(map.Weight)).ToList();
        return maps.Count > 0
            ? Of(
                "How far each map moved",
                "‖ΔW‖ / ‖W‖, Frobenius norms: what the adapter adds to each frozen matrix, relative to that matrix.",
                "map", "‖ΔW‖ / ‖W‖", maps.Select(map => ((Site)map, Role(map.Role), changes[map.Weight])))
            : Of(
                "How far each bias and norm moved",
                "‖Δθ‖ / ‖θ‖: the change of each parameter of the backbone that trains, relative to it.",
                "parameter", "‖Δθ‖ / ‖θ‖", changes.Select(c => ((Site)c.Key, Tail(c.Key), c.Value)));
    }

    /// <summary>How far the gates open: their means over the rows of dev.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="observed">Means over the rows of dev, by name.</param>
    /// <param name="submodule">What to call the submodule of a site that has a gate; null for the kind of the site.</param>
    /// <returns>One picture, or none without gates.</returns>
    public static IReadOnlyList<MethodPicture> Gates(
        Adapter adapter, IReadOnlyDictionary<string, double> observed, Func<Site, string>? submodule = null) => Of(
        "How far the gates open",
        "The mean of each gate g(x) over the rows of dev: 0 shuts a submodule off, 1 lets all of it through.",
        "submodule", "mean gate", Observed(adapter, observed, GateSuffix).Select(g => (g.Site, (submodule ?? Submodule)(g.Site), g.Mean)));

    /// <summary>The observations whose names are the path of a site with parts of this adapter and a suffix.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="observed">Means over the rows of dev, by name.</param>
    /// <param name="suffix">What follows the path.</param>
    public static IEnumerable<(Site Site, double Mean)> Observed(Adapter adapter, IReadOnlyDictionary<string, double> observed, string suffix) =>
        from site in adapter.Parts.Sites.All
        where !adapter.Parts.At(site).IsEmpty && observed.ContainsKey(site.Path + suffix)
        select (site, observed[site.Path + suffix]);

    /// <summary>A heat map with a row per block.</summary>
    /// <param name="title">What is shown.</param>
    /// <param name="summary">How the numbers are computed and how to read them.</param>
    /// <param name="x">What a column is.</param>
    /// <param name="value">What a number is.</param>
    /// <param name="cells">The site, column and number of each cell.</param>
    /// <returns>The picture; none without cells.</returns>
    public static IReadOnlyList<MethodPicture> Of(
        string title, string summary, string x, string value, IEnumerable<(Site Site, string Column, double Value)> cells)
    {
        // In the order of the forward pass; what lies outside the blocks comes first there.
        var ordered = cells.OrderBy(c => c.Site.Stack).ThenBy(c => c.Site.Layer).Select(c => new HeatMapCell(Column(c.Site, c.Column), Block(c.Site), c.Value)).ToList();
        return ordered.Count == 0 ? [] : [new HeatMap(title, summary, x, "block", value, ordered)];
    }

    /// <summary>A role as people write it: <c>feed forward in</c>.</summary>
    public static string Role(SiteRole role) => SiteRoleJson.Text(role).Replace('_', ' ');

    private static string Submodule(Site site) => site switch
    {
        LinearSite => Role(site.Role),
        KeyValueSite => "prefix",
        _ => $"{Role(site.Sublayer)} adapter",
    };

    /// <summary>A site's block as pictures call it.</summary>
    public static string Block(Site site) => site.Layer < 0 ? "outside blocks" : site.Stack == StackKind.Encoder ? $"{site.Layer}" : $"decoder {site.Layer}";

    // A block of a decoder has two attentions, whose maps have the same roles.
    private static string Column(Site site, string name) =>
        site is LinearSite or KeyValueSite && site.Sublayer == SiteRole.CrossAttention ? "cross-attention, " + name : name;

    /// <summary>A parameter's path behind its block, such as <c>output.LayerNorm.bias</c>.</summary>
    private static string Tail(ParameterSite site)
    {
        var block = $".{site.Layer}.";
        var start = site.Layer < 0 ? -1 : site.Path.IndexOf(block, StringComparison.Ordinal);
        return start < 0 ? site.Path : site.Path[(start + block.Length)..];
    }
}
