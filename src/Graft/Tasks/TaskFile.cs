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
    /// <param name="more">Other keys that the object may have, which somebody else reads.</param>
    /// <exception cref="GraftException">The object breaks a rule.</exception>
    public static TaskDescription Describe(StrictObject json, string source, params IReadOnlyList<string> more)
    {
        ArgumentNullException.ThrowIfNull(json);
        json.Allow(["name", "description", "kind", "labels", "metrics", "files", "rows", "publishedSplit", .. DataFiles.Keys, "textToText", .. more]);
        var name = Name(json);
        var kind = json.Choice<TaskKind>("kind", null);
        var labels = Labels(json, kind);
        var files = json.Nested("files") ?? throw json.Error("files", "'files' is missing, expected an object such as {\"train\": \"train.tsv\"}; add it.");
        files.Allow("train", "dev", "test");
        var train = DataFiles.Read(json, files, "train", kind);
        var dev = DataFiles.Read(json, files, "dev", kind);
        var test = DataFiles.Read(json, files, "test", kind);
        if (train.Count == 0)
        {
            throw files.Error("train", "'files.train' is missing, expected a file or a list of files; add it.");
        }

        if (kind == TaskKind.Span)
        {
            CheckSpans(json, train.Concat(dev).Concat(test));
        }

        if (dev.Concat(test).Any(file => file.Pair is null != train[0].Pair is null))
        {
            throw json.Error("files", "some files have 'textPair' and others do not, expected the same for all; correct it.");
        }

        if (dev.Concat(test).Any(file => file.Group is null != train[0].Group is null))
        {
            throw json.Error("files", "some files have 'group' and others do not, expected the same for all; correct it.");
        }

        return new TaskDescription(source, name, kind, labels, MetricNames(json, kind, labels, train[0].Group is not null), train, dev, test)
        {
            About = json.TextOrNull("description"),
            PublishedRows = PublishedRows(json),
            PublishedSplit = PublishedRule(json),
            TextToText = TextNames.Read(json.Nested("textToText"), kind, labels, train[0].Pair is null ? 1 : 2, ColumnNames(train[0])),
        };
    }

    // A question is asked about a context, and what stands in it has a place: rows between delimiters have no room for that.
    private static void CheckSpans(StrictObject json, IEnumerable<DataFile> files)
    {
        foreach (var file in files)
        {
            if (file.Pair is null)
            {
                throw json.Error("textPair", "'textPair' is missing, expected the column of the text that answers are pieces of; add it.");
            }

            if (file.Paths.FirstOrDefault(p => p.Format.Layout is not (RowLayout.Squad or RowLayout.Jsonl or RowLayout.Json)) is { } other)
            {
                throw json.Error("format", $"{other.Path} is read as {other.Format.Layout.ToString().ToLowerInvariant()}, which has no room for answers and their places; give squad, jsonl or json.");
            }
        }
    }

    private static IReadOnlyList<string>? ColumnNames(DataFile file)
    {
        var names = file.Pair is { } pair ? new[] { file.Text.Columns[0].Name, pair.Columns[0].Name } : [file.Text.Columns[0].Name];
        return names.All(n => n is { Length: > 0 } && n.Any(char.IsLetter)) ? [.. names.OfType<string>()] : null;
    }

    private static Dictionary<Split, int> PublishedRows(StrictObject json)
    {
        var rows = json.Nested("rows");
        rows?.Allow("train", "dev", "test");
        return rows is null ? [] : Enum.GetValues<Split>()
            .Select(split => (Split: split, Key: split.ToString().ToLowerInvariant()))
            .Where(s => rows.Has(s.Key))
            .ToDictionary(s => s.Split, s => rows.Whole(s.Key, 0) is > 0 and <= int.MaxValue and var count
                ? (int)count
                : throw rows.Error(s.Key, $"'rows.{s.Key}' is {rows.Whole(s.Key, 0)}, expected the number of rows that are published."));
    }

    private static SplitRule? PublishedRule(StrictObject json)
    {
        if (!json.Has("publishedSplit"))
        {
            return null;
        }

        var rule = json.Choice<SplitRule>("publishedSplit", null);
        return rule is SplitRule.Halves or SplitRule.Thousand
            ? rule
            : throw json.Error("publishedSplit", $"'publishedSplit' is '{json.Text("publishedSplit")}', expected halves or thousand, what the split 'published' is for this task.");
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

        if (kind is TaskKind.Regression or TaskKind.Span)
        {
            throw json.Error("labels", $"'labels' is given for a {(kind == TaskKind.Span ? "task of spans" : "regression")}, which has none; remove it.");
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

    private static List<string> MetricNames(StrictObject json, TaskKind kind, List<string>? labels, bool grouped)
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
                Metrics.Check(name, kind, labels?.Count, grouped: grouped);
            }
            catch (GraftException fault)
            {
                throw json.Error("metrics", fault.Message);
            }
        }

        return [.. names.Distinct(StringComparer.Ordinal)];
    }
}
