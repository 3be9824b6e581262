using Graft.Text.Normalizers;
using Graft.Text.Patterns;

namespace Graft.Text.PreTokenizers;

/// <summary>When Metaspace puts its mark before a part.</summary>
internal enum PrependScheme
{
    Always,

    /// <summary>Only before a part that begins the original text.</summary>
    First,
    Never,
}

/// <summary>SentencePiece's blanks: each becomes a mark, and a new part begins at each mark when asked.</summary>
internal sealed class MetaspacePreTokenizer(int replacement, PrependScheme scheme, bool split) : PreTokenizer
{
    private readonly string _mark = char.ConvertFromUtf32(replacement);
    private readonly PatternPreTokenizer? _general =
        replacement < 0x10000 ? null : new PatternPreTokenizer(new CharPattern(c => c == replacement), SplitBehavior.MergedWithNext, invert: false);

    public override void Split(SplitText text)
    {
        text.Rewrite(Mark);
        if (!split)
        {
            return;
        }

        if (_general is not null)
        {
            _general.Split(text);
            return;
        }

        var mark = _mark[0];
        text.BeginParts();
        foreach (var part in text.Parts)
        {
            if (!part.IsText)
            {
                text.Put(part);
                continue;
            }

            var chars = text.CharsOf(part);
            var begin = 0;
            while (begin < chars.Length)
            {
                var next = chars[(begin + 1)..].IndexOf(mark);
                var end = next < 0 ? chars.Length : begin + 1 + next;
                text.Put(part.Start + begin, part.Start + end);
                begin = end;
            }
        }

        text.CommitParts();
    }

    private void Mark(AlignedText text, Part part)
    {
        var chars = text.Chars.Slice(part.Start, part.Length);
        var starts = text.Starts.Slice(part.Start, part.Length);
        var ends = text.Ends.Slice(part.Start, part.Length);
        if ((scheme == PrependScheme.Always || (scheme == PrependScheme.First && part.Origin == 0))
            && chars[0] != ' ' && !chars.StartsWith(_mark, StringComparison.Ordinal))
        {
            Put(text, starts[0], ends[0]);
        }

        for (var i = 0; i < chars.Length; i++)
        {
            if (chars[i] == ' ')
            {
                Put(text, starts[i], ends[i]);
            }
            else
            {
                text.Put(chars[i], starts[i], ends[i]);
            }
        }
    }

    private void Put(AlignedText text, int start, int end)
    {
        foreach (var unit in _mark)
        {
            text.Put(unit, start, end);
        }
    }
}
