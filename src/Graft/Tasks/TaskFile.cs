using System.Text.Json;
using Graft.Tasks.TextToText;
using Graft.Torch;

namespace Graft.Tasks;

/// <summary>
/// Reads task files (<c>*.task.json</c>), which describe a user's own data without code; <c>docs/tasks.md</c> shows the format. Thread-safe.
/// </summary>
public static class TaskFile
{
    /// <summary>The ending of a task file's name.</summary>
    public const string Ending = ".task.json";

    private static readonly string[] s_reading =
        ["format", "header", "quote", "delimiter", "ragged", "text", "textPair", "label", "labelSeparator"];

    /// <summary>Reads a task file and all rows that it names.</summary>
    /// <param name="path">The task file.</param>
    /// <param name="splitSeed">Seed of the dev split where it is cut from train.</param>
    /// <exception cref="GraftException">The file or the data breaks a rule; the sentence names the file and line.</exception>
    public static TaskData Load(string path, long splitSeed = 0)
    {
        var description = Describe(path);
        return TaskReader.Read(description, Path.GetDirectoryName(path) ?? "", splitSeed);
    }

    /// <summary>Reads a task file but none of its rows.</summary>
    /// <param name="path">The task file.</param>
    /// <exception cref="GraftException">The file breaks a rule.</exception>
    public static TaskDescription Describe(string path) => Describe(StrictJson.Load(path), path);

    /// <summary>Takes a task description from JSON that is read already.</summary>
    /// <param name="json">The object.</param>
    /// <param name="source">The file it came from.</param>
    /// <exception cref="GraftException">The object breaks a rule.</exception>
    public static TaskDescription Describe(StrictObject json, string source)
    {
        ArgumentNullException.ThrowIfNull(json);
        json.Allow(["name", "description", "kind", "labels", "metrics", "files", .. s_reading, "textToText"]);
        var name = Name(json);
        var kind = json.Choice<TaskKind>("kind", null);
        var labels = Labels(json, kind);
        var files = json.Nested("files") ?? throw json.Error("files", "'files' is missing, expected an object such as {\"train\": \"train.tsv\"}; add it.");
        files.Allow("train", "dev", "test");
        var train = Files(json, files, "train");
        var dev = Files(json, files, "dev");
        var test = Files(json, files, "test");
        if (train.Count == 0)
        {
            throw files.Error("train", "'files.train' is missing, expected a file or a list of files; add it.");
        }

        if (dev.Concat(test).Any(file => file.Pair is null != train[0].Pair is null))
        {
            throw json.Error("files", "some files have 'textPair' and others do not, expected the same for all; correct it.");
        }

        return new TaskDescription(source, name, kind, labels, MetricNames(json, kind, labels), train, dev, test)
        {
            About = json.TextOrNull("description"),
            TextToText = TextNames.Read(json.Nested("textToText"), kind, labels, train[0].Pair is null ? 1 : 2, ColumnNames(train[0])),
        };
    }

    private static IReadOnlyList<string>? ColumnNames(DataFile file)
    {
        var names = file.Pair is { } pair ? new[] { file.Text.Name, pair.Name } : [file.Text.Name];
        return names.All(n => n is { Length: > 0 } && n.Any(char.IsLetter)) ? [.. names.OfType<string>()] : null;
    }

    private static string Name(StrictObject json)
    {
        var name = json.Text("name");
        var fits = name.Length <= 100 && name[0] != '.' && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
        return fits
            ? name
            : throw json.Error("name", $"'name' is '{name}', expected at most 100 letters, digits, '-', '_' and '.', not beginning with '.'; rename the task.");
    }

    private static List<string>? Labels(StrictObject json, TaskKind kind)
    {
        if (json.Raw("labels") is not { } given)
        {
            return null;
        }

        if (kind == TaskKind.Regression)
        {
            throw json.Error("labels", "'labels' is given for a regression, which has none; remove it.");
        }

        var wrong = given.ValueKind != JsonValueKind.Array || given.EnumerateArray().Any(item =>
            item.ValueKind is not (JsonValueKind.String or JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False));
        if (wrong)
        {
            throw json.Error("labels", $"'labels' is {StrictObject.Kind(given)}, expected a list of strings; correct it.");
        }

        var labels = given.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.String ? item.GetString()! : item.GetRawText()).ToList();
        if (labels.GroupBy(label => label, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw json.Error("labels", $"'labels' holds '{twice.Key}' twice; remove one.");
        }

        var least = kind == TaskKind.Classification ? 2 : 1;
        return labels.Count >= least
            ? labels
            : throw json.Error("labels", $"'labels' holds {labels.Count}, expected at least {least}; add the others, or remove the key to find them in train.");
    }

    private static List<string> MetricNames(StrictObject json, TaskKind kind, List<string>? labels)
    {
        var names = json.TextList("metrics");
        if (names is null)
        {
            return [.. Metrics.Defaults(kind)];
        }

        if (names.Count == 0)
        {
            throw json.Error("metrics", "'metrics' is an empty list, expected at least one metric; name one, or remove the key.");
        }

        foreach (var name in names)
        {
            try
            {
                Metrics.Check(name, kind, labels?.Count);
            }
            catch (GraftException fault)
            {
                throw json.Error("metrics", fault.Message);
            }
        }

        return [.. names.Distinct(StringComparer.Ordinal)];
    }

    private static List<DataFile> Files(StrictObject json, StrictObject files, string split)
    {
        var found = new List<DataFile>();
        foreach (var (value, key, own) in files.Items(split))
        {
            if (own is not null)
            {
                own.Allow(["path", "optional", .. s_reading]);
                found.Add(Described(json, own, own.Text("path"), own.Flag("optional", false)));
            }
            else if (value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } path)
            {
                found.Add(Described(json, json, path, optional: false));
            }
            else
            {
                throw files.Error(key, $"'files.{key}' is {StrictObject.Kind(value)}, expected the path of a file; correct it.");
            }
        }

        return found;
    }

    /// <summary>The settings of one file: its own where it has them, else the task's.</summary>
    private static DataFile Described(StrictObject json, StrictObject own, string path, bool optional)
    {
        StrictObject Of(string key) => own.Has(key) ? own : json;
        var layout = Of("format").Raw("format") is not null || RowFormat.LayoutOf(path) is null
            ? Of("format").Choice<RowLayout>("format", null)
            : RowFormat.LayoutOf(path)!.Value;
        var usual = RowFormat.Of(layout);
        var format = usual with
        {
            Header = Of("header").Flag("header", usual.Header),
            Quoted = Quoted(Of("quote"), usual.Quoted),
            Delimiter = Delimiter(Of("delimiter"), usual.Delimiter),
            Ragged = Of("ragged").Choice<RaggedRows>("ragged", RaggedRows.Refuse),
        };
        var text = ColumnOf(Of("text"), "text") ?? throw own.Error("text", "'text' is missing, expected the name or the place (from 0) of the text's column; add it.");
        var label = ColumnOf(Of("label"), "label") ?? throw own.Error("label", "'label' is missing, expected the name or the place (from 0) of the label's column; add it.");
        var separator = Of("labelSeparator").TextOrNull("labelSeparator") ?? "|";
        return new DataFile(path, format, text, ColumnOf(Of("textPair"), "textPair"), label, separator.Length > 0 ? separator : "|", optional);
    }

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

    private static Column? ColumnOf(StrictObject json, string key) => json.Raw(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Number } value when value.TryGetInt32(out var place) && place >= 0 => Column.At(place),
        { ValueKind: JsonValueKind.String } value => Column.Named(value.GetString()!),
        { } value => throw json.Error(key, $"'{key}' is {StrictObject.Kind(value)}, expected a column's name or its place, counted from 0; correct it."),
    };
}
