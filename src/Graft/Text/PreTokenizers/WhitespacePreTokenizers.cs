using Graft.Text.Normalizers;
using Graft.Text.Unicode;

namespace Graft.Text.PreTokenizers;

/// <summary>Words of word characters, and runs of anything else but white space, which goes.</summary>
internal sealed class WhitespacePreTokenizer : PreTokenizer
{
    public override void Split(SplitText text)
    {
        text.BeginParts();
        foreach (var part in text.Parts)
        {
            if (part.IsText)
            {
                SplitPart(text, part);
            }
            else
            {
                text.Put(part);
            }
        }

        text.CommitParts();
    }

    private static void SplitPart(SplitText text, Part part)
    {
        var begin = part.Start;
        var last = CharTraits.Whitespace;
        for (var i = part.Start; i < part.Start + part.Length;)
        {
            var codePoint = text.Text.CodePointAt(i);
            var kind = UnicodeData.Traits(codePoint) & (CharTraits.Word | CharTraits.Whitespace);
            if (kind != last)
            {
                Put(text, begin, i, last);
                begin = i;
                last = kind;
            }

            i += AlignedText.UnitsOf(codePoint);
        }

        Put(text, begin, part.Start + part.Length, last);
    }

    private static void Put(SplitText text, int start, int end, CharTraits kind)
    {
        if (kind != CharTraits.Whitespace)
        {
            text.Put(start, end);
        }
    }
}

/// <summary>Chunks of a number of code points.</summary>
internal sealed class FixedLengthPreTokenizer(int length) : PreTokenizer
{
    public override void Split(SplitText text)
    {
        text.BeginParts();
        foreach (var part in text.Parts)
        {
            if (!part.IsText)
            {
                text.Put(part);
                continue;
            }

            var begin = part.Start;
            var count = 0;
            for (var i = part.Start; i < part.Start + part.Length;)
            {
                i += AlignedText.UnitsOf(text.Text.CodePointAt(i));
                if (++count % length == 0)
                {
                    text.Put(begin, i);
                    begin = i;
                }
            }

            text.Put(begin, part.Start + part.Length);
        }

        text.CommitParts();
    }
}
