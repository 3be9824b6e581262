using System.Text.Json;
using Graft.Tasks.Spans;
using Graft.Torch;

namespace Graft.Tasks;

/// <summary>A value inside a JSON row, whose parts are checked as they are read; errors name file, line and place. Immutable.</summary>
/// <param name="Row">The row.</param>
/// <param name="Value">The value, an object unless the row says otherwise.</param>
/// <param name="Path">Where it is in the row; empty for the row itself.</param>
internal sealed record JsonPlace(JsonRow Row, JsonElement Value, string Path)
{
    private static readonly char[] s_blanks = [' ', '\t', '\n', '\r', '\u00A0'];

    /// <summary>Whether the object has a value of that name.</summary>
    public bool Has(string name) => Value.TryGetProperty(name, out _);

    /// <summary>A string that is not blank.</summary>
    public string Text(string name) => Find(name) is { ValueKind: JsonValueKind.String } text && text.GetString() is var found && !string.IsNullOrWhiteSpace(found)
        ? found
        : throw Wrong(name, "some text");

    /// <summary>A whole number.</summary>
    public int Whole(string name) => Find(name) is { ValueKind: JsonValueKind.Number } number && number.TryGetInt32(out var found) ? found : throw Wrong(name, "a whole number");

    /// <summary>A string, a number, true or false, as it is written.</summary>
    public string Scalar(string name) => Row.Text(Column.Named(name));

    /// <summary>An object.</summary>
    public JsonPlace Object(string name) => Find(name) is { ValueKind: JsonValueKind.Object } found ? new(Row, found, Join(name)) : throw Wrong(name, "an object");

    /// <summary>The objects of a list, which has at least one.</summary>
    public IReadOnlyList<JsonPlace> List(string name)
    {
        var list = Find(name);
        if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() == 0)
        {
            throw Wrong(name, "a list of objects");
        }

        return [.. list.EnumerateArray().Select((item, i) => item.ValueKind == JsonValueKind.Object
            ? new JsonPlace(Row, item, $"{Join(name)}[{i}]")
            : throw Row.Error($"'{Join(name)}[{i}]' is {StrictObject.Kind(item)}, expected an object; mend the row."))];
    }

    /// <summary>The part of a text between the object's <c>start</c> and <c>end</c>, both counted in code points from 0 and inside the part.</summary>
    public string Span(string text)
    {
        var (start, end) = (Whole("start"), Whole("end"));
        var (first, behind) = (AnswerSpan.UnitsOf(text, start), AnswerSpan.UnitsOf(text, end + 1L));
        return start >= 0 && end >= start && behind >= 0
            ? text[first..behind]
            : throw Row.Error($"'{Path}' goes from {start} to {end} in a text of {AnswerSpan.CodePointsBefore(text, text.Length)} characters; mend the row.");
    }

    /// <summary>
    /// Where a span of words is: at the word of the number <c>NAME_index</c>, or where that word does not begin with <c>NAME_text</c>, whatever its case, at its
    /// nearest place.
    /// </summary>
    public (int Start, int End) Word(string text, string name)
    {
        var (wanted, index) = (Text($"{name}_text"), Whole($"{name}_index"));
        var starts = Enumerable.Range(0, text.Length).Where(i => !s_blanks.Contains(text[i]) && (i == 0 || s_blanks.Contains(text[i - 1]))).ToList();
        var found = Enumerable.Range(0, starts.Count)
            .Where(i => string.Compare(text, starts[i], wanted, 0, wanted.Length, StringComparison.OrdinalIgnoreCase) == 0)
            .OrderBy(i => Math.Abs((long)i - index))
            .ToList();
        return found.Count > 0
            ? (starts[found[0]], starts[found[0]] + wanted.Length)
            : throw Row.Error($"the text has no words '{wanted}' as '{Join(name)}_text' says; mend the row.");
    }

    private JsonElement Find(string name) => Value.TryGetProperty(name, out var found)
        ? found
        : throw Row.Error($"'{Join(name)}' is missing; {Suggest.Hint(name, [.. Value.EnumerateObject().Select(p => p.Name)])}");

    private GraftException Wrong(string name, string expected) => Row.Error($"'{Join(name)}' is {StrictObject.Kind(Find(name))}, expected {expected}; mend the row.");

    private string Join(string name) => JsonSource.Join(Path, name);
}
