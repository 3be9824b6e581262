namespace Graft.Methods.Merging;

/// <summary>How the updates ΔW of several LoRA adapters become one.</summary>
public enum LoraMergeKind
{
    /// <summary>The sum of w ΔW, at the rank that it has.</summary>
    Linear,

    /// <summary>The sum of w ΔW as the factors side by side: ranks add up, A keeps its bits.</summary>
    Cat,

    /// <summary>The best approximation of the sum of w ΔW at a given rank (Eckart and Young 1936).</summary>
    Svd,

    /// <summary>Only the largest elements of each ΔW, summed.</summary>
    MagnitudePrune,

    /// <summary>TIES: the largest elements of each ΔW, where they have the majority's sign, averaged (Yadav et al. 2023, arXiv 2306.01708).</summary>
    Ties,

    /// <summary>DARE: random elements of each ΔW, scaled up to keep the mean, summed (Yu et al. 2024, arXiv 2311.03099).</summary>
    DareLinear,

    /// <summary>DARE's random elements, joined as TIES does.</summary>
    DareTies,
}

/// <summary>Whose sign wins at an element.</summary>
public enum MajoritySign
{
    /// <summary>That of the sum.</summary>
    Total,

    /// <summary>That of more adapters.</summary>
    Frequency,
}

/// <summary>The settings of a merge.</summary>
/// <param name="Kind">How the updates become one.</param>
/// <param name="Rank">
/// The rank of the result, reached by the best approximation; null keeps the exact result at whatever rank it has, but for
/// <see cref="LoraMergeKind.Svd"/>, where it means the largest rank among the adapters.
/// </param>
/// <param name="Density">The share of elements to keep, in (0, 1]; for the kinds that drop elements, and only for them.</param>
/// <param name="MajoritySign">Whose sign wins, for the kinds of TIES.</param>
/// <param name="Seed">The seed of what DARE drops.</param>
public sealed record LoraMergeSettings(
    LoraMergeKind Kind = LoraMergeKind.Linear, int? Rank = null, double? Density = null, MajoritySign MajoritySign = MajoritySign.Total, long Seed = 0)
{
    internal bool DropsElements => Kind >= LoraMergeKind.MagnitudePrune;
}
