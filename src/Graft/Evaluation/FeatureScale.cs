using Graft.Torch;

namespace Graft.Evaluation;

/// <summary>Mean and deviation of features over rows, by which others are standardized: <c>(x - mean) / deviation</c>. Immutable; tensors of the calling scope.</summary>
internal sealed class FeatureScale
{
    private const double SmallestDeviation = 1e-8;

    private readonly Tensor _mean;
    private readonly Tensor _deviation;

    /// <summary>Measures features; one that is the same in all rows is only shifted.</summary>
    /// <param name="features">[N, D], floating.</param>
    public FeatureScale(Tensor features)
    {
        _mean = features.Mean(0);
        var deviation = features.Variance(0, correction: 0).Sqrt();
        _deviation = Tensor.Where(deviation.Gt(SmallestDeviation), deviation, deviation.OnesLike());
    }

    /// <summary>Standardizes features.</summary>
    /// <param name="features">[M, D], floating.</param>
    public Tensor Apply(Tensor features) => (features - _mean) / _deviation;
}
