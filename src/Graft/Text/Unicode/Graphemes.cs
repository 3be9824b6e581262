namespace Graft.Text.Unicode;

/// <summary>
/// Borders of graphemes (Unicode's extended grapheme clusters), exact for graphemes of up to five UTF-8 bytes, the only ones that
/// SentencePiece's compiled rules look at as a whole.
/// </summary>
internal static class Graphemes
{
    private const int ZeroWidthJoiner = 0x200D;

    /// <summary>The units of the grapheme that <paramref name="text"/> begins with.</summary>
    public static int FirstLength(ReadOnlySpan<char> text)
    {
        var at = 0;
        var previous = Read(text, ref at);
        var pictograph = UnicodeData.Has(previous, CharTraits.Pictograph);
        while (at < text.Length)
        {
            var next = at;
            var codePoint = Read(text, ref next);
            if (!Joins(previous, codePoint, pictograph))
            {
                break;
            }

            at = next;
            previous = codePoint;
        }

        return at;
    }

    private static bool Joins(int previous, int next, bool afterPictograph)
    {
        if (previous == '\r' && next == '\n')
        {
            return true;
        }

        var before = UnicodeData.Traits(previous);
        var after = UnicodeData.Traits(next);
        if (((before | after) & CharTraits.GraphemeControl) != CharTraits.None)
        {
            return false;
        }

        return (after & CharTraits.JoinsPrevious) != CharTraits.None
            || (before & CharTraits.JoinsNext) != CharTraits.None
            || (previous == ZeroWidthJoiner && afterPictograph && (after & CharTraits.Pictograph) != CharTraits.None)
            || JoinsSyllable(previous, next);
    }

    private static bool JoinsSyllable(int previous, int next)
    {
        var (isLeadNext, isVowelNext, isTrailNext) = (IsLead(next), IsVowel(next), IsTrail(next));
        if (IsLead(previous))
        {
            return isLeadNext || isVowelNext || IsSyllable(next);
        }

        if (IsVowel(previous) || (IsSyllable(previous) && (previous - 0xAC00) % 28 == 0))
        {
            return isVowelNext || isTrailNext;
        }

        return (IsTrail(previous) || IsSyllable(previous)) && isTrailNext;
    }

    private static bool IsLead(int c) => c is (>= 0x1100 and <= 0x115F) or (>= 0xA960 and <= 0xA97C);

    private static bool IsVowel(int c) => c is (>= 0x1160 and <= 0x11A7) or (>= 0xD7B0 and <= 0xD7C6);

    private static bool IsTrail(int c) => c is (>= 0x11A8 and <= 0x11FF) or (>= 0xD7CB and <= 0xD7FB);

    private static bool IsSyllable(int c) => c is >= 0xAC00 and <= 0xD7A3;

    private static int Read(ReadOnlySpan<char> text, ref int at)
    {
        var c = text[at++];
        return char.IsHighSurrogate(c) ? char.ConvertToUtf32(c, text[at++]) : c;
    }
}
