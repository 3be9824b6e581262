using System.Text.Encodings.Web;
using System.Text.Json;

namespace Graft.Tasks.Suites;

/// <summary>Writes a built task: <c>NAME.task.json</c> and its splits as JSON lines under <c>data/</c>. Thread-safe.</summary>
internal static class SuiteTaskWriter
{
    private static readonly JavaScriptEncoder s_encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;

    /// <summary>Writes one task into a folder and tells what it wrote.</summary>
    public static PulledTask Write(string folder, SuiteTask task)
    {
        var (train, dev, test) = SuiteSplit.Of(task.Rows, task.TestTenths);
        Directory.CreateDirectory(Path.Combine(folder, "data"));
        foreach (var (split, rows) in new[] { ("train", train), ("dev", dev), ("test", test) })
        {
            WriteRows(Path.Combine(folder, DataFileOf(task, split)), rows);
        }

        var isPair = task.Rows[0].Pair is not null;
        var majority = (double)test.GroupBy(row => row.Label, StringComparer.Ordinal).Max(group => group.Count()) / test.Count;
        var description = FormattableString.Invariant(
            $"{task.About} {task.Labels.Count} classes; rows: train {train.Count}, dev {dev.Count}, test {test.Count}; the commonest class makes up {majority:P1} of test.");
        var path = Path.Combine(folder, task.Name + TaskFile.Ending);
        using var stream = File.Create(path);
        using var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, Encoder = s_encoder });
        writer.WriteStartObject();
        writer.WriteString("name", task.Name);
        writer.WriteString("description", description);
        writer.WriteString("kind", "classification");
        writer.WriteString("format", "jsonl");
        writer.WriteString("text", "text");
        if (isPair)
        {
            writer.WriteString("textPair", "pair");
        }

        writer.WriteString("label", "label");
        WriteList(writer, "labels", task.Labels);
        WriteList(writer, "metrics", task.Metrics);
        writer.WriteStartObject("files");
        foreach (var split in (string[])["train", "dev", "test"])
        {
            writer.WriteString(split, DataFileOf(task, split));
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
        return new PulledTask(task.Name, path, description, task.Labels.Count, train.Count, dev.Count, test.Count);
    }

    private static string DataFileOf(SuiteTask task, string split) => $"data/{task.Name}.{split}.jsonl";

    private static void WriteRows(string path, IReadOnlyList<SuiteRow> rows)
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

            writer.WriteString("label", row.Label);
            writer.WriteEndObject();
            writer.Flush();
            writer.Reset();
            stream.Write("\n"u8);
        }

        stream.Flush(flushToDisk: true);
    }

    private static void WriteList(Utf8JsonWriter writer, string name, IReadOnlyList<string> values)
    {
        writer.WriteStartArray(name);
        foreach (var value in values)
        {
            writer.WriteStringValue(value);
        }

        writer.WriteEndArray();
    }
}
