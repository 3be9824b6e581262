using System.Diagnostics;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Evaluation;
using Graft.Tasks;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>What <c>graft predict</c> is told. Immutable.</summary>
public sealed record PredictSettings
{
    /// <summary>The packages' folders; each answers every row.</summary>
    public required IReadOnlyList<string> Packages { get; init; }

    /// <summary>A backbone's folder or name; null for the one that the first package names.</summary>
    public string? Backbone { get; init; }

    /// <summary>Texts to answer, with a second one for tasks with two.</summary>
    public IReadOnlyList<(string Text, string? Pair)> Texts { get; init; } = [];

    /// <summary>A file of rows to answer after the texts (tsv, csv, jsonl, json, gzipped or not); null for none.</summary>
    public string? Input { get; init; }

    /// <summary>The column of the text; null for <c>text</c>, or <c>question</c> where all tasks are of spans.</summary>
    public string? TextColumn { get; init; }

    /// <summary>The column of the second text, read only for tasks with two; null for <c>pair</c>, or <c>context</c> where all tasks are of spans.</summary>
    public string? PairColumn { get; init; }

    /// <summary>Whether the first row of a tsv or csv file names the columns; otherwise columns are numbers from 0.</summary>
    public bool Header { get; init; } = true;

    /// <summary>The file of JSON lines to write; null to write none.</summary>
    public string? Output { get; init; }

    /// <summary>The most rows of a pass.</summary>
    public int Batch { get; init; } = 32;

    /// <summary>Type and device of the backbone; null for the file's type on the CPU.</summary>
    public BackboneOptions? Options { get; init; }
}

/// <summary>An answered row.</summary>
/// <param name="Number">The row's number from 1, texts first.</param>
/// <param name="Text">Its text.</param>
/// <param name="Pair">Its second text; null where there is none.</param>
/// <param name="Answer">The answer of one package.</param>
public sealed record PredictedRow(long Number, string Text, string? Pair, Answer Answer)
{
    /// <summary>What the file calls a row of questions; null where it says nothing.</summary>
    public string? Id { get; init; }

    private static readonly JsonSerializerOptions s_line = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The row as an object: <c>row</c>, <c>id</c> of questions that have one, <c>text</c>, <c>pair</c>, and the fields of <see cref="Answer.ToJson"/>.</summary>
    public JsonObject ToJson()
    {
        var json = Answer.ToJson();
        if (Pair is not null)
        {
            json.Insert(0, "pair", Pair);
        }

        json.Insert(0, "text", Text);
        if (Id is not null)
        {
            json.Insert(0, "id", Id);
        }

        json.Insert(0, "row", Number);
        return json;
    }

    /// <summary>The row as a line of the output file, without its end.</summary>
    public string ToLine() => ToJson().ToJsonString(s_line);
}

/// <summary>What a prediction run came to.</summary>
/// <param name="Tasks">The tasks that were asked.</param>
/// <param name="Rows">The rows.</param>
/// <param name="TruncatedRows">Answers on rows that were longer than the model takes and lost their end.</param>
/// <param name="Output">The file that was written; null for none.</param>
/// <param name="Seconds">The wall time without loading.</param>
public sealed record PredictReport(IReadOnlyList<string> Tasks, long Rows, long TruncatedRows, string? Output, double Seconds)
{
    /// <summary>The report as JSON.</summary>
    public JsonObject ToJson() => new()
    {
        ["tasks"] = new JsonArray([.. Tasks.Select(t => (JsonNode?)t)]),
        ["rows"] = Rows,
        ["truncatedRows"] = TruncatedRows,
        ["output"] = Output,
        ["seconds"] = Math.Round(Seconds, 3),
    };
}

/// <summary>Answers texts and files of rows with packages: what <c>graft predict</c> does. Rows stream, so a file may be larger than memory. Stateless.</summary>
public static class Predict
{
    private const int RowsPerChunk = 1024;

    /// <summary>Answers every row.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="each">Told every answer in the order of the rows, on the calling thread; null for nobody.</param>
    /// <param name="cancellation">Stops between passes; no output file is left then.</param>
    /// <exception cref="GraftException">A package, the backbone, the rows or the output file is at fault; no output file is left then.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static PredictReport Run(PredictSettings settings, Action<PredictedRow>? each = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(settings);
        if (settings.Texts.Count == 0 && settings.Input is null)
        {
            throw new GraftException("There is nothing to answer; give a text (--text) or a file of rows (--input).");
        }

        using var model = GraftModel.Load(settings.Packages, settings.Backbone, settings.Options);
        var clock = Stopwatch.StartNew();
        var (rows, truncated) = (0L, 0L);
        if (settings.Output is { } output)
        {
            AtomicFile.Write(output, stream =>
            {
                using var writer = new StreamWriter(stream, leaveOpen: true) { NewLine = "\n" };
                Answer(row => writer.WriteLine(row.ToLine()));
            });
        }
        else
        {
            Answer(null);
        }

        return new PredictReport([.. model.Tasks.Select(t => t.Name)], rows, truncated, settings.Output, clock.Elapsed.TotalSeconds);

        void Answer(Action<PredictedRow>? write)
        {
            foreach (var chunk in Rows(settings, model.Tasks).Chunk(RowsPerChunk))
            {
                var asked = chunk.SelectMany(r => model.Tasks.Select(t => new PredictionRow(t.Name, r.Text, t.IsPair ? r.Pair : null))).ToList();
                var answers = model.Predictor.Predict(asked, settings.Batch, cancellation);
                for (var i = 0; i < answers.Count; i++)
                {
                    var number = rows + (i / model.Tasks.Count) + 1;
                    var row = new PredictedRow(number, asked[i].Text, asked[i].Pair, answers[i]) { Id = chunk[i / model.Tasks.Count].Id };
                    truncated += row.Answer.TruncatedTokens > 0 ? 1 : 0;
                    write?.Invoke(row);
                    each?.Invoke(row);
                }

                rows += chunk.Length;
            }

            if (rows == 0)
            {
                throw new GraftException($"{settings.Input}: the file holds no rows; name a file with rows to answer.");
            }
        }
    }

    private static IEnumerable<(string Text, string? Pair, string? Id)> Rows(PredictSettings settings, IReadOnlyList<TaskDefinition> tasks)
    {
        var pairs = tasks.Any(t => t.IsPair);
        foreach (var (text, pair) in settings.Texts)
        {
            if (pair is not null && !pairs)
            {
                throw new GraftException($"A second text is given, and {Suggest.List([.. tasks.Select(t => t.Name)])} asks about one; leave --pair out.");
            }

            yield return (text, pair, null);
        }

        if (settings.Input is not { } path)
        {
            yield break;
        }

        // As in task files, questions in one JSON document are SQuAD's.
        var questions = tasks.All(t => t.Kind == TaskKind.Span);
        var format = RowFormat.LayoutOf(path) is { } layout
            ? RowFormat.Of(questions && layout == RowLayout.Json ? RowLayout.Squad : layout) with { Header = settings.Header }
            : null;
        var first = Column.Named(settings.TextColumn ?? (questions ? "question" : "text"));
        var second = Column.Named(settings.PairColumn ?? (questions ? "context" : "pair"));
        foreach (var row in RowReader.Read(path, format))
        {
            yield return (row.Text(first), pairs ? row.Text(second) : null, questions ? row.TextOrNull("id") : null);
        }
    }
}
