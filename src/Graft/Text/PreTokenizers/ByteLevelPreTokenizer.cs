using Graft.Text.Normalizers;
using Graft.Text.Unicode;

namespace Graft.Text.PreTokenizers;

/// <summary>GPT-2's words (with the blank before each), written in the byte alphabet.</summary>
internal sealed class ByteLevelPreTokenizer(bool addPrefixSpace, bool useRegex) : PreTokenizer
{
    private static readonly byte[] s_kinds = Kinds();

    private enum Kind : byte
    {
        Other,
        Letter,
        Number,
        Space,
    }

    public override void Split(SplitText text)
    {
        if (addPrefixSpace && NeedsPrefix(text))
        {
            text.Rewrite(Prefix);
        }

        if (useRegex)
        {
            SplitWords(text);
        }

        text.Rewrite(static (units, part) => ByteAlphabet.Put(units, part.Start, part.Start + part.Length));
    }

    private static bool NeedsPrefix(SplitText text)
    {
        foreach (var part in text.Parts)
        {
            if (part.IsText && text.Text[part.Start] != ' ')
            {
                return true;
            }
        }

        return false;
    }

    private static void Prefix(AlignedText text, Part part)
    {
        if (text[part.Start] != ' ')
        {
            text.Put(' ', text.Starts[part.Start], text.Ends[part.Start]);
        }

        text.Keep(part.Start, part.Start + part.Length);
    }

    private static void SplitWords(SplitText text)
    {
        text.BeginParts();
        foreach (var part in text.Parts)
        {
            if (!part.IsText)
            {
                text.Put(part);
                continue;
            }

            var chars = text.CharsOf(part);
            for (var at = 0; at < chars.Length;)
            {
                var end = WordEnd(chars, at);
                text.Put(part.Start + at, part.Start + end);
                at = end;
            }
        }

        text.CommitParts();
    }

    /// <summary>
    /// The end of the word at <paramref name="at"/>, by the rule
    /// <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c>.
    /// </summary>
    private static int WordEnd(ReadOnlySpan<char> chars, int at)
    {
        var c = chars[at];
        if (c == '\'' && ContractionLength(chars[(at + 1)..]) is var length and > 0)
        {
            return at + 1 + length;
        }

        var first = c == ' ' && at + 1 < chars.Length ? at + 1 : at;
        var kind = KindAt(chars, first);
        if (kind == Kind.Space)
        {
            var end = RunEnd(chars, at, Kind.Space);
            return end < chars.Length && end - at > 1 ? end - 1 : end;
        }

        return RunEnd(chars, first, kind);
    }

    private static int ContractionLength(ReadOnlySpan<char> rest)
    {
        if (rest.IsEmpty)
        {
            return 0;
        }

        if (rest[0] is 's' or 't' or 'm' or 'd')
        {
            return 1;
        }

        return rest.Length > 1 && (rest[0], rest[1]) is ('r', 'e') or ('v', 'e') or ('l', 'l') ? 2 : 0;
    }

    private static int RunEnd(ReadOnlySpan<char> chars, int at, Kind kind)
    {
        while (at < chars.Length && KindAt(chars, at) == kind)
        {
            at += char.IsHighSurrogate(chars[at]) ? 2 : 1;
        }

        return at;
    }

    private static Kind KindAt(ReadOnlySpan<char> chars, int at)
    {
        var c = chars[at];
        return char.IsHighSurrogate(c) ? KindOf(char.ConvertToUtf32(c, chars[at + 1])) : (Kind)s_kinds[c];
    }

    private static Kind KindOf(int codePoint)
    {
        var traits = UnicodeData.Traits(codePoint);
        return (traits & CharTraits.Whitespace) != CharTraits.None ? Kind.Space : UnicodeData.CategoryNumber(traits) switch
        {
            >= 1 and <= 5 => Kind.Letter,
            >= 9 and <= 11 => Kind.Number,
            _ => Kind.Other,
        };
    }

    private static byte[] Kinds()
    {
        var kinds = new byte[0x10000];
        for (var c = 0; c < kinds.Length; c++)
        {
            kinds[c] = (byte)KindOf(c);
        }

        return kinds;
    }
}
