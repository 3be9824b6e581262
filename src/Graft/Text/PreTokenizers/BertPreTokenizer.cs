using Graft.Text.Normalizers;
using Graft.Text.Unicode;

namespace Graft.Text.PreTokenizers;

/// <summary>BERT's words: white space separates and goes, each punctuation character is a word.</summary>
internal sealed class BertPreTokenizer : PreTokenizer
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
        var end = part.Start + part.Length;
        for (var i = part.Start; i < end;)
        {
            int codePoint = text.Text[i];
            if ((uint)((codePoint | 0x20) - 'a') < 26)
            {
                i++;
                continue;
            }

            codePoint = text.Text.CodePointAt(i);
            var units = AlignedText.UnitsOf(codePoint);
            var traits = UnicodeData.Traits(codePoint);
            if ((traits & (CharTraits.Whitespace | CharTraits.Punctuation)) != CharTraits.None)
            {
                text.Put(begin, i);
                begin = i + units;
                if ((traits & CharTraits.Whitespace) == CharTraits.None)
                {
                    text.Put(i, begin);
                }
            }

            i += units;
        }

        text.Put(begin, end);
    }
}
