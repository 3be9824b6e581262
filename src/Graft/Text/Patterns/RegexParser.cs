using System.Globalization;
using System.Text;

namespace Graft.Text.Patterns;

/// <summary>
/// Reads the regular expressions of tokenizer files: Oniguruma's syntax without captures and calls, case-insensitivity one character at a time.
/// Thread contract: one thread.
/// </summary>
internal sealed partial class RegexParser
{
    private const int MaxDepth = 100;
    private const int MaxRepeat = 1000;

    private readonly int[] _pattern;
    private int _at;
    private int _depth;
    private bool _ignoreCase;
    private bool _dotAll;

    private RegexParser(string pattern) => _pattern = [.. pattern.EnumerateRunes().Select(r => r.Value)];

    /// <summary>Compiles a pattern; <paramref name="fault"/> says what is not supported when the result is null.</summary>
    public static RegexProgram? Compile(string pattern, out string? fault)
    {
        fault = null;
        var parser = new RegexParser(pattern);
        try
        {
            var node = parser.ReadChoice();
            if (parser._at < parser._pattern.Length)
            {
                throw parser.Unsupported("a closing ')' without opening");
            }

            var program = RegexCompiler.Compile(node);
            fault = program is null ? "repeats that are too large" : null;
            return program;
        }
        catch (FormatException problem)
        {
            fault = problem.Message;
            return null;
        }
    }

    private bool AtEnd => _at >= _pattern.Length;

    private RegexNode ReadChoice()
    {
        if (++_depth > MaxDepth)
        {
            throw Unsupported("groups nested so deep");
        }

        var (ignoreCase, dotAll) = (_ignoreCase, _dotAll);
        var options = new List<RegexNode> { ReadSequence() };
        while (!AtEnd && _pattern[_at] == '|')
        {
            _at++;
            options.Add(ReadSequence());
        }

        (_ignoreCase, _dotAll) = (ignoreCase, dotAll);
        _depth--;
        return options.Count == 1 ? options[0] : new ChoiceNode(options);
    }

    private SequenceNode ReadSequence()
    {
        var items = new List<RegexNode>();
        while (!AtEnd && _pattern[_at] is not ('|' or ')'))
        {
            if (ReadAtom() is { } atom)
            {
                items.Add(ReadQuantifiers(atom));
            }
        }

        return new SequenceNode(items);
    }

    private RegexNode ReadQuantifiers(RegexNode item)
    {
        while (TryReadQuantifier(out var least, out var most))
        {
            var lazy = TryTake('?');
            var possessive = !lazy && TryTake('+');
            item = new RepeatNode(item, least, most, lazy);
            if (possessive)
            {
                item = new InnerNode(RegexOp.Atomic, item);
            }
        }

        return item;
    }

    private bool TryReadQuantifier(out int least, out int most)
    {
        (least, most) = (0, int.MaxValue);
        if (AtEnd)
        {
            return false;
        }

        switch (_pattern[_at])
        {
            case '*':
                _at++;
                return true;
            case '+':
                _at++;
                least = 1;
                return true;
            case '?':
                _at++;
                most = 1;
                return true;
            case '{':
                return TryReadBraces(out least, out most);
            default:
                return false;
        }
    }

    private bool TryReadBraces(out int least, out int most)
    {
        var begin = _at++;
        var hasLeast = TryReadNumber(out least);
        most = least;
        var hasMost = hasLeast;
        if (TryTake(','))
        {
            hasMost = TryReadNumber(out most);
            most = hasMost ? most : int.MaxValue;
        }

        if ((!hasLeast && !hasMost) || !TryTake('}'))
        {
            _at = begin;
            (least, most) = (0, 0);
            return false;
        }

        return most >= least ? true : throw Unsupported("a repeat whose least is more than its most");
    }

    private bool TryReadNumber(out int value)
    {
        value = 0;
        var begin = _at;
        while (!AtEnd && _pattern[_at] is >= '0' and <= '9')
        {
            value = (value * 10) + _pattern[_at++] - '0';
            if (value > MaxRepeat)
            {
                throw Unsupported($"repeats above {MaxRepeat}");
            }
        }

        return _at > begin;
    }

    private RegexNode? ReadAtom()
    {
        var c = _pattern[_at++];
        switch (c)
        {
            case '(':
                return ReadGroup();
            case '[':
                return new SetNode(ReadClass());
            case '.':
                return new SetNode((_dotAll ? new CharSet().Negate() : CharSet.OfCodePoint('\n', false).Negate()).Seal());
            case '^':
                return new AssertNode(RegexOp.LineStart);
            case '$':
                return new AssertNode(RegexOp.LineEnd);
            case '\\':
                return ReadEscape();
            case '*' or '+' or '?':
                throw Unsupported("a repeat of nothing");
            default:
                return new SetNode(CharSet.OfCodePoint(c, _ignoreCase));
        }
    }

    private RegexNode? ReadGroup()
    {
        if (!TryTake('?'))
        {
            return Close(ReadChoice());
        }

        if (TryTake(':'))
        {
            return Close(ReadChoice());
        }

        if (TryTake('='))
        {
            return new InnerNode(RegexOp.Ahead, Close(ReadChoice()));
        }

        if (TryTake('!'))
        {
            return new InnerNode(RegexOp.NotAhead, Close(ReadChoice()));
        }

        if (TryTake('>'))
        {
            return new InnerNode(RegexOp.Atomic, Close(ReadChoice()));
        }

        if (TryTake('<'))
        {
            return TryTake('=') ? new InnerNode(RegexOp.Behind, Close(ReadChoice()))
                : TryTake('!') ? new InnerNode(RegexOp.NotBehind, Close(ReadChoice()))
                : throw Unsupported("named groups");
        }

        return ReadOptions();
    }

    /// <summary>The options of <c>(?i)</c>, for the rest of the group, or of <c>(?i:...)</c>.</summary>
    private RegexNode? ReadOptions()
    {
        var (ignoreCase, dotAll) = (_ignoreCase, _dotAll);
        for (var on = true; !AtEnd; _at++)
        {
            switch (_pattern[_at])
            {
                case '-':
                    on = false;
                    break;
                case 'i':
                    _ignoreCase = on;
                    break;
                case 'm':
                    _dotAll = on;
                    break;
                case ')':
                    _at++;
                    return null;
                case ':':
                    _at++;
                    var node = Close(ReadChoice());
                    (_ignoreCase, _dotAll) = (ignoreCase, dotAll);
                    return node;
                default:
                    throw Unsupported($"the group option '{new Rune(_pattern[_at])}'");
            }
        }

        throw Unsupported("a group without end");
    }

    private RegexNode Close(RegexNode node) => TryTake(')') ? node : throw Unsupported("a group without end");

    private RegexNode ReadEscape()
    {
        if (AtEnd)
        {
            throw Unsupported("a backslash at the end");
        }

        RegexOp? assertion = _pattern[_at] switch
        {
            'b' => RegexOp.WordBorder,
            'B' => RegexOp.NotWordBorder,
            'A' => RegexOp.TextStart,
            'z' => RegexOp.TextEnd,
            'Z' => RegexOp.TextEndOrNewline,
            _ => null,
        };
        if (assertion is { } op)
        {
            _at++;
            return new AssertNode(op);
        }

        if (_pattern[_at] is 'w' or 'W')
        {
            return new SetNode(CharSet.OfLoneWord(_pattern[_at++] == 'W'));
        }

        return new SetNode(TryReadClassEscape() is { } set ? set : CharSet.OfCodePoint(ReadEscapedCodePoint(), _ignoreCase));
    }

    private int ReadEscapedCodePoint()
    {
        var c = _pattern[_at++];
        switch (c)
        {
            case 't':
                return '\t';
            case 'n':
                return '\n';
            case 'r':
                return '\r';
            case 'f':
                return '\f';
            case 'v':
                return '\v';
            case 'a':
                return '\a';
            case 'e':
                return 27;
            case '0':
                return 0;
            case 'x':
                return TryTake('{') ? ReadHex(1, 8, closed: true)
                    : ReadHex(1, 2, closed: false) is var code and < 0x80 ? code : throw Unsupported("an escape of a single byte");
            case 'u':
                return ReadHex(4, 4, closed: false);
            case (>= 'a' and <= 'z') or (>= 'A' and <= 'Z') or (>= '1' and <= '9'):
                throw Unsupported($"the escape '\\{new Rune(c)}'");
            default:
                return c;
        }
    }

    private int ReadHex(int least, int most, bool closed)
    {
        var digits = new StringBuilder();
        while (!AtEnd && digits.Length < most && _pattern[_at] < 128 && char.IsAsciiHexDigit((char)_pattern[_at]))
        {
            digits.Append((char)_pattern[_at++]);
        }

        return digits.Length >= least && (!closed || TryTake('}'))
            && int.TryParse(digits.ToString(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) && Rune.IsValid(value)
            ? value
            : throw Unsupported("a faulty hexadecimal escape");
    }

    private bool TryTake(char c)
    {
        if (AtEnd || _pattern[_at] != c)
        {
            return false;
        }

        _at++;
        return true;
    }

    private FormatException Unsupported(string what) => new($"{what} at character {_at}");
}
