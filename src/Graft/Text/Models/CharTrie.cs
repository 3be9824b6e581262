using System.Runtime.CompilerServices;

namespace Graft.Text.Models;

/// <summary>A prefix tree over UTF-16 units, stored as one open-addressed table. Thread contract: immutable after the last <see cref="Add"/>.</summary>
internal sealed class CharTrie
{
    public const int Root = 0;

    private ulong[] _keys = new ulong[1024];
    private int[] _targets = new int[1024];
    private readonly int[] _ascii = new int[128];
    private readonly List<int> _building = [-1];
    private int[] _ids = [-1];
    private int _edges;

    /// <summary>Adds a token; a later token of the same text replaces the earlier one.</summary>
    public void Add(ReadOnlySpan<char> text, int id)
    {
        var node = Root;
        foreach (var unit in text)
        {
            var next = Step(node, unit);
            if (next < 0)
            {
                next = _building.Count;
                _building.Add(-1);
                Link(node, unit, next);
            }

            node = next;
        }

        _building[node] = id;
    }

    /// <summary>Ends the building.</summary>
    public void Seal() => _ids = [.. _building];

    /// <summary>The node after <paramref name="unit"/>, or -1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Step(int node, char unit)
    {
        if (node == Root && unit < 128)
        {
            return _ascii[unit] - 1;
        }

        var key = ((ulong)(uint)node << 16) | unit;
        var mask = (uint)_keys.Length - 1;
        var slot = (uint)((key * 0x9E3779B97F4A7C15UL) >> 40) & mask;
        while (true)
        {
            var found = _keys[slot];
            if (found == key + 1)
            {
                return _targets[slot];
            }

            if (found == 0)
            {
                return -1;
            }

            slot = (slot + 1) & mask;
        }
    }

    /// <summary>The id of the token that ends at the node, or -1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int IdAt(int node) => _ids[node];

    /// <summary>The node that a text leads to, or -1.</summary>
    public int Walk(ReadOnlySpan<char> text)
    {
        var node = Root;
        foreach (var unit in text)
        {
            node = Step(node, unit);
            if (node < 0)
            {
                break;
            }
        }

        return node;
    }

    /// <summary>The longest token that <paramref name="text"/> begins with: its id and length, or (-1, 0).</summary>
    public (int Id, int Length) Longest(ReadOnlySpan<char> text)
    {
        var best = (Id: -1, Length: 0);
        var node = Root;
        for (var i = 0; i < text.Length; i++)
        {
            node = Step(node, text[i]);
            if (node < 0)
            {
                break;
            }

            if (_ids[node] >= 0)
            {
                best = (_ids[node], i + 1);
            }
        }

        return best;
    }

    private void Link(int node, char unit, int target)
    {
        if (node == Root && unit < 128)
        {
            _ascii[unit] = target + 1;
            return;
        }

        if (++_edges * 2 > _keys.Length)
        {
            var (keys, targets) = (_keys, _targets);
            _keys = new ulong[keys.Length * 2];
            _targets = new int[keys.Length * 2];
            for (var i = 0; i < keys.Length; i++)
            {
                if (keys[i] != 0)
                {
                    Place(keys[i], targets[i]);
                }
            }
        }

        Place((((ulong)(uint)node << 16) | unit) + 1, target);
    }

    private void Place(ulong stored, int target)
    {
        var mask = (uint)_keys.Length - 1;
        var slot = (uint)(((stored - 1) * 0x9E3779B97F4A7C15UL) >> 40) & mask;
        while (_keys[slot] != 0)
        {
            slot = (slot + 1) & mask;
        }

        _keys[slot] = stored;
        _targets[slot] = target;
    }
}
