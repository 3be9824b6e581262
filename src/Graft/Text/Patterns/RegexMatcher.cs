using System.Runtime.InteropServices;
using Graft.Text.Unicode;
using Graft.Torch;

namespace Graft.Text.Patterns;

/// <summary>Runs a compiled regular expression over code points with backtracking. Thread contract: one thread.</summary>
internal ref struct RegexMatcher(ReadOnlySpan<char> text, int stepsLeft)
{
    private readonly ReadOnlySpan<char> _text = text;
    private int _stepsLeft = stepsLeft;

    [StructLayout(LayoutKind.Auto)]
    private record struct Choice(int Code, int At, int Least);

    /// <summary>The end of the match at <paramref name="at"/>, or -1.</summary>
    public int Match(RegexProgram program, int at)
    {
        var code = program.Code;
        var marks = program.Marks == 0 ? [] : new int[program.Marks];
        Stack<Choice>? choices = null;
        var pc = 0;
        while (true)
        {
            if (--_stepsLeft < 0)
            {
                throw new GraftException("A split pattern of the tokenizer takes too long on this text; shorten the text or simplify the pattern.");
            }

            var instruction = code[pc];
            var ok = true;
            switch (instruction.Op)
            {
                case RegexOp.Match:
                    return at;
                case RegexOp.Set:
                    ok = at < _text.Length && instruction.Set!.Contains(CodePointAt(at));
                    at += ok ? UnitsAt(at) : 0;
                    pc++;
                    break;
                case RegexOp.Run:
                    ok = TryRun(instruction, pc, ref at, ref choices);
                    pc++;
                    break;
                case RegexOp.Fork:
                    (choices ??= []).Push(new Choice(instruction.B, at, -1));
                    pc = instruction.A;
                    break;
                case RegexOp.Jump:
                    pc = instruction.A;
                    break;
                case RegexOp.Mark:
                    marks[instruction.A] = at;
                    pc++;
                    break;
                case RegexOp.Progress:
                    ok = marks[instruction.A] != at;
                    pc++;
                    break;
                case RegexOp.Atomic:
                    var end = Match(instruction.Inner!, at);
                    ok = end >= 0;
                    at = ok ? end : at;
                    pc++;
                    break;
                default:
                    ok = Holds(instruction, at);
                    pc++;
                    break;
            }

            if (!ok && !TryGoBack(choices, ref pc, ref at))
            {
                return -1;
            }
        }
    }

    private bool TryRun(RegexInstruction run, int pc, ref int at, ref Stack<Choice>? choices)
    {
        var least = at;
        var count = 0;
        while (count < run.B && at < _text.Length && run.Set!.Contains(CodePointAt(at)))
        {
            at += UnitsAt(at);
            if (++count == run.A)
            {
                least = at;
            }
        }

        if (count < run.A)
        {
            return false;
        }

        if (at > least)
        {
            (choices ??= []).Push(new Choice(pc + 1, at, least));
        }

        _stepsLeft -= count;
        return true;
    }

    private readonly bool TryGoBack(Stack<Choice>? choices, ref int pc, ref int at)
    {
        if (choices is null || !choices.TryPop(out var choice))
        {
            return false;
        }

        pc = choice.Code;
        at = choice.At;
        if (choice.Least >= 0)
        {
            at -= at > 1 && char.IsLowSurrogate(_text[at - 1]) ? 2 : 1;
            if (at > choice.Least)
            {
                choices.Push(choice with { At = at });
            }
        }

        return true;
    }

    private bool Holds(RegexInstruction instruction, int at) => instruction.Op switch
    {
        RegexOp.Ahead => Match(instruction.Inner!, at) >= 0,
        RegexOp.NotAhead => Match(instruction.Inner!, at) < 0,
        RegexOp.Behind => EndsHere(instruction.Inner!, at),
        RegexOp.NotBehind => !EndsHere(instruction.Inner!, at),
        RegexOp.LineStart => at == 0 || (_text[at - 1] == '\n' && at < _text.Length),
        RegexOp.LineEnd => at == _text.Length || _text[at] == '\n',
        RegexOp.TextStart => at == 0,
        RegexOp.TextEnd => at == _text.Length,
        RegexOp.TextEndOrNewline => at == _text.Length || (at == _text.Length - 1 && _text[at] == '\n'),
        RegexOp.WordBorder => IsWordBefore(at) != IsWordAt(at),
        RegexOp.NotWordBorder => IsWordBefore(at) == IsWordAt(at),
        _ => throw new InvalidOperationException($"The instruction {instruction.Op} is not an assertion."),
    };

    /// <summary>Whether the program, which ends with a text-end test of its own, matches some text that ends at <paramref name="at"/>.</summary>
    private bool EndsHere(RegexProgram inner, int at)
    {
        var before = new RegexMatcher(_text[..at], _stepsLeft);
        for (var start = at; start >= 0; start--)
        {
            if ((start == at || !char.IsLowSurrogate(_text[start])) && before.Match(inner, start) >= 0)
            {
                return true;
            }
        }

        _stepsLeft = before._stepsLeft;
        return false;
    }

    private readonly bool IsWordAt(int at) => at < _text.Length && UnicodeData.IsLoneWord(CodePointAt(at));

    private readonly bool IsWordBefore(int at) =>
        at > 0 && UnicodeData.IsLoneWord(CodePointAt(at > 1 && char.IsLowSurrogate(_text[at - 1]) ? at - 2 : at - 1));

    private readonly int CodePointAt(int at) => char.IsHighSurrogate(_text[at]) ? char.ConvertToUtf32(_text[at], _text[at + 1]) : _text[at];

    private readonly int UnitsAt(int at) => char.IsHighSurrogate(_text[at]) ? 2 : 1;
}

/// <summary>A regular expression of a tokenizer file.</summary>
internal sealed class RegexPattern(RegexProgram program) : Pattern
{
    private const int StepsPerSearch = 20_000_000;

    protected override (int Start, int End)? Find(ReadOnlySpan<char> text, int from)
    {
        var matcher = new RegexMatcher(text, StepsPerSearch);
        for (var start = from; start <= text.Length; start++)
        {
            if (start > 0 && start < text.Length && char.IsLowSurrogate(text[start]))
            {
                continue;
            }

            var end = matcher.Match(program, start);
            if (end >= 0)
            {
                return (start, end);
            }
        }

        return null;
    }
}
