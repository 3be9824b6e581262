using System.Buffers.Binary;
using Graft.Text.Unicode;

namespace Graft.Text.Normalizers;

/// <summary>
/// SentencePiece's compiled rules: a double-array trie from UTF-8 prefixes to replacements. A short grapheme is replaced as a whole by the rule
/// of its shortest prefix; any other grapheme is replaced code point by code point.
/// </summary>
internal sealed class PrecompiledNormalizer : Normalizer
{
    private const int LongestGrapheme = 5;

    private readonly uint[] _trie;
    private readonly byte[] _replacements;
    private readonly int[]?[] _asciiRules = new int[]?[128];

    private PrecompiledNormalizer(uint[] trie, byte[] replacements)
    {
        _trie = trie;
        _replacements = replacements;
        for (var c = 1; c < 128; c++)
        {
            _asciiRules[c] = Find([(byte)c]);
        }
    }

    /// <summary>Reads the rules; null when the bytes are not of the format.</summary>
    public static PrecompiledNormalizer? TryRead(byte[] charsmap)
    {
        if (charsmap.Length < 4 || BinaryPrimitives.ReadUInt32LittleEndian(charsmap) is var size && (size % 4 != 0 || size == 0 || size > charsmap.Length - 4))
        {
            return null;
        }

        var trie = new uint[size / 4];
        for (var i = 0; i < trie.Length; i++)
        {
            trie[i] = BinaryPrimitives.ReadUInt32LittleEndian(charsmap.AsSpan(4 + (4 * i)));
        }

        var replacements = charsmap.AsSpan(4 + (int)size).ToArray();
        return System.Text.Unicode.Utf8.IsValid(replacements) ? new PrecompiledNormalizer(trie, replacements) : null;
    }

    public override void Apply(AlignedText text)
    {
        var changes = ChangeList.Fresh();
        var modified = false;
        Span<byte> bytes = stackalloc byte[LongestGrapheme];
        var chars = text.Chars;
        for (var i = 0; i < chars.Length;)
        {
            if (chars[i] < 0x80 && (i + 1 == chars.Length || (chars[i + 1] < 0x80 && chars[i] != '\r')))
            {
                modified |= AddRule(changes, _asciiRules[chars[i]], chars[i], 1);
                i++;
                continue;
            }

            var units = Graphemes.FirstLength(chars[i..]);
            var grapheme = chars.Slice(i, units);
            if (units <= LongestGrapheme && System.Text.Encoding.UTF8.TryGetBytes(grapheme, bytes, out var length) && Find(bytes[..length]) is { } whole)
            {
                modified = true;
                AddRule(changes, whole, 0, CountCodePoints(grapheme));
                i += units;
                continue;
            }

            for (var end = i + units; i < end;)
            {
                var codePoint = text.CodePointAt(i);
                length = new System.Text.Rune(codePoint).EncodeToUtf8(bytes);
                modified |= AddRule(changes, Find(bytes[..length]), codePoint, 1);
                i += AlignedText.UnitsOf(codePoint);
            }
        }

        if (modified)
        {
            changes.ApplyTo(text);
        }
    }

    /// <summary>
    /// Puts a replacement of <paramref name="replaced"/> code points: added ones count as one more, removed ones with the last code point put.
    /// </summary>
    private static bool AddRule(ChangeList changes, int[]? replacement, int codePoint, int replaced)
    {
        if (replacement is null)
        {
            changes.Add(codePoint, 0);
            return false;
        }

        foreach (var part in replacement)
        {
            changes.Add(part, 0);
        }

        var more = replacement.Length - replaced;
        for (var i = changes.Count - 1; i >= changes.Count - more; i--)
        {
            changes[i].Change = 1;
        }

        if (more < 0 && changes.Count > 0)
        {
            changes[changes.Count - 1].Change += more;
        }

        return true;
    }

    /// <summary>The replacement that the shortest prefix with a rule leads to, as code points; null without a rule.</summary>
    private int[]? Find(ReadOnlySpan<byte> key)
    {
        var node = Offset(_trie[0]);
        foreach (var b in key)
        {
            if (b == 0)
            {
                return null;
            }

            node ^= b;
            if (node >= (uint)_trie.Length || (_trie[node] & 0x800000FF) != b)
            {
                return null;
            }

            var unit = _trie[node];
            node ^= Offset(unit);
            if (((unit >> 8) & 1) != 0)
            {
                return node < (uint)_trie.Length ? Replacement(_trie[node] & 0x7FFFFFFF) : null;
            }
        }

        return null;
    }

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & (1u << 9)) >> 6);

    private int[]? Replacement(uint start)
    {
        if (start > _replacements.Length)
        {
            return null;
        }

        var rest = _replacements.AsSpan((int)start);
        var end = rest.IndexOf((byte)0);
        var text = System.Text.Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
        return [.. text.EnumerateRunes().Select(rune => rune.Value)];
    }

    private static int CountCodePoints(ReadOnlySpan<char> chars)
    {
        var count = 0;
        foreach (var c in chars)
        {
            count += char.IsLowSurrogate(c) ? 0 : 1;
        }

        return count;
    }
}
