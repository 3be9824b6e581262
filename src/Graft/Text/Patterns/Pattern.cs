namespace Graft.Text.Patterns;

/// <summary>A stretch [Start, End) of a text, and whether the pattern matched it or it lies between matches.</summary>
internal readonly record struct Stretch(int Start, int End, bool IsMatch);

/// <summary>Finds what to split at or to replace. Thread contract: immutable.</summary>
internal abstract class Pattern
{
    /// <summary>Appends the matches and what lies between them; together they cover the text, which is not empty.</summary>
    public void Cover(ReadOnlySpan<char> text, List<Stretch> output)
    {
        var done = 0;
        var from = 0;
        var lastEnd = -1;
        while (from <= text.Length && Find(text, from) is var (start, end))
        {
            if (start == end && end == lastEnd)
            {
                from += from < text.Length && char.IsHighSurrogate(text[from]) ? 2 : 1;
                continue;
            }

            if (done != start)
            {
                output.Add(new Stretch(done, start, false));
            }

            output.Add(new Stretch(start, end, true));
            done = from = lastEnd = end;
        }

        if (done != text.Length)
        {
            output.Add(new Stretch(done, text.Length, false));
        }
    }

    /// <summary>The leftmost match that begins at <paramref name="from"/> or later.</summary>
    protected abstract (int Start, int End)? Find(ReadOnlySpan<char> text, int from);
}

/// <summary>A literal string.</summary>
internal sealed class LiteralPattern(string literal) : Pattern
{
    protected override (int Start, int End)? Find(ReadOnlySpan<char> text, int from)
    {
        var offset = text[from..].IndexOf(literal, StringComparison.Ordinal);
        return offset < 0 ? null : (from + offset, from + offset + literal.Length);
    }
}

/// <summary>Each single code point of a kind.</summary>
internal sealed class CharPattern(Func<int, bool> isMatch) : Pattern
{
    protected override (int Start, int End)? Find(ReadOnlySpan<char> text, int from)
    {
        while (from < text.Length)
        {
            var c = text[from];
            var codePoint = char.IsHighSurrogate(c) ? char.ConvertToUtf32(c, text[from + 1]) : c;
            var end = from + (codePoint >= 0x10000 ? 2 : 1);
            if (isMatch(codePoint))
            {
                return (from, end);
            }

            from = end;
        }

        return null;
    }
}
