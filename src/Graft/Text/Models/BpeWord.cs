namespace Graft.Text.Models;

/// <summary>The symbols of one word while they merge. Thread contract: one thread.</summary>
internal sealed class BpeWord
{
    private const int LongWord = 48;

    [ThreadStatic]
    private static BpeWord? t_shared;

    private readonly PriorityQueue<(int At, int Joined), long> _queue = new();
    private int[] _ids = new int[64];
    private int[] _bytes = new int[64];
    private int[] _next = new int[64];
    private int[] _previous = new int[64];
    private long[] _merges = new long[64];
    private int _count;

    /// <summary>The empty word of this thread; it is valid until the next call.</summary>
    public static BpeWord Fresh()
    {
        var word = t_shared ??= new BpeWord();
        word._count = 0;
        return word;
    }

    public void Add(int id, int bytes)
    {
        if (_count == _ids.Length)
        {
            var size = _count * 2;
            Array.Resize(ref _ids, size);
            Array.Resize(ref _bytes, size);
            Array.Resize(ref _next, size);
            Array.Resize(ref _previous, size);
            Array.Resize(ref _merges, size);
        }

        _ids[_count] = id;
        _bytes[_count++] = bytes;
    }

    /// <summary>Joins neighbours until none has a merge: lowest rank first, and leftmost among equals.</summary>
    public void Merge(MergeTable merges)
    {
        if (_count > LongWord)
        {
            MergeLong(merges);
        }
        else if (_count > 1)
        {
            MergeShort(merges);
        }
    }

    /// <summary>Appends the symbols as tokens; a symbol's units are those of the code points that its bytes lie in.</summary>
    public void Write(ReadOnlySpan<char> word, List<WordToken> output)
    {
        var unit = 0;
        var unitBytes = 0;
        var bytes = 0;
        for (var i = 0; i < _count; i++)
        {
            if (_bytes[i] == 0)
            {
                continue;
            }

            while (unit < word.Length && unitBytes + Utf8Length(word, unit) <= bytes)
            {
                unitBytes += Utf8Length(word, unit);
                unit += UnitsAt(word, unit);
            }

            bytes += _bytes[i];
            var start = Math.Min(unit, word.Length - 1);
            var end = unit;
            for (var endBytes = unitBytes; end < word.Length && endBytes < bytes;)
            {
                endBytes += Utf8Length(word, end);
                end += UnitsAt(word, end);
            }

            output.Add(new WordToken(_ids[i], start, Math.Max(end, start + 1), false));
        }
    }

    private static int UnitsAt(ReadOnlySpan<char> word, int at) => char.IsHighSurrogate(word[at]) ? 2 : 1;

    private static int Utf8Length(ReadOnlySpan<char> word, int at) =>
        word[at] < 0x80 ? 1 : word[at] < 0x800 ? 2 : char.IsHighSurrogate(word[at]) ? 4 : 3;

    /// <summary>Looks for the best merge anew each time; the symbols move together.</summary>
    private void MergeShort(MergeTable merges)
    {
        for (var i = 0; i + 1 < _count; i++)
        {
            _merges[i] = merges.Find(_ids[i], _ids[i + 1]);
        }

        while (_count > 1)
        {
            var best = 0;
            for (var i = 1; i + 1 < _count; i++)
            {
                if (_merges[i] >> 32 < _merges[best] >> 32)
                {
                    best = i;
                }
            }

            if (_merges[best] == long.MaxValue)
            {
                return;
            }

            _ids[best] = (int)_merges[best];
            _bytes[best] += _bytes[best + 1];
            var tail = _count - best - 2;
            Array.Copy(_ids, best + 2, _ids, best + 1, tail);
            Array.Copy(_bytes, best + 2, _bytes, best + 1, tail);
            Array.Copy(_merges, best + 2, _merges, best + 1, tail);
            _count--;
            if (best > 0)
            {
                _merges[best - 1] = merges.Find(_ids[best - 1], _ids[best]);
            }

            if (best + 1 < _count)
            {
                _merges[best] = merges.Find(_ids[best], _ids[best + 1]);
            }
        }
    }

    /// <summary>Keeps the merges in a queue; symbols that were joined to their left neighbour have no bytes left.</summary>
    private void MergeLong(MergeTable merges)
    {
        _queue.Clear();
        for (var i = 0; i < _count; i++)
        {
            _previous[i] = i - 1;
            _next[i] = i + 1 < _count ? i + 1 : -1;
            Enqueue(merges, i);
        }

        while (_queue.TryDequeue(out var top, out _))
        {
            var (at, joined) = top;
            if (_bytes[at] == 0 || _next[at] < 0)
            {
                continue;
            }

            var right = _next[at];
            var merge = merges.Find(_ids[at], _ids[right]);
            if (merge == long.MaxValue || (int)merge != joined)
            {
                continue;
            }

            _ids[at] = joined;
            _bytes[at] += _bytes[right];
            _bytes[right] = 0;
            _next[at] = _next[right];
            if (_next[at] >= 0)
            {
                _previous[_next[at]] = at;
            }

            if (_previous[at] >= 0)
            {
                Enqueue(merges, _previous[at]);
            }

            Enqueue(merges, at);
        }
    }

    private void Enqueue(MergeTable merges, int at)
    {
        if (_next[at] >= 0 && merges.Find(_ids[at], _ids[_next[at]]) is var merge && merge != long.MaxValue)
        {
            _queue.Enqueue((at, (int)merge), (merge >> 32 << 32) | (uint)at);
        }
    }
}
