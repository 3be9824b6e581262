namespace Graft.Tasks.Spans;

/// <summary>How answers are searched for. Immutable.</summary>
/// <param name="NBest">The likeliest starts and ends of a window that are paired, and the answers that are kept.</param>
/// <param name="AnswerTokens">The longest answer in tokens.</param>
/// <param name="NullAnswers">Whether "none" is an answer, as in SQuAD 2.0.</param>
/// <param name="NullThreshold">How much the score of no answer must exceed that of the best answer to be preferred.</param>
public sealed record SpanSearchSettings(int NBest = 20, int AnswerTokens = 30, bool NullAnswers = false, double NullThreshold = 0);

/// <summary>What a head scores in a window of a context.</summary>
/// <param name="Offsets">[T] The place of each token in the context, in UTF-16 units; null for tokens that are not of it.</param>
/// <param name="Starts">[T] The scores of an answer that begins at the token.</param>
/// <param name="Ends">[T] The scores of an answer that ends at the token.</param>
public sealed record WindowScores(IReadOnlyList<(int Start, int End)?> Offsets, IReadOnlyList<float> Starts, IReadOnlyList<float> Ends);

/// <summary>A piece of a context that may be the answer. Immutable.</summary>
/// <param name="Text">The piece, letter by letter; empty for no answer.</param>
/// <param name="Start">Where it begins, in UTF-16 units of the context; 0 for no answer.</param>
/// <param name="End">Where it ends: the unit behind its last; 0 for no answer.</param>
/// <param name="Score">The score of its start and that of its end together.</param>
/// <param name="Probability">The softmax of the scores of all candidates of the question.</param>
public sealed record SpanCandidate(string Text, int Start, int End, double Score, double Probability);

/// <summary>What is answered to a question. Immutable.</summary>
/// <param name="Best">The answer; null where none is given.</param>
/// <param name="Candidates">The best candidates, best first, no answer among them where it is one.</param>
/// <param name="Text">What is judged: the text of the answer; without one the empty text, or <c>empty</c> where there has to be one, as in the reference.</param>
public sealed record SpanResult(SpanCandidate? Best, IReadOnlyList<SpanCandidate> Candidates, string Text);

/// <summary>
/// Finds the answer in the scores of a context's windows: of each the <c>NBest</c> highest starts and ends are paired, those kept that lie in the context, do not
/// end before they start, and are not too long; a pair's score is the sum of its two. All windows' pairs are sorted together and <c>NBest</c> kept. No answer
/// has the least score of the windows' first tokens, and is given where that exceeds the best pair's by more than the threshold. Stateless.
/// Source: postprocess_qa_predictions of Hugging Face's run_qa.py and adapter-hub's copy (shared/specs/unipelt.md 3.3).
/// </summary>
public static class SpanSearch
{
    // What the reference answers where it finds nothing.
    private const string Nothing = "empty";

    /// <summary>Finds the answer to a question.</summary>
    /// <param name="context">The context.</param>
    /// <param name="windows">The windows' scores.</param>
    /// <param name="settings">How it is searched for.</param>
    public static SpanResult Find(string context, IEnumerable<WindowScores> windows, SpanSearchSettings settings)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(windows);
        ArgumentNullException.ThrowIfNull(settings);
        List<(int Start, int End, double Score)> found = [];
        double? none = null;
        foreach (var window in windows)
        {
            var first = (double)window.Starts[0] + window.Ends[0];
            none = none is { } least && least <= first ? least : first;
            Pair(context, window, settings, found);
        }

        if (settings.NullAnswers && none is { } score)
        {
            found.Add((0, 0, score));
        }

        // Sorted stably: of equals the first that was found.
        List<(int Start, int End, double Score)> kept = [.. found.OrderByDescending(f => f.Score).Take(settings.NBest)];
        if (settings.NullAnswers && none is { } last && !kept.Exists(f => f is (0, 0, _)))
        {
            kept.Add((0, 0, last));
        }

        var highest = kept.Count > 0 ? kept.Max(f => f.Score) : 0;
        var total = kept.Sum(f => Math.Exp(f.Score - highest));
        List<SpanCandidate> candidates = [.. kept.Select(f => new SpanCandidate(context[f.Start..f.End], f.Start, f.End, f.Score, Math.Exp(f.Score - highest) / total))];
        var best = candidates.Find(c => c.Text.Length > 0 || !(settings.NullAnswers || candidates.Count == 1));
        return settings.NullAnswers && (none ?? 0) - (best?.Score ?? 0) > settings.NullThreshold
            ? new SpanResult(null, candidates, "")
            : new SpanResult(best, candidates, best?.Text ?? Nothing);
    }

    private static void Pair(string context, WindowScores window, SpanSearchSettings settings, List<(int Start, int End, double Score)> found)
    {
        var ends = Highest(window.Ends, settings.NBest);
        foreach (var start in Highest(window.Starts, settings.NBest))
        {
            if (window.Offsets[start] is not { } from)
            {
                continue;
            }

            foreach (var end in ends)
            {
                if (end >= start && end - start < settings.AnswerTokens && window.Offsets[end] is { } to)
                {
                    found.Add((from.Start, AnswerSpan.BehindMarks(context, to.End), (double)window.Starts[start] + window.Ends[end]));
                }
            }
        }
    }

    private static int[] Highest(IReadOnlyList<float> scores, int count) => [.. Enumerable.Range(0, scores.Count).OrderByDescending(i => scores[i]).Take(count)];
}
