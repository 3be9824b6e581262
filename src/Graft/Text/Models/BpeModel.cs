using System.Globalization;
using System.Text;
using Graft.Torch;

namespace Graft.Text.Models;

/// <summary>How a BPE model treats what its vocabulary lacks, and the marks it puts on parts of words.</summary>
internal sealed record BpeOptions(
    string? UnknownToken = null,
    string ContinuationPrefix = "",
    string EndOfWordSuffix = "",
    bool FuseUnknown = false,
    bool ByteFallback = false,
    bool IgnoreMerges = false);

/// <summary>Byte-pair encoding: the characters of a word, joined by the merges in the order of their ranks.</summary>
internal sealed class BpeModel : TokenModel
{
    private readonly MergeTable _merges;
    private readonly BpeOptions _options;
    private readonly int _unknown;
    private readonly int[] _common = new int[0x250];
    private readonly int[] _bytes = new int[256];

    public BpeModel(Vocabulary vocabulary, MergeTable merges, BpeOptions options)
        : base(vocabulary)
    {
        _merges = merges;
        _options = options;
        _unknown = options.UnknownToken is null ? -1 : vocabulary.IdOf(options.UnknownToken);
        for (var c = 0; c < _common.Length; c++)
        {
            _common[c] = vocabulary.IdOf([(char)c]);
        }

        for (var b = 0; b < 256; b++)
        {
            _bytes[b] = vocabulary.IdOf(string.Create(CultureInfo.InvariantCulture, $"<0x{b:X2}>"));
        }
    }

    public override void Tokenize(ReadOnlySpan<char> word, List<WordToken> output)
    {
        if (_options.IgnoreMerges && Vocabulary.IdOf(word) is var whole and >= 0)
        {
            output.Add(new WordToken(whole, 0, word.Length, false));
            return;
        }

        var symbols = BpeWord.Fresh();
        AddCharacters(word, symbols);
        symbols.Merge(_merges);
        symbols.Write(word, output);
    }

    private void AddCharacters(ReadOnlySpan<char> word, BpeWord symbols)
    {
        var unknownBytes = 0;
        var plain = _options.ContinuationPrefix.Length == 0 && _options.EndOfWordSuffix.Length == 0;
        for (var i = 0; i < word.Length;)
        {
            Rune.DecodeFromUtf16(word[i..], out var rune, out var units);
            var bytes = rune.Utf8SequenceLength;
            string? marked = null;
            int id;
            if (plain)
            {
                id = units == 1 && word[i] < _common.Length ? _common[word[i]] : Vocabulary.IdOf(word.Slice(i, units));
            }
            else
            {
                marked = Marked(word.Slice(i, units), isFirst: i == 0, isLast: i + units == word.Length);
                id = Vocabulary.IdOf(marked);
            }

            i += units;
            if (id >= 0)
            {
                AddUnknown(symbols, ref unknownBytes);
                symbols.Add(id, bytes);
            }
            else if (!_options.ByteFallback || !TryAddBytes(marked ?? rune.ToString(), symbols))
            {
                NoteUnknown(symbols, ref unknownBytes, bytes);
            }
        }

        AddUnknown(symbols, ref unknownBytes);
    }

    private void NoteUnknown(BpeWord symbols, ref int unknownBytes, int bytes)
    {
        if (_options.UnknownToken is null)
        {
            return;
        }

        if (_unknown < 0)
        {
            throw new GraftException($"The vocabulary lacks the model's unknown token '{_options.UnknownToken}', which this text needs; add it to the tokenizer file.");
        }

        if (!_options.FuseUnknown)
        {
            AddUnknown(symbols, ref unknownBytes);
        }

        unknownBytes += bytes;
    }

    private void AddUnknown(BpeWord symbols, ref int unknownBytes)
    {
        if (unknownBytes > 0)
        {
            symbols.Add(_unknown, unknownBytes);
            unknownBytes = 0;
        }
    }

    private string Marked(ReadOnlySpan<char> character, bool isFirst, bool isLast) =>
        string.Concat(isFirst ? string.Empty : _options.ContinuationPrefix, character, isLast ? _options.EndOfWordSuffix : string.Empty);

    private bool TryAddBytes(string text, BpeWord symbols)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(text);
        if (!bytes.All(b => _bytes[b] >= 0))
        {
            return false;
        }

        foreach (var b in bytes)
        {
            symbols.Add(_bytes[b], 1);
        }

        return true;
    }
}
