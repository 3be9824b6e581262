using Graft.Torch;

namespace Graft.Text.Models;

/// <summary>WordPiece: the longest token first, continuations marked by a prefix; a word that cannot be covered is unknown as a whole.</summary>
internal sealed class WordPieceModel : TokenModel
{
    private readonly CharTrie _trie = new();
    private readonly int _continuation;
    private readonly int _unknown;
    private readonly string _unknownToken;
    private readonly int _longestWord;

    public WordPieceModel(Vocabulary vocabulary, string unknownToken, string continuationPrefix, int longestWord)
        : base(vocabulary)
    {
        foreach (var (token, id) in vocabulary.Entries)
        {
            _trie.Add(token, id);
        }

        _trie.Seal();
        _continuation = _trie.Walk(continuationPrefix);
        _unknownToken = unknownToken;
        _unknown = vocabulary.IdOf(unknownToken);
        _longestWord = longestWord;
    }

    public override void Tokenize(ReadOnlySpan<char> word, List<WordToken> output)
    {
        if (word.Length > _longestWord && CodePoints(word) > _longestWord)
        {
            output.Add(Unknown(word));
            return;
        }

        var first = output.Count;
        for (var start = 0; start < word.Length;)
        {
            var node = start == 0 ? CharTrie.Root : _continuation;
            var id = -1;
            var end = start;
            for (var i = start; i < word.Length && node >= 0; i++)
            {
                node = _trie.Step(node, word[i]);
                if (node >= 0 && _trie.IdAt(node) is var found and >= 0)
                {
                    id = found;
                    end = i + 1;
                }
            }

            if (id < 0)
            {
                output.RemoveRange(first, output.Count - first);
                output.Add(Unknown(word));
                return;
            }

            output.Add(new WordToken(id, start, end, false));
            start = end;
        }
    }

    private WordToken Unknown(ReadOnlySpan<char> word) => _unknown >= 0
        ? new WordToken(_unknown, 0, word.Length, false)
        : throw new GraftException($"The vocabulary has no unknown token '{_unknownToken}', which the word '{word}' needs; add it to the tokenizer file.");

    private static int CodePoints(ReadOnlySpan<char> word)
    {
        var count = 0;
        foreach (var unit in word)
        {
            count += char.IsLowSurrogate(unit) ? 0 : 1;
        }

        return count;
    }
}

/// <summary>Whole words only: a word is a token or unknown.</summary>
internal sealed class WordLevelModel(Vocabulary vocabulary, string unknownToken) : TokenModel(vocabulary)
{
    public override void Tokenize(ReadOnlySpan<char> word, List<WordToken> output)
    {
        var id = Vocabulary.IdOf(word);
        id = id >= 0 ? id : Vocabulary.IdOf(unknownToken);
        if (id < 0)
        {
            throw new GraftException($"The vocabulary has no unknown token '{unknownToken}', which the word '{word}' needs; add it to the tokenizer file.");
        }

        output.Add(new WordToken(id, 0, word.Length, false));
    }
}
