using System.Text.Json;
using Graft.Torch;

namespace Graft.Tasks;

/// <summary>Reads what a task file says about its files of rows: each has its own keys, and where it lacks one the task's counts. Stateless.</summary>
internal static class DataFiles
{
    /// <summary>The keys that a task has for all of its files, and a file for itself.</summary>
    public static IReadOnlyList<string> Keys { get; } =
    [
        "format", "header", "headerBegins", "quote", "delimiter", "ragged", "encoding", "member", "text", "textPair", "label", "labelSeparator", "labelIs", "labelFile",
        "labelValues", "labelSkip", "group", "answer",
    ];

    private static readonly string[] s_own = ["path", "optional", "range"];

    /// <summary>The files of a split.</summary>
    /// <param name="json">The task file.</param>
    /// <param name="files">Its object <c>files</c>.</param>
    /// <param name="split">The key of the split.</param>
    /// <param name="kind">What the task predicts.</param>
    /// <exception cref="GraftException">A key is unknown or has a value of another kind.</exception>
    public static List<DataFile> Read(StrictObject json, StrictObject files, string split, TaskKind kind)
    {
        var found = new List<DataFile>();
        foreach (var (value, key, own) in files.Items(split))
        {
            if (own is not null)
            {
                own.Allow([.. s_own, .. Keys]);
                var paths = own.TextList("path") is { Count: > 0 } given && given.All(p => p.Length > 0)
                    ? given
                    : throw own.Error("path", "'path' is missing or empty, expected a file, or a list of names of which one is there; add it.");
                found.Add(Described(json, own, paths, kind));
            }
            else if (value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } path)
            {
                found.Add(Described(json, json, [path], kind));
            }
            else
            {
                throw files.Error(key, $"'files.{key}' is {StrictObject.Kind(value)}, expected the path of a file; correct it.");
            }
        }

        return found;
    }

    private static DataFile Described(StrictObject json, StrictObject own, IReadOnlyList<string> paths, TaskKind kind)
    {
        StrictObject Of(string key) => own.Has(key) ? own : json;
        IReadOnlyList<DataPath> places = [.. paths.Select(p => new DataPath(p, Format(Of, p, kind)))];

        // What SQuAD calls its columns goes without saying.
        Column? Usual(string name) => places.All(p => p.Format.Layout == RowLayout.Squad) ? Column.Named(name) : null;
        RowText? UsualText(string name) => Usual(name) is { } column ? RowText.Of(column) : null;
        var text = TextOf(Of("text"), "text") ?? UsualText("question") ?? throw own.Error("text", "'text' is missing, expected the name or the place (from 0) of the text's column; add it.");
        var (labelIs, labelFile) = (Of("labelIs").TextOrNull("labelIs"), Labels(Of("labelFile")));
        var label = ColumnOf(Of("label"), "label") ?? Usual("answers") ?? (labelIs is not null || labelFile is not null
            ? Column.Named("label")
            : throw own.Error("label", "'label' is missing, expected the name or the place (from 0) of the label's column; add it."));
        var separator = Of("labelSeparator").TextOrNull("labelSeparator") ?? "|";
        return new DataFile(
            places, text, TextOf(Of("textPair"), "textPair") ?? UsualText("context"), label, separator.Length > 0 ? separator : "|",
            !ReferenceEquals(own, json) && own.Flag("optional", false))
        {
            LabelIs = labelIs,
            Labels = labelFile,
            LabelValues = Values(Of("labelValues")),
            LabelSkip = Of("labelSkip").TextList("labelSkip") ?? [],
            Group = TextOf(Of("group"), "group"),
            Answer = ColumnOf(Of("answer"), "answer"),
            Range = ReferenceEquals(own, json) ? null : RangeOf(own),
        };
    }

    private static RowFormat Format(Func<string, StrictObject> of, string path, TaskKind kind)
    {
        var layout = of("format").Raw("format") is not null || RowFormat.LayoutOf(path) is null
            ? of("format").Choice<RowLayout>("format", null)
            : RowFormat.LayoutOf(path)!.Value;

        // Questions in one JSON document are SQuAD's unless the file says otherwise.
        layout = kind == TaskKind.Span && layout == RowLayout.Json && of("format").Raw("format") is null ? RowLayout.Squad : layout;
        var usual = RowFormat.Of(layout);
        return usual with
        {
            Header = of("header").Flag("header", usual.Header),
            HeaderBegins = of("headerBegins").TextOrNull("headerBegins"),
            Quoted = Quoted(of("quote"), usual.Quoted),
            Delimiter = Delimiter(of("delimiter"), usual.Delimiter),
            Ragged = of("ragged").Choice<RaggedRows>("ragged", RaggedRows.Refuse),
            Latin1 = Latin1(of("encoding")),
            Member = of("member").TextOrNull("member"),
        };
    }

    private static LabelFile? Labels(StrictObject json)
    {
        switch (json.Raw("labelFile"))
        {
            case null:
                return null;
            case { ValueKind: JsonValueKind.String } name when name.GetString() is { Length: > 0 } path:
                return new LabelFile(new DataPath(path, RowFormat.Of(RowFormat.LayoutOf(path) ?? RowLayout.Lines)), Column.At(0), null);
        }

        var own = json.Nested("labelFile")!;
        own.Allow("path", "label", "key", "format", "header", "headerBegins", "quote", "delimiter", "ragged", "encoding", "member");
        return new LabelFile(
            new DataPath(own.Text("path"), Format(_ => own, own.Text("path"), TaskKind.Classification)),
            ColumnOf(own, "label") ?? throw own.Error("label", "'label' is missing, expected the name or the place (from 0) of the label's column; add it."),
            ColumnOf(own, "key"));
    }

    private static Dictionary<string, string> Values(StrictObject json)
    {
        var values = json.Nested("labelValues");
        return values is null
            ? []
            : values.Keys.Distinct(StringComparer.Ordinal).ToDictionary(key => key, key => values.TextOrNull(key) ?? "", StringComparer.Ordinal);
    }

    private static (int From, int To)? RangeOf(StrictObject own)
    {
        if (own.Raw("range") is not { } range)
        {
            return null;
        }

        var (from, to) = (0, 0);
        var fits = range.ValueKind == JsonValueKind.Array && range.GetArrayLength() == 2 && range.EnumerateArray().All(n => n.ValueKind == JsonValueKind.Number)
            && range[0].TryGetInt32(out from) && range[1].TryGetInt32(out to) && from >= 0 && to > from;
        return fits ? (from, to) : throw own.Error("range", $"'range' is {StrictObject.Kind(range)}, expected the first row (from 0) and the one behind the last, such as [0, 2400].");
    }

    private static bool Latin1(StrictObject json) => json.TextOrNull("encoding") switch
    {
        null or "utf-8" => false,
        "latin1" => true,
        var other => throw json.Error("encoding", $"'encoding' is '{other}', expected utf-8 or latin1; correct it."),
    };

    private static bool Quoted(StrictObject json, bool usual) => json.TextOrNull("quote") switch
    {
        null => usual,
        "none" => false,
        "double" => true,
        var other => throw json.Error("quote", $"'quote' is '{other}', expected none or double; correct it."),
    };

    private static char Delimiter(StrictObject json, char usual) => json.TextOrNull("delimiter") switch
    {
        null => usual,
        [var one] when one is not ('"' or '\n' or '\r') => one,
        var other => throw json.Error("delimiter", $"'delimiter' is '{other}', expected one character other than a quote or a line break; correct it."),
    };

    private static RowText? TextOf(StrictObject json, string key)
    {
        if (json.Raw(key) is not { ValueKind: JsonValueKind.Object })
        {
            return ColumnOf(json, key) is { } column ? RowText.Of(column) : null;
        }

        var own = json.Nested(key)!;
        own.Allow("template");
        var template = own.Text("template");
        return RowText.Template(template)
            ?? throw own.Error("template", $"'{key}.template' is '{template}', expected columns in braces such as \"{{question}} answer: {{answer}}\"; correct it.");
    }

    private static Column? ColumnOf(StrictObject json, string key) => json.Raw(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Number } value when value.TryGetInt32(out var place) => Column.At(place),
        { ValueKind: JsonValueKind.String } value => Column.Named(value.GetString()!),
        { } value => throw json.Error(key, $"'{key}' is {StrictObject.Kind(value)}, expected a column's name or its place, counted from 0; correct it."),
    };
}
