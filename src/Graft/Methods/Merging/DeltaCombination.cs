using Graft.Torch;

namespace Graft.Methods.Merging;

/// <summary>Combines whole updates element by element, for the kinds of merge that drop elements.</summary>
internal static class DeltaCombination
{
    /// <summary>The combined update. What is dropped and whose sign wins does not depend on the weights, so the result is linear in them.</summary>
    /// <param name="deltas">[Out, In] each.</param>
    /// <param name="weights">One for each.</param>
    /// <param name="settings">A kind that drops elements, with a density.</param>
    /// <param name="rng">What DARE drops by.</param>
    public static Tensor Combine(IReadOnlyList<Tensor> deltas, IReadOnlyList<double> weights, LoraMergeSettings settings, Rng rng)
    {
        var density = settings.Density!.Value;
        var random = settings.Kind is LoraMergeKind.DareLinear or LoraMergeKind.DareTies;
        List<Tensor> kept = [.. deltas.Select(d => random ? Random(d, density, rng) : Largest(d, density))];
        List<Tensor> weighted = [.. kept.Zip(weights, (d, w) => d * w)];
        if (settings.Kind is LoraMergeKind.MagnitudePrune or LoraMergeKind.DareLinear)
        {
            return Sum(weighted);
        }

        // TIES: at each element the mean over those adapters whose sign is the majority's.
        var signs = kept.Select(d => d.Sign()).ToList();
        var votes = Sum(settings.MajoritySign == MajoritySign.Total ? kept : signs);
        var majority = (votes.Ge(0).To(votes.DType) * 2.0) - 1.0;
        var agreeing = signs.Select(s => s.Eq(majority).To(majority.DType)).ToList();
        return Sum([.. weighted.Zip(agreeing, (d, m) => d * m)]) / Sum(agreeing).Clamp(low: 1);
    }

    private static Tensor Sum(IReadOnlyList<Tensor> tensors) => tensors.Skip(1).Aggregate(tensors[0], (sum, t) => sum + t);

    private static Tensor Largest(Tensor delta, double density)
    {
        var count = (long)(density * delta.Count);
        var flat = delta.Reshape(-1);
        return (flat * flat.ZerosLike().Scatter_(0, flat.Abs().TopK(count).Indices, 1)).View(delta.Shape);
    }

    private static Tensor Random(Tensor delta, double density, Rng rng) =>
        delta * rng.Bernoulli(delta.Shape, density, delta.DType).To(delta.Device) / density;
}

/// <summary>An update as a product B A of thin factors.</summary>
/// <param name="A">[R, In].</param>
/// <param name="B">[Out, R].</param>
/// <param name="RelativeError">How far the product is from the update it stands for, in the Frobenius norm.</param>
internal sealed record LowRankFactors(Tensor A, Tensor B, double RelativeError)
{
    // The rounding of float64, in which everything here is computed.
    private const double Rounding = 2.220446049250313e-16;

    /// <summary>R.</summary>
    public int Rank => (int)A.Size(0);

    /// <summary>The factors of a matrix: at its own rank, or the best of a smaller one.</summary>
    /// <param name="delta">[Out, In], float64.</param>
    /// <param name="rank">The largest rank allowed; null for that of the matrix.</param>
    public static LowRankFactors Of(Tensor delta, int? rank)
    {
        var (u, s, vh) = delta.Svd();
        return Cut(u, s, vh, Math.Max(delta.Size(0), delta.Size(1)), rank);
    }

    /// <summary>The factors of a product, found without computing it: its singular values are those of the small product of the triangles.</summary>
    /// <param name="a">[K, In], float64.</param>
    /// <param name="b">[Out, K], float64.</param>
    /// <param name="rank">The largest rank allowed; null for that of the product.</param>
    public static LowRankFactors Of(Tensor a, Tensor b, int? rank)
    {
        var (left, leftTriangle) = b.Qr();
        var (right, rightTriangle) = a.Transpose(0, 1).Qr();
        var (u, s, vh) = leftTriangle.MatMul(rightTriangle.Transpose(0, 1)).Svd();
        return Cut(left.MatMul(u), s, vh.MatMul(right.Transpose(0, 1)), Math.Max(a.Size(1), b.Size(0)), rank);
    }

    private static LowRankFactors Cut(Tensor u, Tensor s, Tensor vh, long size, int? rank)
    {
        var values = s.To(Device.Cpu).ToArray<double>();

        // Singular values below the rounding of the largest are zeros that arithmetic left; an update of zeros keeps one.
        var smallest = values[0] * size * Rounding;
        var own = Math.Max(1, values.Count(v => v > smallest));
        var kept = Math.Min(own, rank ?? own);
        var root = s.Narrow(0, 0, kept).Sqrt();
        var total = values.Sum(v => v * v);
        var lost = values.Skip(kept).Take(own - kept).Sum(v => v * v);
        return new LowRankFactors(
            vh.Narrow(0, 0, kept) * root.Unsqueeze(1), u.Narrow(1, 0, kept) * root, total == 0 ? 0 : Math.Sqrt(lost / total));
    }
}
