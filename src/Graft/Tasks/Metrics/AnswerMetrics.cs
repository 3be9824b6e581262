using System.Globalization;
using System.Text;

namespace Graft.Tasks;

/// <summary>
/// SQuAD's metrics of answers as texts, means over rows of the best over a row's right answers. The rule is that of version 1.1, where two texts without
/// a common word have an F1 of 0; with rows that have no answer it is that of version 2.0 for all rows: the right answer of such a row is the empty text,
/// and two texts of which one has no words have the F1 of their equality. Sources: evaluate-v1.1.py and evaluate-v2.0.py of rajpurkar/SQuAD-explorer
/// (shared/specs/unipelt.md 3.3). Stateless.
/// </summary>
internal static class AnswerMetrics
{
    // What Python's str.split takes for blanks beyond .NET.
    private const string Separators = "\u001c\u001d\u001e\u001f";

    /// <summary>Rows whose answer is a right one, both normalized / rows.</summary>
    public static double ExactMatch(Predictions predictions) => Mean(predictions, (answer, right, _) => Normalized(answer) == Normalized(right) ? 1 : 0);

    /// <summary>Mean over rows of 2 P R / (P + R) of the words that answer and right answer have in common, as often as both have them.</summary>
    public static double TokenF1(Predictions predictions) => Mean(predictions, F1);

    /// <summary>The words of a text: in small letters, without ASCII punctuation, without the words a, an and the.</summary>
    /// <param name="text">The text.</param>
    /// <returns>The words with one blank between them.</returns>
    public static string Normalized(string text) => string.Join(' ', Words(text));

    /// <summary>2 P R / (P + R) of the words that two texts have in common, 0 without any: version 1.1's.</summary>
    /// <param name="answer">An answer.</param>
    /// <param name="right">A right one.</param>
    public static double WordF1(string answer, string right) => F1(answer, right, second: false);

    private static double Mean(Predictions predictions, Func<string, string, bool, double> score)
    {
        if (predictions.Count == 0)
        {
            return 0;
        }

        var second = predictions.ExpectedAnswers.Any(right => right.Count == 0);
        return Enumerable.Range(0, predictions.Count).Average(row =>
            Right(predictions.ExpectedAnswers[row], second).Max(right => score(predictions.PredictedAnswers[row], right, second)));
    }

    // Version 2.0 leaves out right answers of no words, and the right answer of a row that has none is the empty text.
    private static IReadOnlyList<string> Right(IReadOnlyList<string> answers, bool second)
    {
        var kept = second ? [.. answers.Where(a => Normalized(a).Length > 0)] : answers;
        return kept.Count > 0 ? kept : [""];
    }

    private static double F1(string answer, string right, bool second)
    {
        var (given, wanted) = (Words(answer), Words(right));
        if (second && (given.Count == 0 || wanted.Count == 0))
        {
            return given.Count == wanted.Count ? 1 : 0;
        }

        var left = wanted.CountBy(w => w, StringComparer.Ordinal).ToDictionary(StringComparer.Ordinal);
        var common = 0;
        foreach (var word in given)
        {
            if (left.TryGetValue(word, out var count) && count > 0)
            {
                left[word] = count - 1;
                common++;
            }
        }

        if (common == 0)
        {
            return 0;
        }

        var (precision, recall) = ((double)common / given.Count, (double)common / wanted.Count);
        return 2 * precision * recall / (precision + recall);
    }

    private static List<string> Words(string text)
    {
        var plain = new StringBuilder(text.Length);
        var run = new StringBuilder();
        foreach (var rune in text.ToLowerInvariant().EnumerateRunes())
        {
            if (rune.IsAscii && (Rune.IsPunctuation(rune) || Rune.IsSymbol(rune)))
            {
                continue;
            }

            if (IsWord(rune))
            {
                run.Append(rune.ToString());
                continue;
            }

            Close(plain, run);
            plain.Append(Separators.Contains((char)(rune.Value & 0xFFFF), StringComparison.Ordinal) && rune.IsBmp ? " " : rune.ToString());
        }

        Close(plain, run);
        return [.. plain.ToString().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)];
    }

    // An article is a whole run of what Python's \w is: \b(a|an|the)\b.
    private static void Close(StringBuilder plain, StringBuilder run)
    {
        plain.Append(run.ToString() is "a" or "an" or "the" ? " " : run.ToString());
        run.Clear();
    }

    private static bool IsWord(Rune rune) => rune.Value == '_' || Rune.IsLetterOrDigit(rune)
        || Rune.GetUnicodeCategory(rune) is UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;
}
