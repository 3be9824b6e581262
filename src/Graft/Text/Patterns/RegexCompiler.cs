namespace Graft.Text.Patterns;

/// <summary>A part of a regular expression as it was read.</summary>
internal abstract record RegexNode;

internal sealed record SetNode(CharSet Set) : RegexNode;

internal sealed record SequenceNode(IReadOnlyList<RegexNode> Items) : RegexNode;

internal sealed record ChoiceNode(IReadOnlyList<RegexNode> Options) : RegexNode;

internal sealed record RepeatNode(RegexNode Item, int Least, int Most, bool Lazy) : RegexNode;

internal sealed record AssertNode(RegexOp Op) : RegexNode;

/// <summary>A look-around or an atomic group.</summary>
internal sealed record InnerNode(RegexOp Op, RegexNode Item) : RegexNode;

/// <summary>Turns the parts of a regular expression into a program.</summary>
internal sealed class RegexCompiler
{
    private const int MaxInstructions = 20_000;

    private readonly List<RegexInstruction> _code = [];
    private int _marks;

    /// <summary>The program, or null when it would be too long.</summary>
    public static RegexProgram? Compile(RegexNode node, bool toTextEnd = false)
    {
        var compiler = new RegexCompiler();
        if (!compiler.TryEmit(node))
        {
            return null;
        }

        if (toTextEnd)
        {
            compiler._code.Add(new RegexInstruction(RegexOp.TextEnd));
        }

        compiler._code.Add(new RegexInstruction(RegexOp.Match));
        return new RegexProgram([.. compiler._code], compiler._marks);
    }

    private bool TryEmit(RegexNode node)
    {
        if (_code.Count > MaxInstructions)
        {
            return false;
        }

        switch (node)
        {
            case SetNode set:
                _code.Add(new RegexInstruction(RegexOp.Set, set.Set));
                return true;
            case AssertNode assert:
                _code.Add(new RegexInstruction(assert.Op));
                return true;
            case SequenceNode sequence:
                return sequence.Items.All(TryEmit);
            case ChoiceNode choice:
                return TryEmitChoice(choice);
            case RepeatNode repeat:
                return TryEmitRepeat(repeat);
            case InnerNode inner:
                var program = Compile(inner.Item, toTextEnd: inner.Op is RegexOp.Behind or RegexOp.NotBehind);
                _code.Add(new RegexInstruction(inner.Op, Inner: program));
                return program is not null;
            default:
                throw new InvalidOperationException($"The part {node.GetType().Name} is not known.");
        }
    }

    private bool TryEmitChoice(ChoiceNode choice)
    {
        var ends = new List<int>();
        for (var i = 0; i < choice.Options.Count; i++)
        {
            var fork = _code.Count;
            var last = i == choice.Options.Count - 1;
            if (!last)
            {
                _code.Add(new RegexInstruction(RegexOp.Fork));
            }

            if (!TryEmit(choice.Options[i]))
            {
                return false;
            }

            if (!last)
            {
                ends.Add(_code.Count);
                _code.Add(new RegexInstruction(RegexOp.Jump));
                _code[fork] = new RegexInstruction(RegexOp.Fork, A: fork + 1, B: _code.Count);
            }
        }

        foreach (var end in ends)
        {
            _code[end] = new RegexInstruction(RegexOp.Jump, A: _code.Count);
        }

        return true;
    }

    private bool TryEmitRepeat(RepeatNode repeat)
    {
        if (repeat is { Item: SetNode set, Lazy: false })
        {
            _code.Add(new RegexInstruction(RegexOp.Run, set.Set, repeat.Least, repeat.Most));
            return true;
        }

        for (var i = 0; i < repeat.Least; i++)
        {
            if (!TryEmit(repeat.Item))
            {
                return false;
            }
        }

        if (repeat.Most == int.MaxValue)
        {
            return TryEmitLoop(repeat);
        }

        var forks = new List<int>();
        for (var i = repeat.Least; i < repeat.Most; i++)
        {
            forks.Add(_code.Count);
            _code.Add(new RegexInstruction(RegexOp.Fork));
            if (!TryEmit(repeat.Item))
            {
                return false;
            }
        }

        foreach (var fork in forks)
        {
            _code[fork] = Fork(fork + 1, _code.Count, repeat.Lazy);
        }

        return true;
    }

    private bool TryEmitLoop(RepeatNode repeat)
    {
        var fork = _code.Count;
        var mark = _marks++;
        _code.Add(new RegexInstruction(RegexOp.Fork));
        _code.Add(new RegexInstruction(RegexOp.Mark, A: mark));
        if (!TryEmit(repeat.Item))
        {
            return false;
        }

        _code.Add(new RegexInstruction(RegexOp.Progress, A: mark));
        _code.Add(new RegexInstruction(RegexOp.Jump, A: fork));
        _code[fork] = Fork(fork + 1, _code.Count, repeat.Lazy);
        return true;
    }

    private static RegexInstruction Fork(int enter, int leave, bool lazy) =>
        lazy ? new RegexInstruction(RegexOp.Fork, A: leave, B: enter) : new RegexInstruction(RegexOp.Fork, A: enter, B: leave);
}
