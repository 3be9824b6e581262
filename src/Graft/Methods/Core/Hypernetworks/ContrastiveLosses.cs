using Graft.Torch;

namespace Graft.Methods.Core.Hypernetworks;

/// <summary>
/// The contrastive losses of PHA between the vectors of rows and the prototypes of tasks, with cosines c and a temperature τ. Denominators are
/// log-sum-exps over the terms that belong to them, never differences of sums, so that nothing cancels. Stateless and thread-safe.
/// </summary>
internal static class ContrastiveLosses
{
    // Far below every cosine / τ, and finite, so that a row without any other leaves no NaN in gradients.
    private const double Excluded = -1e30;

    /// <summary>
    /// Rows of one task attract each other: the mean over rows a with others of their task, P(a), of
    /// <c>-1/|P(a)| Σ_{p ∈ P(a)} [c_ap / τ - log Σ_{b ≠ a} exp(c_ab / τ)]</c> (Khosla et al. 2020, the form with the sum outside).
    /// </summary>
    /// <param name="vectors">[B, E], floating.</param>
    /// <param name="tasks">The number of each row's task.</param>
    /// <param name="temperature">τ.</param>
    /// <returns>A scalar; null where no two rows are of one task.</returns>
    public static Tensor? Instances(Tensor vectors, IReadOnlyList<int> tasks, double temperature)
    {
        var count = tasks.Count;
        var sizes = tasks.CountBy(t => t).ToDictionary();
        var anchors = tasks.Count(t => sizes[t] > 1);
        if (anchors == 0)
        {
            return null;
        }

        var weights = new double[count * count];
        for (var a = 0; a < count; a++)
        {
            for (var p = 0; p < count; p++)
            {
                weights[(a * count) + p] = p != a && tasks[p] == tasks[a] ? 1.0 / ((sizes[tasks[a]] - 1.0) * anchors) : 0;
            }
        }

        var unit = Unit(vectors);
        var similarity = unit.MatMul(unit.Transpose(0, 1)) / temperature;
        var self = Tensor.Eye(count, DType.Bool).To(vectors.Device);
        var others = similarity.MaskedFill(self, Excluded).LogSumExp(1, keep: true);
        return -(Tensor.From(weights, count, count).To(vectors.DType).To(vectors.Device) * (similarity - others)).Sum();
    }

    /// <summary>
    /// Rows are drawn to the prototype of their task and away from the others: the mean over rows of
    /// <c>-[c_by / τ - log Σ_{i ≠ y} exp(c_bi / τ)]</c> with y the row's task, which is not in the denominator.
    /// </summary>
    /// <param name="vectors">[B, E], floating.</param>
    /// <param name="prototypes">[T, E].</param>
    /// <param name="tasks">The number of each row's task.</param>
    /// <param name="temperature">τ.</param>
    /// <returns>A scalar; null where there is a single prototype, which has no others.</returns>
    public static Tensor? Prototypes(Tensor vectors, Tensor prototypes, IReadOnlyList<int> tasks, double temperature)
    {
        if (prototypes.Size(0) < 2)
        {
            return null;
        }

        var similarity = Cosines(vectors, prototypes) / temperature;
        var own = F.OneHot(Tensor.From(tasks.Select(t => (long)t).ToArray(), tasks.Count).To(vectors.Device), prototypes.Size(0)).To(DType.Bool);
        var others = similarity.MaskedFill(own, Excluded).LogSumExp(1);
        return (others - (similarity * own.To(similarity.DType)).Sum(1)).Mean();
    }

    /// <summary>The cosine of each vector with each prototype.</summary>
    /// <param name="vectors">[B, E], floating.</param>
    /// <param name="prototypes">[T, E].</param>
    /// <returns>[B, T].</returns>
    public static Tensor Cosines(Tensor vectors, Tensor prototypes) => Unit(vectors).MatMul(Unit(prototypes).Transpose(0, 1));

    /// <summary>Each row over its norm, of at least 1e-12.</summary>
    private static Tensor Unit(Tensor x) => x / x.Norm(1, keep: true).Clamp(1e-12);
}
