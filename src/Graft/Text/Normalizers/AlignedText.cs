using System.Runtime.CompilerServices;

namespace Graft.Text.Normalizers;

/// <summary>
/// A text under normalisation: its UTF-16 units, and for each unit the range of the original string that it came from.
/// Both units of a surrogate pair hold the same range. A rewrite reads the present units and puts the next ones, then commits.
/// Thread contract: one thread.
/// </summary>
internal sealed class AlignedText
{
    private char[] _chars = new char[256];
    private int[] _starts = new int[256];
    private int[] _ends = new int[256];
    private char[] _nextChars = new char[256];
    private int[] _nextStarts = new int[256];
    private int[] _nextEnds = new int[256];
    private int _next;

    public int Length { get; private set; }

    /// <summary>The place in the original string where this text begins.</summary>
    public int Origin { get; private set; }

    public ReadOnlySpan<char> Chars => _chars.AsSpan(0, Length);

    public ReadOnlySpan<int> Starts => _starts.AsSpan(0, Length);

    public ReadOnlySpan<int> Ends => _ends.AsSpan(0, Length);

    public char this[int index] => _chars[index];

    /// <summary>Takes the units of a part of the original string; surrogates without partner become U+FFFD.</summary>
    public void Load(ReadOnlySpan<char> source, int origin)
    {
        Origin = origin;
        Length = 0;
        Append(source, origin);
    }

    public void Append(ReadOnlySpan<char> source, int origin)
    {
        EnsureCurrent(Length + source.Length);
        source.CopyTo(_chars.AsSpan(Length));
        var starts = _starts.AsSpan(Length, source.Length);
        var ends = _ends.AsSpan(Length, source.Length);
        for (var i = 0; i < starts.Length; i++)
        {
            starts[i] = origin + i;
        }

        for (var i = 0; i < ends.Length; i++)
        {
            ends[i] = origin + i + 1;
        }

        for (var i = source.IndexOfAnyInRange('\uD800', '\uDFFF'); i >= 0 && i < source.Length; i++)
        {
            var c = source[i];
            if (!char.IsSurrogate(c))
            {
                continue;
            }

            if (char.IsHighSurrogate(c) && i + 1 < source.Length && char.IsLowSurrogate(source[i + 1]))
            {
                ends[i]++;
                starts[++i]--;
            }
            else
            {
                _chars[Length + i] = '\uFFFD';
            }
        }

        Length += source.Length;
    }

    public void Append(AlignedText other)
    {
        EnsureCurrent(Length + other.Length);
        other.Chars.CopyTo(_chars.AsSpan(Length));
        other.Starts.CopyTo(_starts.AsSpan(Length));
        other.Ends.CopyTo(_ends.AsSpan(Length));
        Length += other.Length;
    }

    public void Clear()
    {
        Length = 0;
        Origin = 0;
    }

    /// <summary>The code point that begins at the unit <paramref name="index"/>; a text never holds half a surrogate pair.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int CodePointAt(int index)
    {
        var c = _chars[index];
        return char.IsHighSurrogate(c) ? char.ConvertToUtf32(c, _chars[index + 1]) : c;
    }

    public static int UnitsOf(int codePoint) => codePoint >= 0x10000 ? 2 : 1;

    /// <summary>Begins a rewrite.</summary>
    public void Begin() => _next = 0;

    public int NextLength => _next;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Put(char unit, int start, int end)
    {
        if (_next == _nextChars.Length)
        {
            GrowNext(_next + 1);
        }

        _nextChars[_next] = unit;
        _nextStarts[_next] = start;
        _nextEnds[_next++] = end;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void PutCodePoint(int codePoint, int start, int end)
    {
        if (codePoint < 0x10000)
        {
            Put((char)codePoint, start, end);
        }
        else
        {
            Put((char)(0xD7C0 + (codePoint >> 10)), start, end);
            Put((char)(0xDC00 | (codePoint & 0x3FF)), start, end);
        }
    }

    /// <summary>Puts a code point in the place of the present unit <paramref name="source"/>.</summary>
    public void PutFrom(int codePoint, int source) => PutCodePoint(codePoint, _starts[source], _ends[source]);

    /// <summary>Keeps the present units [from, to).</summary>
    public void Keep(int from, int to)
    {
        var count = to - from;
        if (_next + count > _nextChars.Length)
        {
            GrowNext(_next + count);
        }

        _chars.AsSpan(from, count).CopyTo(_nextChars.AsSpan(_next));
        _starts.AsSpan(from, count).CopyTo(_nextStarts.AsSpan(_next));
        _ends.AsSpan(from, count).CopyTo(_nextEnds.AsSpan(_next));
        _next += count;
    }

    /// <summary>Ends a rewrite: what was put becomes the text.</summary>
    public void Commit()
    {
        (_chars, _nextChars) = (_nextChars, _chars);
        (_starts, _nextStarts) = (_nextStarts, _starts);
        (_ends, _nextEnds) = (_nextEnds, _ends);
        Length = _next;
    }

    /// <summary>Changes one unit without moving anything.</summary>
    public void Overwrite(int index, char unit) => _chars[index] = unit;

    /// <summary>Cuts the text to the units [from, to).</summary>
    public void Trim(int from, int to)
    {
        if (from > 0)
        {
            _chars.AsSpan(from, to - from).CopyTo(_chars);
            _starts.AsSpan(from, to - from).CopyTo(_starts);
            _ends.AsSpan(from, to - from).CopyTo(_ends);
        }

        Length = to - from;
    }

    private void EnsureCurrent(int length)
    {
        if (length <= _chars.Length)
        {
            return;
        }

        var size = Math.Max(length, _chars.Length * 2);
        Array.Resize(ref _chars, size);
        Array.Resize(ref _starts, size);
        Array.Resize(ref _ends, size);
    }

    private void GrowNext(int length)
    {
        var size = Math.Max(length, _nextChars.Length * 2);
        Array.Resize(ref _nextChars, size);
        Array.Resize(ref _nextStarts, size);
        Array.Resize(ref _nextEnds, size);
    }
}
