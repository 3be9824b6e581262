namespace Graft.Text.Normalizers;

/// <summary>One step that rewrites a text before it is split. Thread contract: immutable; the text is the caller's.</summary>
internal abstract class Normalizer
{
    public abstract void Apply(AlignedText text);

    /// <summary>The normal form of a string on its own.</summary>
    public string Apply(string value)
    {
        var text = new AlignedText();
        text.Load(value, 0);
        Apply(text);
        return text.Chars.ToString();
    }
}

/// <summary>Normalizers one after another.</summary>
internal sealed class NormalizerSequence(IReadOnlyList<Normalizer> steps) : Normalizer
{
    public override void Apply(AlignedText text)
    {
        for (var i = 0; i < steps.Count; i++)
        {
            steps[i].Apply(text);
        }
    }
}
