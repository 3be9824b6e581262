using System.Text.Json;
using Graft.Tasks.Spans;
using Graft.Torch;

namespace Graft.Tasks;

/// <summary>One row of a file, its values found by column. Immutable.</summary>
public abstract class Row
{
    private protected Row(string file, int line) => (File, Line) = (file, line);

    /// <summary>The file as the user named it.</summary>
    public string File { get; }

    /// <summary>Line on which the row begins, counted from 1.</summary>
    public int Line { get; }

    /// <summary>The names of the columns; empty where they have none.</summary>
    public virtual IReadOnlyList<string> Columns => [];

    /// <summary>The value of a column as text.</summary>
    /// <param name="column">The column.</param>
    /// <exception cref="GraftException">The row has no such column, or its value is no text.</exception>
    public abstract string Text(Column column);

    /// <summary>The values of a column that holds a list: a JSON list, or text cut at a separator, blanks around each trimmed and empty ones dropped.</summary>
    /// <param name="column">The column.</param>
    /// <param name="separator">What stands between the values in text.</param>
    /// <exception cref="GraftException">The row has no such column, or its value is no list of texts.</exception>
    public virtual IReadOnlyList<string> Texts(Column column, string separator) =>
        Text(column).Split(separator, StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The right answers of a row of questions, each where it stands in the context.</summary>
    /// <param name="column">The column of the answers.</param>
    /// <param name="context">The text that they are pieces of.</param>
    /// <exception cref="GraftException">The row has no such column, or its value is no list of pieces of the context.</exception>
    public virtual IReadOnlyList<AnswerSpan> Answers(Column column, string context) =>
        throw Error("a row between delimiters holds no list of answers; give questions as SQuAD's JSON, or as JSON lines.");

    /// <summary>The value of a column that may be missing.</summary>
    /// <param name="name">The column's name.</param>
    /// <returns>The value as text; null where there is none, or one that is no text.</returns>
    public virtual string? TextOrNull(string name) => null;

    /// <summary>An error about this row, file and line in front.</summary>
    /// <param name="sentence">The rest of the sentence.</param>
    public GraftException Error(string sentence) => new($"{File}, line {Line}: {sentence.ReplaceLineEndings(" ")}");
}

/// <summary>The columns that all rows of a delimited file share. One thread.</summary>
/// <param name="place">Where they are said: the file, and the line where one line says it.</param>
/// <param name="names">Their names; null where they have none.</param>
/// <param name="count">Their number.</param>
internal sealed class Columns(string place, IReadOnlyList<string>? names, int count)
{
    private readonly Dictionary<Column, int> _places = [];

    public int Count => count;

    public IReadOnlyList<string> Names => names ?? [];

    /// <summary>The place of a column; an error names the columns there are.</summary>
    public int PlaceOf(Column column)
    {
        if (_places.TryGetValue(column, out var known))
        {
            return known;
        }

        return _places[column] = Find(column);
    }

    private int Find(Column column)
    {
        var hits = column.Name is null || names is null
            ? []
            : Enumerable.Range(0, names.Count).Where(at => names[at] == column.Name).ToList();
        if (hits.Count > 1)
        {
            throw new GraftException($"{place}: the header names column {column} {hits.Count} times; give its place (from 0) in the task file instead.");
        }

        if (hits.Count == 1)
        {
            return hits[0];
        }

        if (column.Index is < 0)
        {
            return column.Index.Value;
        }

        if (column.Index is { } index && (column.Name is null || names is null || index < count))
        {
            return index < count
                ? index
                : throw new GraftException($"{place}: no column {index}, the rows have {count} columns, counted from 0; correct the column's place.");
        }

        throw names is null
            ? new GraftException($"{place}: no column {column}, as the file is read without header; give the column's place, 0 to {count - 1}.")
            : new GraftException($"{place}: no column {column} among {Suggest.List([.. names.Select(name => $"'{name}'")])}; {Remedy(column.Name!, names)}");
    }

    /// <summary>The end of a sentence that has listed the columns already.</summary>
    public static string Remedy(string name, IReadOnlyList<string> names) =>
        Suggest.Nearest(name, names) is { } near ? $"did you mean '{near}'?" : "name one of those.";
}

internal sealed class DelimitedRow(string file, int line, string[] fields, Columns columns) : Row(file, line)
{
    public override IReadOnlyList<string> Columns => columns.Names;

    public override string Text(Column column)
    {
        var place = columns.PlaceOf(column);
        place = place < 0 ? fields.Length + place : place;
        return place >= 0 && place < fields.Length
            ? fields[place]
            : throw Error($"the row has {fields.Length} columns, but column {column} is number {place} counted from 0; mend the row.");
    }
}

internal sealed class JsonRow(string file, int line, JsonElement value) : Row(file, line)
{
    /// <summary>The row as JSON.</summary>
    public JsonElement Value => value;

    public override IReadOnlyList<string> Columns =>
        value.ValueKind == JsonValueKind.Object ? Guarded<IReadOnlyList<string>>(() => [.. value.EnumerateObject().Select(property => property.Name)]) : [];

    public override string Text(Column column) => Guarded(() => Scalar(column, Find(column)));

    public override IReadOnlyList<string> Texts(Column column, string separator) => Guarded<IReadOnlyList<string>>(() =>
    {
        var found = Find(column);
        return found.ValueKind == JsonValueKind.Array
            ? [.. found.EnumerateArray().Select(item => Scalar(column, item))]
            : base.Texts(column, separator);
    });

    public override IReadOnlyList<AnswerSpan> Answers(Column column, string context) => Guarded(() =>
        AnswerReader.Read(Find(column), context, (path, sentence) => Error($"'{column.Name}{path}' {sentence}")));

    public override string? TextOrNull(string name) => Guarded(() =>
        value.ValueKind == JsonValueKind.Object && value.TryGetProperty(name, out var found) && found.ValueKind is JsonValueKind.String or JsonValueKind.Number ? Scalar(Column.Named(name), found) : null);

    private T Guarded<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (InvalidOperationException)
        {
            throw Error("a string holds half of a surrogate pair; write the character itself.");
        }
    }

    private JsonElement Find(Column column)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            var place = column.Index is < 0 and var back ? value.GetArrayLength() + back : column.Index;
            return place >= 0 && place < value.GetArrayLength()
                ? value[place.Value]
                : throw Error($"no column {column}, the row is a list of {value.GetArrayLength()}; give a place, counted from 0.");
        }

        if (column.Name is null)
        {
            throw Error($"columns of JSON rows have names, but column {column.Index} was asked for by place; give its name.");
        }

        if (value.TryGetProperty(column.Name, out var found))
        {
            return found;
        }

        var names = value.EnumerateObject().Select(property => property.Name).ToList();
        throw names.Count == 0
            ? Error($"no column {column}, the row is an empty object; mend the row.")
            : Error($"no column {column} among {Suggest.List([.. names.Select(name => $"'{name}'")])}; {Tasks.Columns.Remedy(column.Name, names)}");
    }

    private string Scalar(Column column, JsonElement item) => item.ValueKind switch
    {
        JsonValueKind.String => item.GetString()!,
        JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => item.GetRawText(),
        _ => throw Error($"column {column} is {StrictObject.Kind(item)}, expected text or a number; mend the row."),
    };
}
