using System.Runtime.InteropServices;

namespace Graft.Text.Models;

/// <summary>Remembers the tokens of words seen before; stops growing at a bound. Thread contract: one thread.</summary>
internal sealed class WordCache
{
    private const int MaxWords = 1 << 15;
    private const int MaxWordLength = 64;

    private readonly List<WordToken> _scratch = [];
    private int[] _slots = new int[4096];
    private Entry[] _entries = new Entry[1024];
    private char[] _keys = new char[16384];
    private WordToken[] _tokens = new WordToken[4096];
    private int _count;
    private int _keyLength;
    private int _tokenCount;

    [StructLayout(LayoutKind.Auto)]
    private record struct Entry(uint Hash, int Key, int Length, int Token, int TokenCount);

    /// <summary>The tokens of a word, from memory or from the model; the span is valid until the next call.</summary>
    public ReadOnlySpan<WordToken> Tokens(TokenModel model, ReadOnlySpan<char> word)
    {
        if (word.Length > MaxWordLength)
        {
            _scratch.Clear();
            model.Tokenize(word, _scratch);
            return CollectionsMarshal.AsSpan(_scratch);
        }

        var hash = Hash(word);
        var mask = (uint)_slots.Length - 1;
        var slot = hash & mask;
        while (_slots[slot] is var number and > 0)
        {
            ref var entry = ref _entries[number - 1];
            if (entry.Hash == hash && entry.Length == word.Length && word.SequenceEqual(_keys.AsSpan(entry.Key, entry.Length)))
            {
                return _tokens.AsSpan(entry.Token, entry.TokenCount);
            }

            slot = (slot + 1) & mask;
        }

        _scratch.Clear();
        model.Tokenize(word, _scratch);
        var tokens = CollectionsMarshal.AsSpan(_scratch);
        if (_count < MaxWords)
        {
            Remember(word, hash, tokens);
        }

        return tokens;
    }

    private void Remember(ReadOnlySpan<char> word, uint hash, ReadOnlySpan<WordToken> tokens)
    {
        if (_count == _entries.Length)
        {
            Array.Resize(ref _entries, _count * 2);
        }

        Grow(ref _keys, _keyLength + word.Length);
        Grow(ref _tokens, _tokenCount + tokens.Length);
        word.CopyTo(_keys.AsSpan(_keyLength));
        tokens.CopyTo(_tokens.AsSpan(_tokenCount));
        _entries[_count++] = new Entry(hash, _keyLength, word.Length, _tokenCount, tokens.Length);
        _keyLength += word.Length;
        _tokenCount += tokens.Length;
        if (_count * 2 > _slots.Length)
        {
            _slots = new int[_slots.Length * 2];
            for (var i = 0; i < _count; i++)
            {
                Place(i);
            }
        }
        else
        {
            Place(_count - 1);
        }
    }

    private void Place(int number)
    {
        var mask = (uint)_slots.Length - 1;
        var slot = _entries[number].Hash & mask;
        while (_slots[slot] != 0)
        {
            slot = (slot + 1) & mask;
        }

        _slots[slot] = number + 1;
    }

    private static void Grow<T>(ref T[] array, int length)
    {
        if (length > array.Length)
        {
            Array.Resize(ref array, Math.Max(length, array.Length * 2));
        }
    }

    private static uint Hash(ReadOnlySpan<char> word)
    {
        var hash = (ulong)word.Length * 0x9E3779B97F4A7C15UL;
        var wide = MemoryMarshal.Cast<char, ulong>(word);
        foreach (var four in wide)
        {
            hash = (hash ^ four) * 0xD6E8FEB86659FD93UL;
            hash ^= hash >> 32;
        }

        foreach (var unit in word[(wide.Length * 4)..])
        {
            hash = (hash ^ unit) * 0xD6E8FEB86659FD93UL;
        }

        return (uint)(hash >> 32) ^ (uint)hash;
    }
}
