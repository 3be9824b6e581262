using Graft.Torch;

namespace Graft.Backbones.Sites;

/// <summary>Means over the tokens of each row.</summary>
internal static class TokenMean
{
    /// <summary>The mean over real tokens.</summary>
    /// <param name="values">[B, T, C], floating.</param>
    /// <param name="mask">[B, T], floating: 1 at real tokens, 0 at padding; null for the mean over all positions.</param>
    /// <returns>[B, 1, C].</returns>
    public static Tensor Of(Tensor values, Tensor? mask)
    {
        if (mask is null)
        {
            return values.Mean(1, keep: true);
        }

        var weights = mask.To(values.DType).Unsqueeze(2);
        return (values * weights).Sum(1, keep: true) / weights.Sum(1, keep: true).Clamp(low: 1e-9);
    }
}
