using Graft.Torch;

namespace Graft.Methods.Core.Masks;

/// <summary>What masks of one prototype have in common. Masks are [N, entries], float32, zeros and ones, of at most 2²⁴ entries. Stateless and thread-safe.</summary>
internal static class MaskStatistics
{
    /// <summary>The share of entries that each mask keeps.</summary>
    /// <param name="masks">The masks; other values than zero count as one.</param>
    public static double[] Density(Tensor masks) => masks.Ne(0).To(DType.Float64).Mean(1).ToArray<double>();

    /// <summary>
    /// How far each two masks agree: <c>|A ∧ B| / |A ∨ B|</c>, 1 for equal ones. Masks that keep a fraction k at random have k / (2 - k) on average.
    /// </summary>
    /// <param name="masks">The masks.</param>
    /// <returns>[N][N].</returns>
    public static double[][] Overlap(Tensor masks)
    {
        var both = masks.MatMul(masks.Transpose(0, 1)).To(DType.Float64);
        var sizes = both.Diagonal().Unsqueeze(0);
        var either = sizes + sizes.Transpose(0, 1) - both;
        var count = (int)masks.Size(0);
        return [.. (both / either).Contiguous().ToArray<double>().Chunk(count)];
    }

    /// <summary>The shares of entries that no mask keeps, one, two, and so on to all N.</summary>
    /// <param name="masks">The masks.</param>
    /// <returns>[N + 1], which adds to 1.</returns>
    public static double[] Uses(Tensor masks)
    {
        var uses = masks.Sum(0);
        return [.. Enumerable.Range(0, (int)masks.Size(0) + 1).Select(n => uses.Eq(n).To(DType.Float64).Mean().ToDouble())];
    }
}
