using Graft.Backbones;
using Graft.Tasks.TextToText;
using Graft.Torch;

namespace Graft.Tasks.Heads;

/// <summary>How the losses of a batch's target tokens become one number.</summary>
public enum LossReduction
{
    /// <summary>The mean over real tokens.</summary>
    Mean,

    /// <summary>The sum over real tokens divided by B × S, places of padding included: what the authors of PHA do with all data.</summary>
    MeanAll,

    /// <summary>The sum over real tokens: what they do with little data; the terms that a method adds then weigh next to nothing.</summary>
    Sum,
}

/// <summary>The settings of a head that reads a decoder. Immutable.</summary>
/// <param name="Kind">What it predicts.</param>
/// <param name="Outputs">The number of labels C; 1 for regression.</param>
/// <param name="Format">The task as text.</param>
/// <param name="Longest">The tokens of the longest answer, its end included.</param>
/// <param name="Reduction">How the losses of tokens become one number.</param>
/// <param name="Beams">The beams by which answers are searched for; 1 takes the likeliest token each time.</param>
public sealed record TextHeadConfig(
    TaskKind Kind, int Outputs, TextFormat Format, int Longest, LossReduction Reduction = LossReduction.Mean, int Beams = 1) : HeadConfig(Kind, Outputs);

/// <summary>
/// The head of text-to-text tasks: the scores are those of the backbone's decoder, so that it has no parameters. Loss of a token t with scores
/// z [V] and smoothing ε: <c>(1 - ε) (-log softmax(z)_t) + ε / V Σ_v (-log softmax(z)_v)</c>, padding left out, reduced by
/// <see cref="LossReduction"/>. Source: Bumble666/PHA, label_smoothed_nll_loss (shared/specs/pha.md 1.6). Immutable and thread-safe.
/// </summary>
/// <param name="config">Its settings.</param>
public sealed class TextHead(TextHeadConfig config) : Head
{
    /// <summary>The target of places behind a text's end: they bear no loss.</summary>
    public const long NoTarget = -100;

    /// <inheritdoc/>
    public override TextHeadConfig Config { get; } = config;

    /// <inheritdoc/>
    public override Tensor Forward(BackboneOutput output, Tensor? mask, Rng? dropout = null)
    {
        ArgumentNullException.ThrowIfNull(output);
        return Scores(output);
    }

    /// <summary>The decoder's scores in a type that a loss is computed in.</summary>
    /// <param name="output">A pass with decoder tokens.</param>
    /// <returns>[B, S, V], float32 or wider.</returns>
    /// <exception cref="GraftException">No decoder ran.</exception>
    internal static Tensor Scores(BackboneOutput output)
    {
        var logits = output.Logits ?? throw new GraftException(
            "This head reads what a decoder writes, and none ran; use it with a T5 backbone and batches that carry decoder tokens.");
        return logits.DType is DType.BFloat16 or DType.Float16 ? logits.To(DType.Float32) : logits;
    }

    /// <inheritdoc/>
    public override Tensor Loss(Tensor logits, Tensor targets, double labelSmoothing = 0)
    {
        // A batch of several tasks is as wide as its longest target.
        var own = logits.Size(1) > targets.Size(1) ? logits.Narrow(1, 0, targets.Size(1)) : logits;
        var loss = F.CrossEntropy(
            own.Reshape(-1, own.Size(-1)), targets.Reshape(-1), labelSmoothing, NoTarget, sum: Config.Reduction != LossReduction.Mean);
        return Config.Reduction == LossReduction.MeanAll ? loss / targets.Count : loss;
    }

    /// <inheritdoc/>
    public override double Share(LossSize part, LossSize whole) => Config.Reduction switch
    {
        LossReduction.Mean => (double)part.Tokens / whole.Tokens,
        LossReduction.MeanAll => (double)part.Rows * part.Longest / ((double)whole.Rows * whole.Longest),
        _ => 1,
    };
}
