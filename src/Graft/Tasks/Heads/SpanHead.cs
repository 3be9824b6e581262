using Graft.Backbones;
using Graft.Tasks.Spans;
using Graft.Torch;

namespace Graft.Tasks.Heads;

/// <summary>The settings of a head that finds answers in a context. Immutable.</summary>
/// <param name="Search">How answers are searched for in its scores.</param>
/// <param name="Overlap">The tokens that neighbouring windows of a context share.</param>
/// <param name="Dropout">The dropout of the tokens' states.</param>
/// <param name="Layers">The number of linear maps: 1, or 2 with a tanh between them.</param>
public sealed record SpanHeadConfig(SpanSearchSettings Search, int Overlap = SpanRows.UsualOverlap, double Dropout = 0.1, int Layers = 1)
    : HeadConfig(TaskKind.Span, 2)
{
    /// <summary>The number of linear maps: 1, or 2 with a tanh between them.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is neither.</exception>
    public int Layers { get; init => field = LinearLayers.Checked(value); } = LinearLayers.Checked(Layers);
}

/// <summary>
/// Scores every token as the start and as the end of an answer: <c>z = V drop(h) + b</c> of each token's state h [W], or with two layers
/// <c>z = V drop(tanh(U drop(h) + c)) + b</c>; V [2, W] and U [W, W] are N(0, 0.02), biases zero. Virtual tokens of a method have no score, so that places are those of
/// the text's own tokens. Loss: the mean of two cross-entropies over the tokens of the window, that of the start and that of the end; padding has no probability.
/// Source: BertForQuestionAnswering (Devlin et al. 2019, arXiv 1810.04805, section 4.2). Thread contract: read concurrently, changed only by training.
/// </summary>
public sealed class SpanHead : Head
{
    // Far below what a score can be, and finite, so that no difference of two is undefined.
    private const double Never = -1e9;

    private readonly LinearLayers _layers;

    /// <summary>Creates a head.</summary>
    /// <param name="config">Its settings.</param>
    /// <param name="width">The backbone's width W.</param>
    /// <param name="rng">The generator of the initial weights.</param>
    public SpanHead(SpanHeadConfig config, int width, Rng rng)
    {
        ArgumentNullException.ThrowIfNull(config);
        Config = config;
        _layers = new LinearLayers(AddParameter, config.Outputs, width, config.Layers, config.Dropout, rng);
    }

    /// <inheritdoc/>
    public override SpanHeadConfig Config { get; }

    /// <inheritdoc/>
    /// <returns>[B, 2, T]: the scores of starts and of ends; padding has -1e9.</returns>
    public override Tensor Forward(BackboneOutput output, Tensor? mask, Rng? dropout = null)
    {
        ArgumentNullException.ThrowIfNull(output);
        var scores = _layers.Apply(output.LastHiddenState, dropout).Transpose(1, 2);
        return mask is null ? scores : scores.MaskedFill(mask.Unsqueeze(1).Eq(0), Never);
    }

    /// <inheritdoc/>
    /// <param name="logits">[B, 2, T], floating: from <see cref="Forward"/>.</param>
    /// <param name="targets">[B, 2] int64: the tokens at which answers start and end.</param>
    /// <param name="labelSmoothing">Not used: places in a text are no classes of which each could be right.</param>
    public override Tensor Loss(Tensor logits, Tensor targets, double labelSmoothing = 0)
    {
        ArgumentNullException.ThrowIfNull(logits);
        ArgumentNullException.ThrowIfNull(targets);
        return F.CrossEntropy(logits.Reshape(-1, logits.Size(2)), targets.Reshape(-1));
    }
}
