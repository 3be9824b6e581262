namespace Graft.Text;

/// <summary>
/// One text, or a pair of texts, as token ids with everything that is known of each token. All lists have the same length T.
/// Thread contract: immutable; the arrays are the caller's to read.
/// </summary>
public sealed class Encoding
{
    private readonly Tokenizer _tokenizer;
    private readonly IReadOnlyList<(int Index, string Text)> _literals;
    private string[]? _tokens;
    private int[]? _attentionMask;

    internal Encoding(
        Tokenizer tokenizer,
        int[] ids,
        int[] typeIds,
        (int Start, int End)[] offsets,
        bool[] specialTokensMask,
        IReadOnlyList<(int Index, string Text)> literals,
        int truncatedTokens)
    {
        _tokenizer = tokenizer;
        _literals = literals;
        Ids = ids;
        TypeIds = typeIds;
        Offsets = offsets;
        SpecialTokensMask = specialTokensMask;
        TruncatedTokens = truncatedTokens;
    }

    /// <summary>The number of tokens T, special ones included.</summary>
    public int Length => Ids.Length;

    /// <summary>[T] The ids of the tokens.</summary>
    public int[] Ids { get; }

    /// <summary>[T] The segment of each token: 0, or 1 in the second text of a pair where the model tells them apart.</summary>
    public int[] TypeIds { get; }

    /// <summary>[T] One for every token; padding adds zeros.</summary>
    public int[] AttentionMask
    {
        get
        {
            if (_attentionMask is null)
            {
                var mask = new int[Ids.Length];
                Array.Fill(mask, 1);
                _attentionMask = mask;
            }

            return _attentionMask;
        }
    }

    /// <summary>[T] The token texts as the vocabulary writes them.</summary>
    public string[] Tokens
    {
        get
        {
            if (_tokens is null)
            {
                var tokens = new string[Ids.Length];
                for (var i = 0; i < tokens.Length; i++)
                {
                    tokens[i] = _tokenizer.IdToToken(Ids[i]) ?? string.Empty;
                }

                foreach (var (index, text) in _literals)
                {
                    tokens[index] = text;
                }

                _tokens = tokens;
            }

            return _tokens;
        }
    }

    /// <summary>[T] The range [Start, End) of UTF-16 units of the original text (of its own text in a pair); (0, 0) for special tokens.</summary>
    public (int Start, int End)[] Offsets { get; }

    /// <summary>[T] True for the tokens that the model's template added, such as [CLS].</summary>
    public bool[] SpecialTokensMask { get; }

    /// <summary>The number of tokens of the text that were dropped to keep within the maximal length.</summary>
    public int TruncatedTokens { get; }
}
