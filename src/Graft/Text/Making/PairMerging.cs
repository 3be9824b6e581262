namespace Graft.Text.Making;

/// <summary>Words as pieces, and how often which two are neighbours. Thread contract: one thread.</summary>
internal sealed class PairMerging
{
    private readonly List<(int[] Pieces, long Count)> _words;
    private readonly Dictionary<(int Left, int Right), long> _counts = [];
    private readonly Dictionary<(int Left, int Right), HashSet<int>> _wordsOf = [];

    // Counts only fall after a pair was put here, so an entry that is too high is put back with the right one.
    private readonly PriorityQueue<(int Left, int Right), (long Count, int Left, int Right)> _most =
        new(Comparer<(long Count, int Left, int Right)>.Create((a, b) =>
            a.Count != b.Count ? b.Count.CompareTo(a.Count) : a.Left != b.Left ? a.Left.CompareTo(b.Left) : a.Right.CompareTo(b.Right)));

    /// <summary>Counts pairs.</summary>
    /// <param name="words">Each word's pieces, and how often it comes.</param>
    public PairMerging(IEnumerable<(int[] Pieces, long Count)> words)
    {
        _words = [.. words];
        for (var word = 0; word < _words.Count; word++)
        {
            AddPairs(word, _words[word].Count);
        }

        foreach (var (pair, count) in _counts)
        {
            _most.Enqueue(pair, (count, pair.Left, pair.Right));
        }
    }

    /// <summary>The pair that comes most often; null where none comes often enough.</summary>
    /// <param name="least">How often it has to come.</param>
    public (int Left, int Right)? Next(long least)
    {
        while (_most.TryDequeue(out var pair, out var was))
        {
            var count = _counts.GetValueOrDefault(pair);
            if (count == was.Count)
            {
                return count >= Math.Max(1, least) ? pair : null;
            }

            if (count > 0)
            {
                _most.Enqueue(pair, (count, pair.Left, pair.Right));
            }
        }

        return null;
    }

    /// <summary>Makes one piece of a pair wherever it comes, from left to right.</summary>
    /// <param name="pair">The pair.</param>
    /// <param name="merged">The piece.</param>
    public void Merge((int Left, int Right) pair, int merged)
    {
        var risen = new HashSet<(int Left, int Right)>();
        foreach (var word in _wordsOf.Remove(pair, out var found) ? found : [])
        {
            var (pieces, count) = _words[word];
            AddPairs(word, -count);
            var joined = new List<int>(pieces.Length);
            for (var i = 0; i < pieces.Length; i++)
            {
                if (i + 1 < pieces.Length && (pieces[i], pieces[i + 1]) == pair)
                {
                    joined.Add(merged);
                    i++;
                }
                else
                {
                    joined.Add(pieces[i]);
                }
            }

            _words[word] = ([.. joined], count);
            AddPairs(word, count);
            for (var i = 0; i + 1 < joined.Count; i++)
            {
                if (joined[i] == merged || joined[i + 1] == merged)
                {
                    risen.Add((joined[i], joined[i + 1]));
                }
            }
        }

        _counts.Remove(pair);
        foreach (var other in risen)
        {
            _most.Enqueue(other, (_counts[other], other.Left, other.Right));
        }
    }

    private void AddPairs(int word, long count)
    {
        var pieces = _words[word].Pieces;
        for (var i = 0; i + 1 < pieces.Length; i++)
        {
            var pair = (pieces[i], pieces[i + 1]);
            _counts[pair] = _counts.GetValueOrDefault(pair) + count;
            if (count > 0)
            {
                if (!_wordsOf.TryGetValue(pair, out var words))
                {
                    _wordsOf.Add(pair, words = []);
                }

                words.Add(word);
            }
        }
    }
}
