namespace Graft.Text.Decoders;

/// <summary>One step from tokens to text: a list of pieces to a list of pieces. Thread contract: immutable.</summary>
internal abstract class Decoder
{
    public abstract IReadOnlyList<string> Decode(IReadOnlyList<string> pieces);
}

/// <summary>Decoders one after another.</summary>
internal sealed class DecoderSequence(IReadOnlyList<Decoder> steps) : Decoder
{
    public override IReadOnlyList<string> Decode(IReadOnlyList<string> pieces) => steps.Aggregate(pieces, (current, step) => step.Decode(current));
}
