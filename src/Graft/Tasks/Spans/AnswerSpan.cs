using System.Globalization;

namespace Graft.Tasks.Spans;

/// <summary>A right answer: a piece of a context. Immutable.</summary>
/// <param name="Text">The piece, letter by letter as the context has it.</param>
/// <param name="Start">Where it begins, in UTF-16 units of the context.</param>
public sealed record AnswerSpan(string Text, int Start)
{
    /// <summary>Where it ends: the UTF-16 unit behind its last.</summary>
    public int End => Start + Text.Length;

    /// <summary>The place in a text that a number of code points precede: files count these, as Python does, and strings UTF-16 units.</summary>
    /// <param name="text">The text.</param>
    /// <param name="codePoints">The number, from 0.</param>
    /// <returns>UTF-16 units; -1 when the text has fewer code points.</returns>
    public static int UnitsOf(string text, long codePoints)
    {
        ArgumentNullException.ThrowIfNull(text);
        var units = 0;
        for (; codePoints > 0 && units < text.Length; codePoints--)
        {
            units += char.IsSurrogatePair(text, units) ? 2 : 1;
        }

        return codePoints == 0 ? units : -1;
    }

    /// <summary>
    /// A place behind which no letter goes on: marks that belong to the letter before the place, such as the accent of a decomposed é, lie before it. A tokenizer that
    /// drops accents ends its token before them.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="end">The place, in UTF-16 units.</param>
    public static int BehindMarks(string text, int end)
    {
        ArgumentNullException.ThrowIfNull(text);
        while (end > 0 && end < text.Length && CharUnicodeInfo.GetUnicodeCategory(text, end) == UnicodeCategory.NonSpacingMark)
        {
            end += char.IsSurrogatePair(text, end) ? 2 : 1;
        }

        return end;
    }

    /// <summary>The number of code points before a place in a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="units">UTF-16 units.</param>
    public static int CodePointsBefore(string text, int units)
    {
        ArgumentNullException.ThrowIfNull(text);
        var count = 0;
        foreach (var _ in text.AsSpan(0, units).EnumerateRunes())
        {
            count++;
        }

        return count;
    }
}
