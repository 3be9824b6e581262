namespace Graft.Text.Patterns;

internal enum RegexOp : byte
{
    /// <summary>One code point of the set.</summary>
    Set,

    /// <summary>A greedy run of at least A and at most B code points of the set.</summary>
    Run,

    /// <summary>Go on at A; on failure at B.</summary>
    Fork,

    /// <summary>Go on at A.</summary>
    Jump,

    /// <summary>Keep the position as loop entry A.</summary>
    Mark,

    /// <summary>Fail when nothing was read since loop entry A.</summary>
    Progress,

    /// <summary>The sub-program matches here.</summary>
    Ahead,

    /// <summary>The sub-program does not match here.</summary>
    NotAhead,

    /// <summary>The sub-program matches some text that ends here.</summary>
    Behind,

    /// <summary>The sub-program matches no text that ends here.</summary>
    NotBehind,

    /// <summary>The sub-program's first match, without going back into it.</summary>
    Atomic,
    LineStart,
    LineEnd,
    TextStart,
    TextEnd,
    TextEndOrNewline,
    WordBorder,
    NotWordBorder,
    Match,
}

internal sealed record RegexInstruction(RegexOp Op, CharSet? Set = null, int A = 0, int B = 0, RegexProgram? Inner = null);

/// <summary>A compiled regular expression. Thread contract: immutable.</summary>
internal sealed record RegexProgram(IReadOnlyList<RegexInstruction> Code, int Marks);
