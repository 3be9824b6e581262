using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsvHelper;
using Graft.Evaluation.Comparisons;
using Graft.Tasks;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>
/// A comparison made of one file with a text and a label column, without any JSON to write: the rows are cut into <c>data/</c> of the
/// comparison's folder, 60 : 20 : 20 with seed 0, and a few methods of different sizes are planned with a budget of minutes. The same file
/// gives the same rows and plan, so that a second call goes on with the first. Immutable.
/// </summary>
/// <param name="Plan">The plan.</param>
/// <param name="Folder">The comparison's folder.</param>
/// <param name="TaskFile">The task file that was written.</param>
/// <param name="Kind">What is predicted.</param>
/// <param name="Train">The training rows.</param>
/// <param name="Dev">The rows that settings are chosen by.</param>
/// <param name="Test">The rows that results are measured on.</param>
/// <param name="Notes">What the user should know about the data, a sentence each.</param>
public sealed record CsvComparison(
    ComparisonPlan Plan, string Folder, string TaskFile, TaskKind Kind, int Train, int Dev, int Test, IReadOnlyList<string> Notes)
{
    private const int Batch = 16;
    private const int FewestRowsForHalf = 200;
    private static readonly string[] s_methods = ["head", "ia3", "bitfit", "lora", "pfeiffer"];
    private static readonly JsonSerializerOptions s_readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads the file, writes its rows as splits with a task file, and plans the comparison.</summary>
    /// <param name="settings">The file and its columns.</param>
    /// <exception cref="GraftException">
    /// The file or a column is missing, a text or label is empty, there are too few rows or classes, or the folder cannot be written.
    /// </exception>
    public static CsvComparison Prepare(CsvSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var rows = CsvRows.Read(settings);
        var splits = rows.Splits();
        var name = NameOf(settings.File);
        var folder = settings.Folder ?? $"compare-{name}";
        var data = Path.Combine(folder, "data");
        MakeFolder(data);
        foreach (var split in Enum.GetValues<Split>())
        {
            WriteRows(Path.Combine(data, FileOf(split)), [.. rows.Rows.Where((_, i) => splits[i] == split)]);
        }

        var taskFile = Path.Combine(data, name + Tasks.TaskFile.Ending);
        Write(taskFile, TaskOf(name, rows).ToJsonString(s_readable) + "\n");
        var (train, dev, test) = (Count(Split.Train), Count(Split.Dev), Count(Split.Test));
        return new CsvComparison(PlanOf(name, taskFile, train, settings.Backbone), folder, taskFile, rows.Kind, train, dev, test, [.. rows.Notes(splits)]);

        int Count(Split split) => splits.Count(s => s == split);
    }

    /// <summary>
    /// Eight passes over the training rows, at least 60 and at most 200 steps, the same for both sizes: all rows, and half of them where
    /// there are 200 or more, which tells whether more rows would help.
    /// </summary>
    private static ComparisonPlan PlanOf(string name, string taskFile, int train, string backbone) => new()
    {
        Name = name,
        Backbone = backbone,
        Methods = [.. s_methods.Select(m => new PlannedMethod(m, m))],
        Tasks = [new PlannedTask(name, [taskFile])],
        Sizes = train >= FewestRowsForHalf ? [train / 2, null] : [null],
        Steps = Math.Clamp((int)Math.Round(8.0 * train / Batch), 60, 200),
        Evaluations = 4,
        Batch = Batch,
        DevRows = 300,
        TestRows = 1000,
        MaxTokens = 128,
    };

    private static JsonObject TaskOf(string name, CsvRows rows)
    {
        var task = new JsonObject
        {
            ["name"] = name,
            ["kind"] = rows.Kind.ToString().ToLowerInvariant(),
            ["text"] = "text",
            ["label"] = "label",
            ["files"] = new JsonObject(Enum.GetValues<Split>().Select(s => KeyValuePair.Create(s.ToString().ToLowerInvariant(), (JsonNode?)FileOf(s)))),
        };
        if (rows.Kind == TaskKind.Classification)
        {
            task["labels"] = new JsonArray([.. rows.Labels.Select(l => (JsonNode?)l)]);
        }

        return task;
    }

    private static void WriteRows(string path, IReadOnlyList<(string Text, string Label)> rows)
    {
        using var text = new StringWriter { NewLine = "\n" };
        using (var csv = new CsvWriter(text, System.Globalization.CultureInfo.InvariantCulture))
        {
            foreach (var (first, second) in rows.Prepend(("text", "label")))
            {
                csv.WriteField(first);
                csv.WriteField(second);
                csv.NextRecord();
            }
        }

        Write(path, text.ToString());
    }

    private static void Write(string path, string text) => AtomicFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    private static void MakeFolder(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new GraftException($"The folder '{folder}' cannot be made ({e.Message.TrimEnd('.')}); give an --out folder that can be.", e);
        }
    }

    private static string FileOf(Split split) => split.ToString().ToLowerInvariant() + ".csv";

    /// <summary>The file's name without endings, as a task may be called.</summary>
    private static string NameOf(string file)
    {
        var stem = Path.GetFileName(file);
        foreach (var ending in new[] { ".gz", ".csv", ".tsv", ".jsonl", ".json" })
        {
            stem = stem.EndsWith(ending, StringComparison.OrdinalIgnoreCase) ? stem[..^ending.Length] : stem;
        }

        var name = string.Concat(stem.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' ? c : '-')).Trim('-', '.');
        return name.Length == 0 ? "data" : name[..Math.Min(name.Length, 60)];
    }
}
