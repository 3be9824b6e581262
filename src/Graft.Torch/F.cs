namespace Graft.Torch;

/// <summary>Functions of networks: linear maps, embeddings, norms, dropout, attention, losses. Thread-safe.</summary>
public static class F
{
    private const long MeanReduction = 1;
    private const long SumReduction = 2;

    private static readonly Op s_linear = new("aten::linear");
    private static readonly Op s_embedding = new("aten::embedding");
    private static readonly Op s_layerNorm = new("aten::layer_norm");
    private static readonly Op s_crossEntropy = new("aten::cross_entropy_loss");
    private static readonly Op s_mse = new("aten::mse_loss");
    private static readonly Op s_bce = new("aten::binary_cross_entropy_with_logits");
    private static readonly Op s_oneHot = new("aten::one_hot");
    private static readonly Op s_attention = new("aten::scaled_dot_product_attention");

    /// <summary>x weightᵀ + bias.</summary>
    /// <param name="x">[..., I], floating.</param>
    /// <param name="weight">[O, I].</param>
    /// <param name="bias">[O]; null for none.</param>
    /// <returns>[..., O].</returns>
    /// <exception cref="ShapeException">The sizes do not fit.</exception>
    public static Tensor Linear(Tensor x, Tensor weight, Tensor? bias = null) => s_linear.Call(x, weight, bias);

    /// <summary>The rows of a table at given indices.</summary>
    /// <param name="weight">[V, W], the table.</param>
    /// <param name="ids">[...], integers below V.</param>
    /// <returns>[..., W].</returns>
    /// <exception cref="TorchException">An index is out of range.</exception>
    public static Tensor Embedding(Tensor weight, Tensor ids) => s_embedding.Call(weight, ids);

    /// <summary>(x - mean) / sqrt(variance + eps) x gain + bias over the last dimension.</summary>
    /// <param name="x">[..., W], floating.</param>
    /// <param name="gain">[W]; null for none.</param>
    /// <param name="bias">[W]; null for none.</param>
    /// <param name="eps">What keeps the root away from zero.</param>
    /// <returns>[..., W].</returns>
    public static Tensor LayerNorm(Tensor x, Tensor? gain, Tensor? bias, double eps = 1e-5)
    {
        ArgumentNullException.ThrowIfNull(x);
        if (x.Device == Device.Cpu && x.DType.SizeOf() == 2)
        {
            // libtorch's own for half precision takes five times as long as float32's with both conversions.
            using var scope = new TensorScope();
            return scope.Keep(LayerNorm(x.To(DType.Float32), gain?.To(DType.Float32), bias?.To(DType.Float32), eps).To(x.DType));
        }

        return s_layerNorm.Call(x, new[] { x.Size(-1) }, gain, bias, eps);
    }

    /// <summary>x with elements set to zero at random and the others divided by the share that stays.</summary>
    /// <param name="x">[...], floating.</param>
    /// <param name="p">The probability that an element is dropped; with 0 the same tensor comes back.</param>
    /// <param name="rng">The generator, on the device of x.</param>
    /// <returns>[...].</returns>
    /// <exception cref="ArgumentOutOfRangeException">The probability is not in [0, 1].</exception>
    public static Tensor Dropout(Tensor x, double p, Rng rng)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(rng);
        if (!(p is >= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(p), p, "A dropout probability is between 0 and 1.");
        if (p == 0) return x;
        using var scope = new TensorScope();
        if (p == 1) return scope.Keep(x * x.Detach().ZerosLike());
        var mask = rng.Bernoulli_(x.Detach().EmptyLike(), 1 - p).Mul_(1 / (1 - p));
        return scope.Keep(x * mask);
    }

    /// <summary>The mean cross-entropy between the softmax of scores and labels.</summary>
    /// <param name="logits">[N, C], floating.</param>
    /// <param name="labels">[N], integers below C; or [N, C], floating, as target probabilities.</param>
    /// <param name="labelSmoothing">The share of the target that is spread evenly over all classes.</param>
    /// <param name="ignoreIndex">The label whose rows do not count.</param>
    /// <param name="sum">Whether to sum over rows, not average.</param>
    /// <returns>[].</returns>
    public static Tensor CrossEntropy(Tensor logits, Tensor labels, double labelSmoothing = 0, long ignoreIndex = -100, bool sum = false) =>
        s_crossEntropy.Call(logits, labels, Arg.None, sum ? SumReduction : MeanReduction, ignoreIndex, labelSmoothing);

    /// <summary>The mean of (x - target)².</summary>
    /// <param name="x">[...], floating.</param>
    /// <param name="target">[...], the same shape.</param>
    /// <returns>[].</returns>
    public static Tensor MseLoss(Tensor x, Tensor target) => s_mse.Call(x, target, MeanReduction);

    /// <summary>The mean cross-entropy between sigmoids of scores and targets.</summary>
    /// <param name="logits">[...], floating.</param>
    /// <param name="target">[...], the same shape, in [0, 1].</param>
    /// <returns>[].</returns>
    public static Tensor BinaryCrossEntropyWithLogits(Tensor logits, Tensor target) =>
        s_bce.Call(logits, target, Arg.None, Arg.None, MeanReduction);

    /// <summary>Rows with a one at the label and zeros elsewhere.</summary>
    /// <param name="labels">[...], integers below the number of classes.</param>
    /// <param name="classes">The number of classes.</param>
    /// <returns>[..., classes], integers.</returns>
    public static Tensor OneHot(Tensor labels, long classes) => s_oneHot.Call(labels, classes);

    /// <summary>softmax(Q Kᵀ / sqrt(D) + mask) V in one operator, where this libtorch has it.</summary>
    /// <param name="query">[B, H, T, D], floating.</param>
    /// <param name="key">[B, H, S, D].</param>
    /// <param name="value">[B, H, S, D].</param>
    /// <param name="mask">[B or 1, H or 1, T or 1, S], added to the scores; null for none.</param>
    /// <returns>[B, H, T, D]; null when libtorch is older than 2.0 and the caller must write it out.</returns>
    public static Tensor? ScaledDotProductAttention(Tensor query, Tensor key, Tensor value, Tensor? mask = null) =>
        s_attention.IsAvailable ? s_attention.Call(query, key, value, mask) : null;
}
