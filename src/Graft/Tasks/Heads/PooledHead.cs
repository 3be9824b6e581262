using Graft.Backbones;
using Graft.Torch;

namespace Graft.Tasks.Heads;

/// <summary>How a head makes one vector of a text's hidden states.</summary>
public enum Pooling
{
    /// <summary>The mean over real tokens.</summary>
    Mean,

    /// <summary>The first token's state.</summary>
    First,

    /// <summary>The pretrained pooler of the first token; the backbone must be loaded with it.</summary>
    Pooler,
}

/// <summary>The settings of a head on pooled states. Immutable.</summary>
/// <param name="Kind">What it predicts.</param>
/// <param name="Outputs">The number of labels C; 1 for regression.</param>
/// <param name="Pooling">How a text's hidden states become one vector.</param>
/// <param name="Dropout">The dropout of that vector.</param>
/// <param name="TargetMean">Regression: the mean of the training scores, added to the output.</param>
/// <param name="TargetScale">Regression: the standard deviation of the training scores, by which the output is multiplied.</param>
/// <param name="Layers">The number of linear maps: 1, or 2 with a tanh between them, as RoBERTa's and AdapterHub's classification heads are.</param>
public sealed record PooledHeadConfig(
    TaskKind Kind, int Outputs, Pooling Pooling = Pooling.Mean, double Dropout = 0.1, double TargetMean = 0, double TargetScale = 1, int Layers = 1)
    : HeadConfig(Kind, Outputs)
{
    /// <summary>The number of linear maps: 1, or 2 with a tanh between them.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is neither.</exception>
    public int Layers { get; init => field = LinearLayers.Checked(value); } = LinearLayers.Checked(Layers);
}

/// <summary>
/// A linear or two-layer head on the pooled text: <c>z = V drop(p) + b</c> of the pooled text p [W], or with two layers
/// <c>z = V drop(tanh(U drop(p) + c)) + b</c>; V [C, W] and U [W, W] are N(0, 0.02), biases zero. The second is the head of
/// RoBERTa (Liu et al. 2019, arXiv 1907.11692, in its published code) when p is the first token. Loss: cross-entropy (classification), mean
/// binary cross-entropy over labels (multilabel), mean squared error of standardized scores (regression).
/// Thread contract: read concurrently, changed only by training.
/// </summary>
public sealed class PooledHead : Head
{
    private readonly LinearLayers _layers;

    /// <summary>Creates a head.</summary>
    /// <param name="config">Its settings.</param>
    /// <param name="width">The backbone's width W.</param>
    /// <param name="rng">The generator of the initial weights.</param>
    public PooledHead(PooledHeadConfig config, int width, Rng rng)
    {
        ArgumentNullException.ThrowIfNull(config);
        Config = config;
        _layers = new LinearLayers(AddParameter, config.Outputs, width, config.Layers, config.Dropout, rng);
    }

    /// <inheritdoc/>
    public override PooledHeadConfig Config { get; }

    /// <inheritdoc/>
    /// <exception cref="GraftException">The head reads the pooler and the backbone was loaded without it.</exception>
    public override Tensor Forward(BackboneOutput output, Tensor? mask, Rng? dropout = null) => _layers.Apply(Pool(output, mask), dropout);

    /// <inheritdoc/>
    public override Tensor Loss(Tensor logits, Tensor targets, double labelSmoothing = 0) => Config.Kind switch
    {
        TaskKind.Classification => F.CrossEntropy(logits, targets, labelSmoothing),
        TaskKind.Multilabel => F.BinaryCrossEntropyWithLogits(logits, targets.To(logits.DType)),
        _ => F.MseLoss(logits.Squeeze(1), (targets.To(logits.DType) - Config.TargetMean) / Config.TargetScale),
    };

    /// <summary>Turns logits into what a user reads: class probabilities, label probabilities, or scores.</summary>
    /// <param name="logits">[B, C], floating.</param>
    /// <returns>[B, C]: softmax, sigmoid, or scores in the task's own unit.</returns>
    public Tensor Predict(Tensor logits) => Config.Kind switch
    {
        TaskKind.Classification => logits.Softmax(-1),
        TaskKind.Multilabel => logits.Sigmoid(),
        _ => (logits * Config.TargetScale) + Config.TargetMean,
    };

    private Tensor Pool(BackboneOutput output, Tensor? mask)
    {
        var hidden = output.LastHiddenState;
        switch (Config.Pooling)
        {
            case Pooling.First:
                return hidden.Select(1, 0);
            case Pooling.Pooler:
                return output.Pooled ?? throw new GraftException(
                    "This head reads the pretrained pooler, and the backbone was loaded without one; load a model folder that has pooler weights.");
            default:
                if (mask is null)
                {
                    return hidden.Mean(1);
                }

                var weights = mask.To(hidden.DType).Unsqueeze(2);
                return (hidden * weights).Sum(1) / weights.Sum(1).Clamp(low: 1e-9);
        }
    }
}
