using Graft.Text.Normalizers;
using Graft.Text.Unicode;

namespace Graft.Text.Processing;

/// <summary>Takes the blanks at a byte-level token's ends out of its range of the original text.</summary>
internal static class OffsetTrimming
{
    private static readonly char s_blank = ByteAlphabet.CharOf((byte)' ');

    public static void Trim(Tokenizer tokenizer, TokenList tokens, string original, bool prefixSpace)
    {
        var offsets = tokens.Offsets;
        for (var i = 0; i < offsets.Length; i++)
        {
            var token = (tokens.Literals.IsEmpty ? null : tokens.LiteralOf(i)) ?? tokenizer.IdToToken(tokens.Ids[i])!;
            var (start, end) = offsets[i];
            var leading = Leading(token);
            if (leading > 0)
            {
                if ((i == 0 || start == 0) && prefixSpace && leading == 1)
                {
                    leading = 0;
                }

                start = Math.Min(Forward(original, start, leading), end);
            }

            var trailing = Trailing(token);
            if (trailing > 0)
            {
                end = Math.Max(Backward(original, end, trailing), start);
            }

            offsets[i] = (start, end);
        }
    }

    private static bool IsBlank(char c) => c == s_blank || UnicodeData.Has(c, CharTraits.Whitespace);

    private static int Leading(string token)
    {
        var count = 0;
        while (count < token.Length && IsBlank(token[count]))
        {
            count++;
        }

        return count;
    }

    private static int Trailing(string token)
    {
        var count = 0;
        while (count < token.Length && IsBlank(token[^(count + 1)]))
        {
            count++;
        }

        return count;
    }

    private static int Forward(string text, int index, int codePoints)
    {
        for (; codePoints > 0 && index < text.Length; codePoints--)
        {
            index += index + 1 < text.Length && char.IsSurrogatePair(text, index) ? 2 : 1;
        }

        return index;
    }

    /// <summary>Goes back by the code points, or stays where there are not as many.</summary>
    private static int Backward(string text, int index, int codePoints)
    {
        var back = index;
        for (; codePoints > 0; codePoints--)
        {
            if (back == 0)
            {
                return index;
            }

            back -= back > 1 && char.IsSurrogatePair(text, back - 2) ? 2 : 1;
        }

        return back;
    }
}
