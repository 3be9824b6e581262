namespace Graft.Text.PreTokenizers;

/// <summary>Splits the parts of a text further, and may rewrite them. Thread contract: immutable; the text is the caller's.</summary>
internal abstract class PreTokenizer
{
    public abstract void Split(SplitText text);
}

/// <summary>Pre-tokenizers one after another.</summary>
internal sealed class PreTokenizerSequence(IReadOnlyList<PreTokenizer> steps) : PreTokenizer
{
    public override void Split(SplitText text)
    {
        for (var i = 0; i < steps.Count; i++)
        {
            steps[i].Split(text);
        }
    }
}
