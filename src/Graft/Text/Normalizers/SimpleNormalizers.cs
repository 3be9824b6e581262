using Graft.Text.Unicode;

namespace Graft.Text.Normalizers;

/// <summary>One of the normal forms C, D, KC, KD of Unicode 9.</summary>
internal sealed class UnicodeNormalizer(bool compose, bool compatible) : Normalizer
{
    public override void Apply(AlignedText text) => NormalForms.Apply(text, compose, compatible);
}

/// <summary>Full lower case, code point by code point.</summary>
internal sealed class LowercaseNormalizer : Normalizer
{
    public override void Apply(AlignedText text) => Lower(text);

    public static void Lower(AlignedText text)
    {
        var grows = false;
        for (var i = 0; i < text.Length;)
        {
            var c = text[i];
            if (c < 0x80)
            {
                if (char.IsAsciiLetterUpper(c))
                {
                    text.Overwrite(i, (char)(c | 0x20));
                }

                i++;
                continue;
            }

            var codePoint = text.CodePointAt(i);
            var units = AlignedText.UnitsOf(codePoint);
            if (UnicodeData.Lower(codePoint) is { } lower)
            {
                if (lower.Length == 1 && units == 1 && lower[0] < 0x10000)
                {
                    text.Overwrite(i, (char)lower[0]);
                }
                else
                {
                    grows = true;
                }
            }

            i += units;
        }

        if (grows)
        {
            Rewrite(text);
        }
    }

    private static void Rewrite(AlignedText text)
    {
        text.Begin();
        for (var i = 0; i < text.Length;)
        {
            var codePoint = text.CodePointAt(i);
            if (UnicodeData.Lower(codePoint) is { } lower)
            {
                foreach (var target in lower)
                {
                    text.PutFrom(target, i);
                }
            }
            else
            {
                text.PutFrom(codePoint, i);
            }

            i += AlignedText.UnitsOf(codePoint);
        }

        text.Commit();
    }
}

/// <summary>Cuts white space off the left, the right or both.</summary>
internal sealed class StripNormalizer(bool left, bool right) : Normalizer
{
    public override void Apply(AlignedText text)
    {
        var from = 0;
        var to = text.Length;
        while (left && from < to && UnicodeData.Has(text[from], CharTraits.Whitespace))
        {
            from++;
        }

        while (right && to > from && UnicodeData.Has(text[to - 1], CharTraits.Whitespace))
        {
            to--;
        }

        text.Trim(from, to);
    }
}

/// <summary>Puts a string before a text that is not empty; it stands for the first character.</summary>
internal sealed class PrependNormalizer(string prefix) : Normalizer
{
    public override void Apply(AlignedText text)
    {
        if (text.Length == 0)
        {
            return;
        }

        text.Begin();
        foreach (var unit in prefix)
        {
            text.Put(unit, text.Starts[0], text.Ends[0]);
        }

        text.Keep(0, text.Length);
        text.Commit();
    }
}

/// <summary>SentencePiece's NMT rules: some control characters out, some separators to blanks.</summary>
internal sealed class NmtNormalizer : Normalizer
{
    public override void Apply(AlignedText text)
    {
        text.Begin();
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c is (>= '\u0001' and <= '\u0008') or '\u000B' or (>= '\u000E' and <= '\u001F') or '\u007F' or '\u008F' or '\u009F')
            {
                continue;
            }

            var blank = c is '\t' or '\n' or '\u000C' or '\r' or '\u1680' or (>= '\u200B' and <= '\u200F')
                or '\u2028' or '\u2029' or '\u2581' or '\uFEFF' or '\uFFFD';
            text.Put(blank ? ' ' : c, text.Starts[i], text.Ends[i]);
        }

        text.Commit();
    }
}

/// <summary>Writes each UTF-8 byte as the printable character that byte-level vocabularies use for it.</summary>
internal sealed class ByteLevelNormalizer : Normalizer
{
    public override void Apply(AlignedText text)
    {
        text.Begin();
        ByteAlphabet.Put(text, 0, text.Length);
        text.Commit();
    }
}
