using System.Text.Json.Serialization;
using Graft.Backbones.Sites;

namespace Graft.Methods.Core;

/// <summary>Settings of a method that adds a product of two thin matrices to linear maps.</summary>
/// <param name="Rank">The rank R of the update.</param>
/// <param name="Alpha">The numerator α of the scaling.</param>
/// <param name="Dropout">The dropout of the update's input.</param>
/// <param name="Targets">The linear maps that are updated.</param>
/// <param name="UseRslora">Whether the scaling is α / √R instead of α / R.</param>
public abstract record LowRankConfig(int Rank, double Alpha, double Dropout, SiteRole Targets, bool UseRslora) : LinearConfig
{
    /// <summary>The rank R of the update.</summary>
    [JsonPropertyOrder(-1)]
    public int Rank { get; init => field = Require.Positive(value, nameof(Rank)); } = Require.Positive(Rank);

    /// <summary>The numerator α of the scaling.</summary>
    [JsonPropertyOrder(-1)]
    public double Alpha { get; init => field = Require.Positive(value, nameof(Alpha)); } = Require.Positive(Alpha);

    /// <summary>The dropout of the update's input.</summary>
    [JsonPropertyOrder(-1)]
    public double Dropout { get; init => field = Require.Probability(value, nameof(Dropout)); } = Require.Probability(Dropout);

    /// <summary>The linear maps that are updated.</summary>
    [JsonPropertyOrder(-1)]
    public SiteRole Targets { get; init => field = Require.Linear(value, nameof(Targets)); } = Require.Linear(Targets);

    /// <summary>Whether the scaling is α / √R, which keeps the update's size as the rank grows (Kalajdzievski 2023, arXiv 2312.03732), instead of α / R.</summary>
    [JsonPropertyOrder(-1)]
    public bool UseRslora { get; init; } = UseRslora;

    /// <summary>Other ranks for some maps.</summary>
    [JsonPropertyOrder(-1)]
    public PathNumbers RankPattern { get; init => field = Require.Ranks(value ?? PathNumbers.None, nameof(RankPattern)); } = PathNumbers.None;

    /// <summary>Other values of α for some maps.</summary>
    [JsonPropertyOrder(-1)]
    public PathNumbers AlphaPattern { get; init => field = Require.Positive(value ?? PathNumbers.None, nameof(AlphaPattern)); } = PathNumbers.None;

    /// <summary>The rank R at a map.</summary>
    /// <param name="site">The map.</param>
    public int RankAt(LinearSite site) => (int)RankPattern.For(site.Path, Rank);

    /// <summary>The scaling at a map: α / R or α / √R.</summary>
    /// <param name="site">The map.</param>
    public double ScalingAt(LinearSite site)
    {
        double rank = RankAt(site);
        return AlphaPattern.For(site.Path, Alpha) / (UseRslora ? Math.Sqrt(rank) : rank);
    }

    /// <summary>The maps of a backbone that are updated.</summary>
    /// <param name="sites">The backbone's sites.</param>
    public IEnumerable<LinearSite> Updated(SiteMap sites) => sites.Linear(Targets).Where(Covers);
}
