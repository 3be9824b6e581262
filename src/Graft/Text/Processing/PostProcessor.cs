using System.Runtime.InteropServices;

namespace Graft.Text.Processing;

/// <summary>A piece of a template: the first (0) or second (1) text, or fixed special tokens when <see cref="Sequence"/> is -1.</summary>
internal sealed record TemplatePiece(int Sequence, int TypeId, IReadOnlyList<int> Ids, IReadOnlyList<string> Tokens)
{
    public static TemplatePiece Text(int sequence, int typeId) => new(sequence, typeId, [], []);

    public static TemplatePiece Special(int id, string token, int typeId) => new(-1, typeId, [id], [token]);
}

/// <summary>
/// How token lists become the input of a model: first the offsets are trimmed by each rule (a byte-level token's leading blank is not part
/// of the word), then the pieces of the template are laid out. Thread contract: immutable.
/// </summary>
internal sealed record PostProcessor(IReadOnlyList<TemplatePiece> Single, IReadOnlyList<TemplatePiece> Pair, IReadOnlyList<bool> TrimsWithPrefixSpace)
{
    public static PostProcessor Plain { get; } = new([TemplatePiece.Text(0, 0)], [TemplatePiece.Text(0, 0), TemplatePiece.Text(1, 1)], []);

    public IReadOnlyList<TemplatePiece> Template(bool pair) => pair ? Pair : Single;

    public int AddedTokens(bool pair)
    {
        var count = 0;
        foreach (var piece in Template(pair))
        {
            count += piece.Ids.Count;
        }

        return count;
    }

    /// <summary>Lays out one or two token lists, each cut to its own length.</summary>
    public Encoding Assemble(Tokenizer tokenizer, TokenList first, int firstLength, TokenList? second, int secondLength, bool addSpecialTokens, int dropped)
    {
        var template = Template(second is not null);
        var length = 0;
        foreach (var piece in template)
        {
            length += piece.Sequence switch { 0 => firstLength, 1 => secondLength, _ => addSpecialTokens ? piece.Ids.Count : 0 };
        }

        var ids = new int[length];
        var types = new int[length];
        var offsets = new (int, int)[length];
        var special = new bool[length];
        List<(int, string)>? literals = null;
        var at = 0;
        foreach (var piece in template)
        {
            if (piece.Sequence >= 0)
            {
                var source = piece.Sequence == 0 ? first : second!;
                var count = piece.Sequence == 0 ? firstLength : secondLength;
                source.Ids[..count].CopyTo(ids.AsSpan(at));
                source.Offsets[..count].CopyTo(offsets.AsSpan(at));
                types.AsSpan(at, count).Fill(piece.TypeId);
                foreach (var (index, text) in source.Literals)
                {
                    if (index < count)
                    {
                        (literals ??= []).Add((at + index, text));
                    }
                }

                at += count;
                continue;
            }

            for (var i = 0; addSpecialTokens && i < piece.Ids.Count; i++, at++)
            {
                ids[at] = piece.Ids[i];
                types[at] = piece.TypeId;
                special[at] = true;
                if (tokenizer.IdToToken(piece.Ids[i]) != piece.Tokens[i])
                {
                    (literals ??= []).Add((at, piece.Tokens[i]));
                }
            }
        }

        return new Encoding(tokenizer, ids, types, offsets, special, literals is null ? [] : literals, dropped);
    }
}

/// <summary>The tokens of one text in the making. Thread contract: one thread.</summary>
internal sealed class TokenList
{
    private readonly List<(int Index, string Text)> _literals = [];
    private int[] _ids = new int[128];
    private (int Start, int End)[] _offsets = new (int, int)[128];

    public int Count { get; private set; }

    /// <summary>The count when the list first reached a limit at the end of a word, or the final count.</summary>
    public int CountAtLimit { get; set; }

    public Span<int> Ids => _ids.AsSpan(0, Count);

    public Span<(int Start, int End)> Offsets => _offsets.AsSpan(0, Count);

    public ReadOnlySpan<(int Index, string Text)> Literals => CollectionsMarshal.AsSpan(_literals);

    public void Clear()
    {
        Count = 0;
        _literals.Clear();
    }

    public void Add(int id, int start, int end)
    {
        if (Count == _ids.Length)
        {
            Array.Resize(ref _ids, Count * 2);
            Array.Resize(ref _offsets, Count * 2);
        }

        _ids[Count] = id;
        _offsets[Count++] = (start, end);
    }

    /// <summary>Notes that the last token's text is not the vocabulary's.</summary>
    public void NameLast(string text) => _literals.Add((Count - 1, text));

    public string? LiteralOf(int index)
    {
        foreach (var (at, text) in _literals)
        {
            if (at == index)
            {
                return text;
            }
        }

        return null;
    }
}
