using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Tasks.Spans;
using Graft.Tasks.TextToText;

namespace Graft.Tasks;

/// <summary>Writes tasks as a task file and files of JSON lines, which <see cref="TaskFile"/> reads back. Stateless.</summary>
internal static class TaskWriter
{
    private static readonly JavaScriptEncoder s_encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true, Encoder = s_encoder };

    /// <summary>Writes a task file of rows that <see cref="WriteRows"/> wrote.</summary>
    /// <param name="path">The task file.</param>
    /// <param name="task">The task; its texts as <see cref="TaskDefinition.Text"/> has them.</param>
    /// <param name="about">What it is, for people.</param>
    /// <param name="files">The file of each split, relative to the task file.</param>
    /// <param name="rows">The rows of each split, for whoever finds others there; null to leave them out.</param>
    public static void WriteTask(
        string path, TaskDefinition task, string about, IReadOnlyDictionary<Split, string> files, IReadOnlyDictionary<Split, int>? rows = null)
    {
        var json = new JsonObject { ["name"] = task.Name, ["description"] = about, ["kind"] = Name(task.Kind), ["format"] = "jsonl", ["text"] = "text" };
        if (task.IsPair)
        {
            json["textPair"] = "pair";
        }

        json["label"] = "label";
        if (task.IsGrouped)
        {
            (json["group"], json["answer"]) = ("group", "answer");
        }

        if (task.Labels.Count > 0)
        {
            json["labels"] = List(task.Labels);
        }

        json["metrics"] = List(task.MetricNames);
        if (task.Text is { } text)
        {
            json["textToText"] = Texts(text);
        }

        json["files"] = new JsonObject(files.Select(f => KeyValuePair.Create(Name(f.Key), (JsonNode?)f.Value)));
        if (rows is not null)
        {
            json["rows"] = new JsonObject(rows.Select(r => KeyValuePair.Create(Name(r.Key), (JsonNode?)r.Value)));
        }

        using var stream = File.Create(path);
        using var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, Encoder = s_encoder });
        json.WriteTo(writer, s_indented);
        writer.Flush();
        stream.Flush(flushToDisk: true);
    }

    /// <summary>Writes rows as JSON lines: <c>text</c>, <c>pair</c>, <c>group</c>, <c>answer</c> where rows have them, and <c>label</c>, for questions the list of answers.</summary>
    /// <param name="path">The file.</param>
    /// <param name="task">The task of the rows.</param>
    /// <param name="rows">The rows.</param>
    public static void WriteRows(string path, TaskDefinition task, IEnumerable<Example> rows)
    {
        using var stream = File.Create(path);
        using var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Encoder = s_encoder });
        foreach (var row in rows)
        {
            writer.WriteStartObject();
            writer.WriteString("text", row.Text);
            if (row.Pair is not null)
            {
                writer.WriteString("pair", row.Pair);
            }

            WriteLabel(writer, task, row);
            if (row.Group is { } group)
            {
                writer.WriteNumber("group", group);
                writer.WriteString("answer", row.Answer ?? "");
            }

            writer.WriteEndObject();
            writer.Flush();
            writer.Reset();
            stream.Write("\n"u8);
        }

        stream.Flush(flushToDisk: true);
    }

    private static void WriteLabel(Utf8JsonWriter writer, TaskDefinition task, Example row)
    {
        switch (task.Kind)
        {
            case TaskKind.Classification:
                writer.WriteString("label", task.Labels[row.Label]);
                break;
            case TaskKind.Regression:
                writer.WriteNumber("label", row.Score);
                break;
            case TaskKind.Multilabel:
                writer.WriteStartArray("label");
                foreach (var label in row.Labels)
                {
                    writer.WriteStringValue(task.Labels[label]);
                }

                writer.WriteEndArray();
                break;
            default:
                writer.WriteStartArray("label");
                foreach (var answer in row.Answers)
                {
                    writer.WriteStartObject();
                    writer.WriteString("text", answer.Text);
                    writer.WriteNumber("answer_start", AnswerSpan.CodePointsBefore(row.Pair!, answer.Start));
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
                writer.WriteString("id", row.Id);
                break;
        }
    }

    private static JsonObject Texts(TextNames text)
    {
        var json = new JsonObject();
        if (text.Prefix is { } prefix)
        {
            json["prefix"] = prefix;
        }

        if (text.Fields is { } fields)
        {
            json["fields"] = List(fields);
        }

        if (text.Targets is { } targets)
        {
            json["targets"] = List(targets);
        }

        if (text.Decimals is { } decimals)
        {
            json["decimals"] = decimals;
        }

        return json;
    }

    private static string Name<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

    private static JsonArray List(IEnumerable<string> items) => [.. items.Select(i => (JsonNode?)i)];
}
