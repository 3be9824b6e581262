using System.Text;
using Graft.Text.Unicode;

namespace Graft.Text.Patterns;

/// <content>Character classes and properties.</content>
internal sealed partial class RegexParser
{
    /// <summary>A class such as <c>[^\s\p{L}0-9]</c>, after its opening bracket.</summary>
    private CharSet ReadClass()
    {
        if (++_depth > MaxDepth)
        {
            throw Unsupported("classes nested so deep");
        }

        var negated = TryTake('^');
        var whole = new CharSet();
        var part = whole;
        for (var first = true; ; first = false)
        {
            if (AtEnd)
            {
                throw Unsupported("a class without end");
            }

            if (_pattern[_at] == ']' && !first)
            {
                _at++;
                break;
            }

            if (_pattern[_at] == '&' && _at + 1 < _pattern.Length && _pattern[_at + 1] == '&')
            {
                _at += 2;
                whole = new CharSet().Add(whole.Seal());
                part = new CharSet();
                whole.Intersect(part);
                part = ReadIntersected(part);
                break;
            }

            ReadClassItem(part);
        }

        part.Seal();
        _depth--;
        whole = whole.Seal();
        return negated ? new CharSet().Add(whole).Negate().Seal() : whole;
    }

    /// <summary>The operand after <c>&amp;&amp;</c>, up to the class's end.</summary>
    private CharSet ReadIntersected(CharSet part)
    {
        while (!AtEnd && _pattern[_at] != ']')
        {
            if (_pattern[_at] == '&' && _at + 1 < _pattern.Length && _pattern[_at + 1] == '&')
            {
                throw Unsupported("a class of more than one '&&'");
            }

            ReadClassItem(part);
        }

        return TryTake(']') ? part : throw Unsupported("a class without end");
    }

    private void ReadClassItem(CharSet set)
    {
        var c = _pattern[_at];
        if (c == '[')
        {
            _at++;
            set.Add(TryReadPosixClass() ?? ReadClass());
            return;
        }

        if (c == '\\')
        {
            _at++;
            if (AtEnd)
            {
                throw Unsupported("a backslash at the end");
            }

            if (TryReadClassEscape() is { } escaped)
            {
                set.Add(escaped);
                return;
            }
        }

        var low = ReadClassCodePoint(c == '\\');
        var high = low;
        if (_at + 1 < _pattern.Length && _pattern[_at] == '-' && _pattern[_at + 1] != ']')
        {
            _at++;
            var escape = TryTake('\\');
            high = ReadClassCodePoint(escape);
        }

        if (high < low)
        {
            throw Unsupported("a range whose end is before its begin");
        }

        set.Add(low, high, _ignoreCase);
    }

    private int ReadClassCodePoint(bool escaped)
    {
        if (AtEnd)
        {
            throw Unsupported("a class without end");
        }

        if (escaped && _pattern[_at] == 'b')
        {
            _at++;
            return '\b';
        }

        return escaped ? ReadEscapedCodePoint() : _pattern[_at++];
    }

    private CharSet? TryReadPosixClass()
    {
        if (AtEnd || _pattern[_at] != ':')
        {
            return null;
        }

        var end = Array.IndexOf(_pattern, ':', _at + 1);
        if (end < 0 || end + 1 >= _pattern.Length || _pattern[end + 1] != ']')
        {
            return null;
        }

        var name = string.Concat(_pattern[(_at + 1)..end].Select(c => new Rune(c).ToString()));
        var negated = name.StartsWith('^');
        var plain = negated ? name[1..] : name;
        var set = (plain == "punct" ? CharSet.OfCategories(CategoriesOf("P") | CategoriesOf("S"), negated) : PropertyOf(plain, negated)) ?? throw Unsupported($"the class [:{name}:]");
        _at = end + 2;
        return set;
    }

    /// <summary>An escape that stands for a set, such as <c>\s</c> or <c>\p{Lu}</c>; null (and nothing read) for any other.</summary>
    private CharSet? TryReadClassEscape()
    {
        var c = _pattern[_at];
        var set = c switch
        {
            's' or 'S' => CharSet.OfTraits(CharTraits.Whitespace, c == 'S'),
            'w' or 'W' => CharSet.OfTraits(CharTraits.PatternWord, c == 'W'),
            'd' or 'D' => PropertyOf("Nd", c == 'D'),
            'h' or 'H' => PropertyOf("xdigit", c == 'H'),
            _ => null,
        };
        if (set is not null)
        {
            _at++;
            return set;
        }

        return c is 'p' or 'P' ? ReadProperty() : null;
    }

    private CharSet ReadProperty()
    {
        var negated = _pattern[_at++] == 'P';
        if (!TryTake('{'))
        {
            throw Unsupported("a property without braces");
        }

        negated ^= TryTake('^');
        var name = new StringBuilder();
        while (!AtEnd && _pattern[_at] != '}')
        {
            name.Append(new Rune(_pattern[_at++]));
        }

        if (!TryTake('}'))
        {
            throw Unsupported("a property without end");
        }

        return PropertyOf(name.ToString(), negated) ?? throw Unsupported($"the property '{name}'");
    }

    private static CharSet? PropertyOf(string name, bool negated)
    {
        var plain = name.Replace("_", string.Empty, StringComparison.Ordinal).Replace(" ", string.Empty, StringComparison.Ordinal).Replace("-", string.Empty, StringComparison.Ordinal);
        if (CategoriesOf(plain) is var categories and not 0)
        {
            return CharSet.OfCategories(categories, negated);
        }

        CharTraits? traits = plain.ToLowerInvariant() switch
        {
            "alpha" or "alphabetic" => CharTraits.Alphabetic,
            "upper" or "uppercase" => CharTraits.Uppercase,
            "lower" or "lowercase" => CharTraits.Lowercase,
            "space" or "whitespace" => CharTraits.Whitespace,
            "word" => CharTraits.PatternWord,
            _ => null,
        };
        if (traits is { } known)
        {
            return CharSet.OfTraits(known, negated);
        }

        var set = new CharSet();
        if (UnicodeData.TryGetScript(plain, out var ranges))
        {
            foreach (var (first, last) in ranges)
            {
                set.Add(first, last, ignoreCase: false);
            }
        }
        else
        {
            switch (plain.ToLowerInvariant())
            {
                case "any":
                    set.Add(0, 0x10FFFF, ignoreCase: false);
                    break;
                case "ascii":
                    set.Add(0, 0x7F, ignoreCase: false);
                    break;
                case "xdigit":
                    set.Add('0', '9', ignoreCase: false).Add('a', 'f', ignoreCase: false).Add('A', 'F', ignoreCase: false);
                    break;
                case "alnum":
                    set.Add(CharSet.OfTraits(CharTraits.Alphabetic, negated: false)).Add(CharSet.OfCategories(CategoriesOf("Nd"), negated: false));
                    break;
                default:
                    return null;
            }
        }

        return (negated ? set.Negate() : set).Seal();
    }

    /// <summary>The categories of a name such as <c>Lu</c>, <c>L</c> or <c>Letter</c>, as bits.</summary>
    private static uint CategoriesOf(string name)
    {
        var key = name.ToLowerInvariant() switch
        {
            "letter" => "L",
            "uppercaseletter" => "Lu",
            "lowercaseletter" => "Ll",
            "titlecaseletter" => "Lt",
            "modifierletter" => "Lm",
            "otherletter" => "Lo",
            "mark" => "M",
            "nonspacingmark" => "Mn",
            "spacingmark" => "Mc",
            "enclosingmark" => "Me",
            "number" => "N",
            "decimalnumber" or "digit" => "Nd",
            "letternumber" => "Nl",
            "othernumber" => "No",
            "punctuation" or "punct" => "P",
            "symbol" => "S",
            "mathsymbol" => "Sm",
            "currencysymbol" => "Sc",
            "modifiersymbol" => "Sk",
            "othersymbol" => "So",
            "separator" => "Z",
            "spaceseparator" => "Zs",
            "lineseparator" => "Zl",
            "paragraphseparator" => "Zp",
            "other" => "C",
            "control" or "cntrl" => "Cc",
            "format" => "Cf",
            "privateuse" => "Co",
            "unassigned" => "Cn",
            _ => name,
        };
        var bits = 0u;
        for (var i = 0; i < UnicodeData.Categories.Count; i++)
        {
            var category = UnicodeData.Categories[i];
            if (category.Equals(key, StringComparison.OrdinalIgnoreCase) || (key.Length == 1 && category[0] == char.ToUpperInvariant(key[0])))
            {
                bits |= 1u << i;
            }
        }

        return bits;
    }
}
