using System.Runtime.CompilerServices;

namespace Graft.Text.Models;

/// <summary>The merges of a BPE model: from two neighbouring tokens to the rank and the token they join to. Thread contract: immutable after building.</summary>
internal sealed class MergeTable
{
    private readonly ulong[] _keys;
    private readonly long[] _values;
    private readonly uint _mask;

    public MergeTable(int capacity)
    {
        var size = 16;
        while (size < capacity * 2)
        {
            size *= 2;
        }

        _keys = new ulong[size];
        _values = new long[size];
        _mask = (uint)size - 1;
    }

    /// <summary>Sets the merge of a pair; a later one replaces an earlier one.</summary>
    public void Set(int left, int right, int rank, int joined)
    {
        var key = Key(left, right);
        var slot = Slot(key);
        while (_keys[slot] != 0 && _keys[slot] != key)
        {
            slot = (slot + 1) & _mask;
        }

        _keys[slot] = key;
        _values[slot] = ((long)rank << 32) | (uint)joined;
    }

    /// <summary>The rank in the upper half and the joined token in the lower; <see cref="long.MaxValue"/> when the two do not merge.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public long Find(int left, int right)
    {
        var key = Key(left, right);
        var slot = Slot(key);
        while (true)
        {
            var found = _keys[slot];
            if (found == key)
            {
                return _values[slot];
            }

            if (found == 0)
            {
                return long.MaxValue;
            }

            slot = (slot + 1) & _mask;
        }
    }

    private static ulong Key(int left, int right) => (((ulong)(uint)left << 32) | (uint)right) + 1;

    private uint Slot(ulong key) => (uint)((key * 0x9E3779B97F4A7C15UL) >> 36) & _mask;
}
