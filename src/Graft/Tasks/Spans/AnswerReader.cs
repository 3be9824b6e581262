using System.Text.Json;
using Graft.Torch;

namespace Graft.Tasks.Spans;

/// <summary>
/// Reads the answers of a row of questions: a list of objects with <c>text</c> and <c>answer_start</c>, as SQuAD has them, or one object with a list
/// of each, as its Hugging Face copies have. Starts are in code points. Stateless.
/// </summary>
internal static class AnswerReader
{
    /// <summary>The answers, each found where it says to begin.</summary>
    /// <param name="answers">The value.</param>
    /// <param name="context">The text that they are pieces of.</param>
    /// <param name="error">Makes an error of a path below the value, such as <c>[0].text</c>, and the rest of a sentence.</param>
    /// <exception cref="GraftException">The value has another shape, or an answer does not stand where it says.</exception>
    /// <exception cref="InvalidOperationException">A string holds half of a surrogate pair.</exception>
    public static IReadOnlyList<AnswerSpan> Read(JsonElement answers, string context, Func<string, string, GraftException> error) => answers.ValueKind switch
    {
        JsonValueKind.Array => [.. answers.EnumerateArray().Select((answer, i) => answer.ValueKind == JsonValueKind.Object
            ? Answer(Member(answer, "text", $"[{i}]", error), Member(answer, "answer_start", $"[{i}]", error), context, $"[{i}]", error)
            : throw error($"[{i}]", $"is {StrictObject.Kind(answer)}, expected an object with 'text' and 'answer_start'; mend the row."))],
        JsonValueKind.Object => Lists(Member(answers, "text", "", error), Member(answers, "answer_start", "", error), context, error),
        _ => throw error("", $"is {StrictObject.Kind(answers)}, expected a list of answers, each an object with 'text' and 'answer_start'; mend the row."),
    };

    private static JsonElement Member(JsonElement of, string name, string path, Func<string, string, GraftException> error) =>
        of.TryGetProperty(name, out var value) ? value : throw error(path, $"has no '{name}', expected an answer's text and the place where it begins; mend the row.");

    private static IReadOnlyList<AnswerSpan> Lists(JsonElement texts, JsonElement starts, string context, Func<string, string, GraftException> error)
    {
        if (texts.ValueKind != JsonValueKind.Array || starts.ValueKind != JsonValueKind.Array || texts.GetArrayLength() != starts.GetArrayLength())
        {
            throw error("", "has 'text' and 'answer_start' that are not two lists of equal length; mend the row.");
        }

        return [.. texts.EnumerateArray().Zip(starts.EnumerateArray()).Select((pair, i) => Answer(pair.First, pair.Second, context, $"[{i}]", error))];
    }

    private static AnswerSpan Answer(JsonElement text, JsonElement start, string context, string path, Func<string, string, GraftException> error)
    {
        if (text.ValueKind != JsonValueKind.String || text.GetString() is not { Length: > 0 } written)
        {
            throw error(path, $"has a 'text' that is {StrictObject.Kind(text)}, expected a piece of the context; a question without answer has an empty list.");
        }

        if (start.ValueKind != JsonValueKind.Number || !start.TryGetInt64(out var points) || points < 0)
        {
            throw error(path, $"has an 'answer_start' that is {StrictObject.Kind(start)}, expected a whole number from 0; mend the row.");
        }

        var units = AnswerSpan.UnitsOf(context, points);
        return units >= 0 && context.AsSpan(units).StartsWith(written, StringComparison.Ordinal)
            ? new AnswerSpan(written, units)
            : throw error(path, $"begins at character {points}, where the context has {Shown(context, units)} and not '{Cut(written)}'; correct 'answer_start', counted in code points from 0.");
    }

    private static string Shown(string context, int units) => units < 0 || units == context.Length ? "nothing more" : $"'{Cut(context[units..])}'";

    private static string Cut(string text) => text.Length > 40 ? $"{text[..37]}..." : text;
}
