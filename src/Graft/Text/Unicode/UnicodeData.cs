using System.IO.Compression;
using System.Runtime.CompilerServices;

namespace Graft.Text.Unicode;

/// <summary>
/// The Unicode properties that tokenizer files rely on, from the embedded table <c>unicode.bin</c>
/// (written by <c>tests/oracles/unicode_tables.cjs</c>). The framework's own tables are not used: they follow the runtime's
/// Unicode version, and its normalisation needs ICU, so the same file could give other ids on another machine.
/// Thread contract: immutable after loading.
/// </summary>
internal static class UnicodeData
{
    public const int Replacement = 0xFFFD;

    private const int CategoryMask = 31;
    private const int BlockBits = 7;
    private const int BlockMask = (1 << BlockBits) - 1;

    private static readonly string[] s_categories =
    [
        "Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po",
        "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Co",
    ];

    private static readonly ushort[] s_index = new ushort[0x110000 >> BlockBits];
    private static readonly CharTraits[] s_blocks;
    private static readonly bool[] s_reshaped = new bool[0x110000 >> BlockBits];
    private static readonly Dictionary<int, int[]> s_lower;
    private static readonly Dictionary<int, int[]> s_canonical;
    private static readonly Dictionary<int, int[]> s_compatible;
    private static readonly Dictionary<int, byte> s_combiningRanks = [];
    private static readonly Dictionary<long, int> s_compositions = [];
    private static readonly Dictionary<string, (int First, int Last)[]> s_scripts = new(StringComparer.OrdinalIgnoreCase);

    static UnicodeData()
    {
        using var resource = typeof(UnicodeData).Assembly.GetManifestResourceStream("Graft.Text.Unicode.unicode.bin")
            ?? throw new InvalidOperationException("The table unicode.bin is missing from the assembly Graft.");
        using var unpacked = new MemoryStream();
        using (var gzip = new GZipStream(resource, CompressionMode.Decompress))
        {
            gzip.CopyTo(unpacked);
        }

        var reader = new TableReader(unpacked.GetBuffer().AsSpan(0, (int)unpacked.Length));
        s_blocks = ReadTraits(ref reader);
        s_lower = reader.ReadMap();
        s_canonical = reader.ReadMap();
        s_compatible = reader.ReadMap();
        ReadCombiningRanks(ref reader);
        ReadCompositions(ref reader);
        ReadScripts(ref reader);
        foreach (var codePoint in s_canonical.Keys.Concat(s_compatible.Keys).Concat(s_combiningRanks.Keys))
        {
            s_reshaped[codePoint >> BlockBits] = true;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static CharTraits Traits(int codePoint) =>
        s_blocks[(s_index[codePoint >> BlockBits] << BlockBits) | (codePoint & BlockMask)];

    public static bool Has(int codePoint, CharTraits traits) => (Traits(codePoint) & traits) != CharTraits.None;

    /// <summary>The number of the category among traits.</summary>
    public static int CategoryNumber(CharTraits traits) => (int)traits & CategoryMask;

    /// <summary>
    /// Whether <c>\w</c> outside a class, and a word border, count the code point as a word's: the reference engine adds six Latin-1 digits there.
    /// </summary>
    public static bool IsLoneWord(int codePoint) =>
        Has(codePoint, CharTraits.PatternWord) || codePoint is 0xB2 or 0xB3 or 0xB9 or (>= 0xBC and <= 0xBE);

    public static IReadOnlyList<string> Categories => s_categories;

    public static bool TryGetScript(string name, out (int First, int Last)[] ranges) => s_scripts.TryGetValue(name, out ranges!);

    /// <summary>The full lower-case form, or null when the code point has none other than itself.</summary>
    public static int[]? Lower(int codePoint) => s_lower.GetValueOrDefault(codePoint);

    /// <summary>True when a code point of this one's block may decompose or reorder.</summary>
    public static bool MayReshape(int codePoint) => s_reshaped[codePoint >> BlockBits];

    /// <summary>The full decomposition without Hangul, or null.</summary>
    public static int[]? Decomposition(int codePoint, bool compatible)
    {
        if (compatible && s_compatible.TryGetValue(codePoint, out var found))
        {
            return found;
        }

        return s_canonical.GetValueOrDefault(codePoint);
    }

    /// <summary>The rank of the canonical combining class: 0 for starters, in the order of the classes otherwise.</summary>
    public static byte CombiningRank(int codePoint) =>
        codePoint < 0x300 || !MayReshape(codePoint) ? (byte)0 : s_combiningRanks.GetValueOrDefault(codePoint);

    /// <summary>The primary composite of two code points without Hangul, or -1.</summary>
    public static int Composition(int first, int second) => s_compositions.GetValueOrDefault(((long)first << 32) | (uint)second, -1);

    private static CharTraits[] ReadTraits(ref TableReader reader)
    {
        var flat = new CharTraits[0x110000];
        var runs = reader.ReadNumber();
        var at = 0;
        for (var i = 0; i < runs; i++)
        {
            var length = reader.ReadNumber();
            var value = (CharTraits)reader.ReadNumber();
            flat.AsSpan(at, length).Fill(value);
            at += length;
        }

        var blocks = new List<CharTraits>();
        var known = new Dictionary<int, List<int>>();
        for (var block = 0; block < s_index.Length; block++)
        {
            var span = flat.AsSpan(block << BlockBits, BlockMask + 1);
            var hash = new HashCode();
            hash.AddBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(span));
            var key = hash.ToHashCode();
            if (!known.TryGetValue(key, out var candidates))
            {
                known[key] = candidates = [];
            }

            var all = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(blocks);
            var number = -1;
            foreach (var candidate in candidates)
            {
                if (all.Slice(candidate << BlockBits, BlockMask + 1).SequenceEqual(span))
                {
                    number = candidate;
                    break;
                }
            }

            if (number < 0)
            {
                number = blocks.Count >> BlockBits;
                candidates.Add(number);
                blocks.AddRange(span);
            }

            s_index[block] = (ushort)number;
        }

        return [.. blocks];
    }

    private static void ReadCombiningRanks(ref TableReader reader)
    {
        var count = reader.ReadNumber();
        var codePoint = 0;
        for (var i = 0; i < count; i++)
        {
            codePoint += reader.ReadNumber();
            s_combiningRanks[codePoint] = (byte)reader.ReadNumber();
        }
    }

    private static void ReadCompositions(ref TableReader reader)
    {
        var count = reader.ReadNumber();
        for (var i = 0; i < count; i++)
        {
            var first = reader.ReadNumber();
            var second = reader.ReadNumber();
            s_compositions[((long)first << 32) | (uint)second] = reader.ReadNumber();
        }
    }

    private static void ReadScripts(ref TableReader reader)
    {
        var count = reader.ReadNumber();
        for (var i = 0; i < count; i++)
        {
            var name = reader.ReadAscii();
            var ranges = new (int, int)[reader.ReadNumber()];
            var last = 0;
            for (var r = 0; r < ranges.Length; r++)
            {
                var first = last + reader.ReadNumber();
                last = first + reader.ReadNumber();
                ranges[r] = (first, last);
            }

            s_scripts[name] = ranges;
        }
    }
}
