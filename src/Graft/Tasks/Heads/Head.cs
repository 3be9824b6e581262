using Graft.Backbones;
using Graft.Torch;

namespace Graft.Tasks.Heads;

/// <summary>The settings of a head. Immutable.</summary>
/// <param name="Kind">What it predicts.</param>
/// <param name="Outputs">The numbers of an answer: one per label; 1 for regression, 2 for spans.</param>
public abstract record HeadConfig(TaskKind Kind, int Outputs);

/// <summary>What a head reads.</summary>
public enum HeadKind
{
    /// <summary>One vector made of a text's hidden states; of tasks of spans the state of each token.</summary>
    Pooled,

    /// <summary>What the backbone's decoder writes.</summary>
    Text,
}

/// <summary>How much of a loss rows bear. Immutable.</summary>
/// <param name="Rows">The rows.</param>
/// <param name="Tokens">The real tokens of their targets, for heads whose targets are texts; otherwise as many as rows.</param>
/// <param name="Longest">The tokens of the longest target; otherwise 1.</param>
public readonly record struct LossSize(int Rows, int Tokens, int Longest)
{
    /// <summary>The size of two sets of rows together.</summary>
    /// <param name="a">The one.</param>
    /// <param name="b">The other.</param>
    public static LossSize Join(LossSize a, LossSize b) => new(a.Rows + b.Rows, a.Tokens + b.Tokens, Math.Max(a.Longest, b.Longest));
}

/// <summary>
/// What makes a task's prediction and its loss of a backbone's output: the seam between tasks and backbones.
/// Thread contract: read concurrently, changed only by training.
/// </summary>
public abstract class Head : Module
{
    /// <summary>The head's settings.</summary>
    public abstract HeadConfig Config { get; }

    /// <summary>Computes the scores that <see cref="Loss"/> judges.</summary>
    /// <param name="output">The backbone's output.</param>
    /// <param name="mask">[B, T], floating: 1 at real tokens of the input; null when nothing is padded.</param>
    /// <param name="dropout">The generator of dropout while training; null in evaluation.</param>
    /// <returns>[B, C] logits or standardized scores of a pooled head, [B, 2, T] scores of a span head, [B, S, V] scores of tokens of a text head; float32 (or float64 after a float64 backbone).</returns>
    /// <exception cref="GraftException">The backbone does not compute what the head reads.</exception>
    public abstract Tensor Forward(BackboneOutput output, Tensor? mask, Rng? dropout = null);

    /// <summary>The loss of a batch.</summary>
    /// <param name="logits">Floating: from <see cref="Forward"/>.</param>
    /// <param name="targets">
    /// [B] int64 classes, [B, C] floating 0 or 1 (multilabel), or [B] floating scores (regression) of a pooled head; [B, 2] int64 places of a span head; [B, S] int64 tokens of a text head.
    /// </param>
    /// <param name="labelSmoothing">The share of probability spread over all classes, or over all tokens; not for multilabel and regression of pooled heads, nor for spans.</param>
    /// <returns>A scalar.</returns>
    public abstract Tensor Loss(Tensor logits, Tensor targets, double labelSmoothing = 0);

    /// <summary>
    /// The weight with which the loss of a part of a batch enters the loss of the whole: the sum of Share × Loss over the parts is the loss that
    /// the batch has in one piece. A part is a micro-batch, or the rows of a task.
    /// </summary>
    /// <param name="part">The part.</param>
    /// <param name="whole">The batch.</param>
    public virtual double Share(LossSize part, LossSize whole) => (double)part.Rows / whole.Rows;
}
