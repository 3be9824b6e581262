using Graft.Text.Unicode;

namespace Graft.Text.Normalizers;

/// <summary>BERT's clean-up: control characters out, every white space a blank, blanks around CJK, accents off, lower case.</summary>
internal sealed class BertNormalizer(bool cleanText, bool spaceChinese, bool stripAccents, bool lowercase) : Normalizer
{
    public override void Apply(AlignedText text)
    {
        var beyondAscii = cleanText || spaceChinese || lowercase ? Clean(text) : text.Chars.IndexOfAnyExceptInRange('\0', '\u007F') >= 0;
        if (!beyondAscii)
        {
            return;
        }

        if (stripAccents)
        {
            NormalForms.Apply(text, compose: false, compatible: false);
            CharFilter.Remove(text, CharTraits.NonspacingMark);
        }

        if (lowercase)
        {
            LowercaseNormalizer.Lower(text);
        }
    }

    /// <summary>Cleans, spaces CJK and lowers ASCII in one pass; returns whether anything beyond ASCII was seen.</summary>
    private bool Clean(AlignedText text)
    {
        var beyondAscii = false;
        var chars = text.Chars;
        var starts = text.Starts;
        var ends = text.Ends;
        text.Begin();
        for (var i = 0; i < chars.Length; i++)
        {
            var c = chars[i];
            if (c < 0x80)
            {
                if (lowercase && char.IsAsciiLetterUpper(c))
                {
                    c = (char)(c | 0x20);
                }
                else if (cleanText && (c < ' ' || c == '\u007F'))
                {
                    if (c is not ('\t' or '\n' or '\r'))
                    {
                        continue;
                    }

                    c = ' ';
                }

                text.Put(c, starts[i], ends[i]);
                continue;
            }

            beyondAscii = true;
            var codePoint = text.CodePointAt(i);
            CleanCodePoint(text, codePoint, starts[i], ends[i]);
            if (codePoint >= 0x10000)
            {
                i++;
            }
        }

        text.Commit();
        return beyondAscii;
    }

    private void CleanCodePoint(AlignedText text, int codePoint, int start, int end)
    {
        if (cleanText)
        {
            var traits = UnicodeData.Traits(codePoint);
            if ((traits & CharTraits.Control) != CharTraits.None)
            {
                return;
            }

            if ((traits & CharTraits.Whitespace) != CharTraits.None)
            {
                codePoint = ' ';
            }
        }

        if (spaceChinese && IsChinese(codePoint))
        {
            text.Put(' ', start, end);
            text.PutCodePoint(codePoint, start, end);
            text.Put(' ', start, end);
        }
        else
        {
            text.PutCodePoint(codePoint, start, end);
        }
    }

    private static bool IsChinese(int codePoint) => codePoint >= 0x3400 && codePoint is
        (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x20000 and <= 0x2A6DF) or (>= 0x2A700 and <= 0x2B73F)
        or (>= 0x2B740 and <= 0x2B81F) or (>= 0x2B920 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);
}
