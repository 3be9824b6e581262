using System.Text;
using Graft.Text.Unicode;

namespace Graft.Text.Patterns;

/// <summary>A set of code points of a regular expression. Thread contract: immutable after <see cref="Seal"/>.</summary>
internal sealed class CharSet
{
    private static readonly Lazy<Dictionary<int, List<int>>> s_caseVariants = new(FindCaseVariants);

    private readonly List<(int First, int Last)> _ranges = [];
    private readonly List<CharSet> _sets = [];
    private readonly List<CharSet> _intersections = [];
    private uint _categories;
    private CharTraits _traits;
    private bool _negated;
    private ulong _asciiLow;
    private ulong _asciiHigh;

    public static CharSet OfCodePoint(int codePoint, bool ignoreCase) => new CharSet().Add(codePoint, codePoint, ignoreCase).Seal();

    public static CharSet OfTraits(CharTraits traits, bool negated) => new CharSet { _traits = traits, _negated = negated }.Seal();

    /// <summary><c>\w</c> or <c>\W</c> outside a class.</summary>
    public static CharSet OfLoneWord(bool negated)
    {
        var set = new CharSet { _traits = CharTraits.PatternWord, _negated = negated };
        set._ranges.AddRange([(0xB2, 0xB3), (0xB9, 0xB9), (0xBC, 0xBE)]);
        return set.Seal();
    }

    public static CharSet OfCategories(uint categories, bool negated) => new CharSet { _categories = categories, _negated = negated }.Seal();

    public CharSet Add(int first, int last, bool ignoreCase)
    {
        _ranges.Add((first, last));
        if (ignoreCase)
        {
            foreach (var (folded, variants) in s_caseVariants.Value)
            {
                if ((folded >= first && folded <= last) || variants.Any(v => v >= first && v <= last))
                {
                    _ranges.AddRange(variants.Select(v => (v, v)));
                }
            }
        }

        return this;
    }

    public CharSet Add(CharSet set)
    {
        _sets.Add(set);
        return this;
    }

    public CharSet Intersect(CharSet set)
    {
        _intersections.Add(set);
        return this;
    }

    public CharSet Negate()
    {
        _negated = !_negated;
        return this;
    }

    /// <summary>Ends the building.</summary>
    public CharSet Seal()
    {
        _asciiLow = _asciiHigh = 0;
        for (var c = 0; c < 64; c++)
        {
            _asciiLow |= Evaluate(c) ? 1UL << c : 0;
            _asciiHigh |= Evaluate(c + 64) ? 1UL << c : 0;
        }

        return this;
    }

    public bool Contains(int codePoint) => codePoint switch
    {
        < 64 => ((_asciiLow >> codePoint) & 1) != 0,
        < 128 => ((_asciiHigh >> (codePoint - 64)) & 1) != 0,
        _ => Evaluate(codePoint),
    };

    private bool Evaluate(int codePoint)
    {
        var traits = UnicodeData.Traits(codePoint);
        var found = (_traits & traits) != CharTraits.None || ((_categories >> UnicodeData.CategoryNumber(traits)) & 1) != 0;
        for (var i = 0; i < _ranges.Count && !found; i++)
        {
            found = codePoint >= _ranges[i].First && codePoint <= _ranges[i].Last;
        }

        for (var i = 0; i < _sets.Count && !found; i++)
        {
            found = _sets[i].Contains(codePoint);
        }

        for (var i = 0; i < _intersections.Count && found; i++)
        {
            found = _intersections[i].Contains(codePoint);
        }

        return found != _negated;
    }

    /// <summary>The code points that differ only in case, by their folded form.</summary>
    private static Dictionary<int, List<int>> FindCaseVariants()
    {
        var groups = new Dictionary<int, List<int>>();
        for (var codePoint = 0; codePoint < 0x1F000; codePoint++)
        {
            if (!Rune.IsValid(codePoint) || !UnicodeData.Has(codePoint, CharTraits.Alphabetic))
            {
                continue;
            }

            var folded = Rune.ToLowerInvariant(Rune.ToUpperInvariant(new Rune(codePoint))).Value;
            if (!groups.TryGetValue(folded, out var group))
            {
                groups[folded] = group = [];
            }

            group.Add(codePoint);
        }

        return groups.Where(g => g.Value.Count > 1).ToDictionary();
    }
}
