using Graft.Text;

namespace Graft.Tasks.Spans;

/// <summary>
/// Questions about contexts that may be longer than a model takes: every row in as many windows of its context as that needs. Immutable and thread-safe.
/// </summary>
public sealed class SpanRows
{
    /// <summary>The tokens that neighbouring windows share where nothing else is said: run_qa.py's <c>doc_stride</c>.</summary>
    public const int UsualOverlap = 128;

    /// <summary>The longest window with its question where nothing else is said: run_qa.py's <c>max_seq_length</c>.</summary>
    public const int UsualTokens = 384;

    private SpanRows(IReadOnlyList<Example> questions, IReadOnlyList<(int Question, PairWindow Window)> windows) => (Questions, Windows) = (questions, windows);

    /// <summary>The rows.</summary>
    public IReadOnlyList<Example> Questions { get; }

    /// <summary>The windows of all rows, those of a row next to each other, each with the number of its row.</summary>
    public IReadOnlyList<(int Question, PairWindow Window)> Windows { get; }

    /// <summary>Cuts the contexts of rows; blanks in front of questions are left out.</summary>
    /// <param name="questions">The rows.</param>
    /// <param name="tokenizer">The backbone's tokenizer.</param>
    /// <param name="maxTokens">The longest window with its question.</param>
    /// <param name="overlap">The tokens that neighbouring windows share.</param>
    public static SpanRows Create(IReadOnlyList<Example> questions, Tokenizer tokenizer, int maxTokens, int overlap)
    {
        ArgumentNullException.ThrowIfNull(questions);
        ArgumentNullException.ThrowIfNull(tokenizer);
        var windows = tokenizer.EncodeWindows([.. questions.Select(q => (q.Text.TrimStart(), q.Pair ?? ""))], maxTokens, overlap);
        return new SpanRows(questions, [.. windows.SelectMany((own, q) => own.Select(w => (q, w)))]);
    }

    /// <summary>
    /// Where the answer stands in a window: its last token that begins at the answer's start or before, and its first that ends at the answer's end or behind; both 0,
    /// the first token, where the window does not hold the whole answer or there is none. The first of several answers counts.
    /// </summary>
    /// <param name="window">The number of the window.</param>
    public (int Start, int End) Target(int window)
    {
        var (question, seen) = Windows[window];
        if (Questions[question].Answers is not [var answer, ..] || seen.PairLength == 0)
        {
            return (0, 0);
        }

        var (first, last) = (seen.PairStart, seen.PairStart + seen.PairLength - 1);
        var offsets = seen.Encoding.Offsets;
        if (offsets[first].Start > answer.Start || EndOf(last) < answer.End)
        {
            return (0, 0);
        }

        var (start, end) = (last, first);
        while (offsets[start].Start > answer.Start)
        {
            start--;
        }

        while (EndOf(end) < answer.End)
        {
            end++;
        }

        // The tokens of one character's bytes all begin and end where it does.
        return (start, Math.Max(start, end));

        int EndOf(int token) => AnswerSpan.BehindMarks(Questions[question].Pair!, offsets[token].End);
    }
}
