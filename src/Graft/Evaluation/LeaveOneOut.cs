using Graft.Torch;

namespace Graft.Evaluation;

/// <summary>
/// How well a ridge regression predicts each of few rows from all the others, without fitting it that often: with the hat matrix
/// <c>H = 11ᵀ / N + G (G + λ I)⁻¹</c>, <c>G</c> the Gram matrix of the standardized features, the error of row i without row i is
/// <c>(y_i - ŷ_i) / (1 - H_ii)</c> (Allen 1974, PRESS). Stateless and thread-safe.
/// </summary>
internal static class LeaveOneOut
{
    /// <summary>Penalties λ as parts of the mean diagonal of G.</summary>
    private static readonly double[] s_penalties = [0.01, 0.1, 1, 10];

    /// <summary>The share of the targets' squared deviations that is predicted, with the best of some penalties.</summary>
    /// <param name="features">[N, D], floating.</param>
    /// <param name="targets">[N, C], floating.</param>
    /// <returns>At most 1; below 0 where the mean of the other rows predicts better; 0 of a single row, or where all targets are the same.</returns>
    public static double Explained(Tensor features, Tensor targets)
    {
        using var frozen = Autograd.NoGrad();
        using var scope = new TensorScope();
        var (x, y) = (features.To(DType.Float64), targets.To(DType.Float64));
        var count = x.Size(0);
        if (count < 2)
        {
            return 0;
        }

        x = new FeatureScale(x).Apply(x);
        y -= y.Mean(0);
        var gram = x.MatMul(x.Transpose(0, 1));
        var eye = Tensor.Eye(count, DType.Float64);
        var whole = Squares(y / (1 - (1.0 / count)));
        var scale = gram.Diagonal().Mean().ToDouble();
        return whole == 0 || scale == 0 ? 0 : s_penalties.Max(penalty =>
        {
            var hat = (gram + (eye * (penalty * scale))).Solve(gram);
            return 1 - (Squares((y - hat.MatMul(y)) / (1 - (1.0 / count) - hat.Diagonal()).Unsqueeze(1)) / whole);
        });
    }

    private static double Squares(Tensor values) => values.Square().Sum().ToDouble();
}
