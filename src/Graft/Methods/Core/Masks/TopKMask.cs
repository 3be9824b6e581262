using Graft.Torch;

namespace Graft.Methods.Core.Masks;

/// <summary>
/// Binary masks from real scores S: ones at the largest |S|. Of n entries <c>j = trunc((1 - k) n)</c>, in double precision, are zero, so exactly
/// n - j are one. Backwards straight through to |S|: <c>∂L/∂S = sign(S) ∘ ∂L/∂M</c>, for entries that are not selected too. Stateless and
/// thread-safe (Zeng et al. 2023, arXiv 2305.17682; the order of roundings is the authors').
/// </summary>
internal static class TopKMask
{
    /// <summary>The number of ones among <paramref name="count"/> entries.</summary>
    /// <param name="count">n.</param>
    /// <param name="kept">The fraction k.</param>
    public static long Ones(long count, double kept) => count - (long)((1.0 - kept) * count);

    /// <summary>One mask for each slice of dimension 0. Which of equal scores is chosen is not defined, only how many.</summary>
    /// <param name="scores">[N, ...], floating, N at least 1.</param>
    /// <param name="kept">The fraction k of the entries of each slice that are one, in [0, 1].</param>
    /// <returns>The scores' shape and type, zeros and ones, with the gradient above.</returns>
    public static Tensor Of(Tensor scores, double kept)
    {
        var sizes = scores.Abs();
        var flat = sizes.Detach().Reshape(scores.Size(0), -1);

        // Not sorted: a selection takes a tenth of the time of a sort.
        var (_, selected) = flat.TopK(Ones(flat.Size(1), kept), dim: 1, sorted: false);
        var mask = flat.ZerosLike().Scatter_(1, selected, 1).View(scores.Shape);

        // Adds nothing forwards, exactly; backwards it is the identity.
        return Autograd.IsEnabled && scores.RequiresGrad ? mask + (sizes - sizes.Detach()) : mask;
    }
}
