using System.Globalization;
using Graft.Torch;

namespace Graft.Text.Models;

/// <summary>SentencePiece's unigram language model: the split of a word whose scores have the largest sum.</summary>
internal sealed class UnigramModel : TokenModel
{
    private const double UnknownPenalty = 10;

    [ThreadStatic]
    private static Path? t_path;

    private readonly CharTrie _trie = new();
    private readonly double[] _scores;
    private readonly double _unknownScore;
    private readonly int _unknown;
    private readonly int[]? _bytes;

    /// <summary>A model of the scores in the order of the ids; <paramref name="unknown"/> is -1 when there is no unknown token.</summary>
    public UnigramModel(Vocabulary vocabulary, IReadOnlyList<string> tokens, double[] scores, int unknown, bool byteFallback)
        : base(vocabulary)
    {
        _scores = scores;
        _unknown = unknown;
        for (var id = 0; id < tokens.Count; id++)
        {
            if (tokens[id].Length > 0)
            {
                _trie.Add(tokens[id], id);
            }
        }

        _trie.Seal();
        _unknownScore = scores.Min() - UnknownPenalty;
        if (byteFallback)
        {
            _bytes = new int[256];
            for (var b = 0; b < 256; b++)
            {
                _bytes[b] = vocabulary.IdOf(string.Create(CultureInfo.InvariantCulture, $"<0x{b:X2}>"));
            }
        }
    }

    public override void Tokenize(ReadOnlySpan<char> word, List<WordToken> output)
    {
        var path = t_path ??= new Path();
        path.Reset(word.Length);
        FindBest(word, path);

        var first = output.Count;
        for (var end = word.Length; end > 0;)
        {
            var id = path.Ids[end];
            var start = path.Starts[end];
            while (id == _unknown && start > 0 && path.Ids[start] == _unknown)
            {
                start = path.Starts[start];
            }

            output.Add(new WordToken(id, start, end, false));
            end = start;
        }

        output.Reverse(first, output.Count - first);
        for (var i = first; i < output.Count; i++)
        {
            if (output[i].Id == _unknown)
            {
                i += Resolve(word, output, i);
            }
        }
    }

    private void FindBest(ReadOnlySpan<char> word, Path path)
    {
        for (var start = 0; start < word.Length;)
        {
            var soFar = path.Scores[start];
            var units = char.IsHighSurrogate(word[start]) ? 2 : 1;
            var hasSingle = false;
            var node = CharTrie.Root;
            for (var end = start + 1; end <= word.Length; end++)
            {
                node = _trie.Step(node, word[end - 1]);
                if (node < 0)
                {
                    break;
                }

                if (_trie.IdAt(node) is var id and >= 0)
                {
                    path.Offer(end, start, id, _scores[id] + soFar);
                    hasSingle |= end - start == units;
                }
            }

            if (!hasSingle)
            {
                if (_unknown < 0)
                {
                    throw new GraftException($"The vocabulary has no unknown token, which '{word.Slice(start, units)}' needs; set 'model.unk_id' in the tokenizer file.");
                }

                path.Offer(start + units, start, _unknown, _unknownScore + soFar);
            }

            start += units;
        }
    }

    /// <summary>What an unknown stretch is in the end: a token after all, bytes, or unknown by its own text. Returns how many tokens it grew by.</summary>
    private int Resolve(ReadOnlySpan<char> word, List<WordToken> output, int index)
    {
        var token = output[index];
        var text = word[token.Start..token.End];
        if (Vocabulary.IdOf(text) is var known and >= 0)
        {
            output[index] = token with { Id = known };
            return 0;
        }

        var bytes = _bytes is null ? [] : System.Text.Encoding.UTF8.GetBytes(text.ToArray());
        if (bytes.Length == 0 || bytes.Any(b => _bytes![b] < 0))
        {
            output[index] = token with { Literal = true };
            return 0;
        }

        output.RemoveAt(index);
        output.InsertRange(index, bytes.Select(b => token with { Id = _bytes![b] }));
        return bytes.Length - 1;
    }

    /// <summary>For each place in the word, the best way to get there.</summary>
    private sealed class Path
    {
        public double[] Scores { get; private set; } = new double[128];

        public int[] Starts { get; private set; } = new int[128];

        public int[] Ids { get; private set; } = new int[128];

        public void Reset(int length)
        {
            if (length >= Scores.Length)
            {
                var size = Math.Max(length + 1, Scores.Length * 2);
                Scores = new double[size];
                Starts = new int[size];
                Ids = new int[size];
            }

            Scores[0] = 0;
            Starts.AsSpan(0, length + 1).Fill(-1);
        }

        public void Offer(int end, int start, int id, double score)
        {
            if (Starts[end] < 0 || score > Scores[end])
            {
                Scores[end] = score;
                Starts[end] = start;
                Ids[end] = id;
            }
        }
    }
}
