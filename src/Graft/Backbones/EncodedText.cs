using Graft.Torch;

namespace Graft.Backbones;

/// <summary>
/// What a decoder attends to: the encoder's states of a batch with the virtual tokens in front of its text. Given back to the backbone, several
/// passes of the decoder need one of the encoder. Lives as long as the tensors of the pass that made it.
/// </summary>
public sealed class EncodedText
{
    internal EncodedText(Tensor text, Tensor states, Tensor? mask, Tensor? bias) => (Text, States, Mask, Bias) = (text, states, mask, bias);

    /// <summary>[B, T, W], floating: the states of the text alone.</summary>
    public Tensor Text { get; }

    /// <summary>[B, P + T, W], floating: the states of virtual tokens and text.</summary>
    internal Tensor States { get; }

    /// <summary>[B, P + T], floating: 1 at real tokens; null when nothing is padded.</summary>
    internal Tensor? Mask { get; }

    /// <summary>[B, 1, 1, P + T], floating: the mask as what is added to scores; null when nothing is padded.</summary>
    internal Tensor? Bias { get; }

    /// <summary>Some of the rows.</summary>
    /// <param name="rows">[R], int64.</param>
    public EncodedText Rows(Tensor rows) => new(
        Text.IndexSelect(0, rows), States.IndexSelect(0, rows), Mask?.IndexSelect(0, rows), Bias?.IndexSelect(0, rows));
}
