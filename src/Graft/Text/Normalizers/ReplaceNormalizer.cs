using Graft.Text.Decoders;
using Graft.Text.Patterns;

namespace Graft.Text.Normalizers;

/// <summary>Replaces each match of a pattern; the new text stands for the match's last character.</summary>
internal sealed class ReplaceNormalizer(Pattern pattern, string content) : Normalizer
{
    [ThreadStatic]
    private static List<Stretch>? t_stretches;

    public override void Apply(AlignedText text)
    {
        if (text.Length == 0)
        {
            return;
        }

        var stretches = t_stretches ??= [];
        stretches.Clear();
        pattern.Cover(text.Chars, stretches);
        text.Begin();
        foreach (var stretch in stretches)
        {
            if (!stretch.IsMatch)
            {
                text.Keep(stretch.Start, stretch.End);
                continue;
            }

            var (start, end) = stretch.End == 0 ? (text.Origin, text.Origin) : (text.Starts[stretch.End - 1], text.Ends[stretch.End - 1]);
            foreach (var unit in content)
            {
                text.Put(unit, start, end);
            }
        }

        text.Commit();
    }
}

/// <summary>Replaces each match of a pattern in each piece.</summary>
internal sealed class ReplaceDecoder(Pattern pattern, string content) : Decoder
{
    public override IReadOnlyList<string> Decode(IReadOnlyList<string> pieces) => [.. pieces.Select(Replace)];

    private string Replace(string piece)
    {
        if (piece.Length == 0)
        {
            return piece;
        }

        var stretches = new List<Stretch>();
        pattern.Cover(piece, stretches);
        return string.Concat(stretches.Select(stretch => stretch.IsMatch ? content : piece[stretch.Start..stretch.End]));
    }
}
