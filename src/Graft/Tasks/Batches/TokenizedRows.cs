using Graft.Backbones;
using Graft.Tasks.Heads;
using Graft.Tasks.Spans;
using Graft.Tasks.TextToText;
using Graft.Text;
using Graft.Torch;

namespace Graft.Tasks.Batches;

/// <summary>The rows of a split as tokens, ready to be put into batches; of a span head the windows of the rows. Immutable and thread-safe.</summary>
public sealed class TokenizedRows
{
    private readonly IReadOnlyList<Encoding> _encodings;
    private readonly int _padId;

    private TokenizedRows(TaskDefinition task, IReadOnlyList<Example> examples, IReadOnlyList<Encoding> encodings, int padId, TextCodec? text, SpanRows? spans)
    {
        (Task, Examples, _encodings, _padId, Text, Spans) = (task, examples, encodings, padId, text, spans);
        TruncatedRows = encodings.Count(e => e.TruncatedTokens > 0);
    }

    /// <summary>What is predicted.</summary>
    public TaskDefinition Task { get; }

    /// <summary>The rows; of a span head one for each window, so that a row comes as often as it has windows.</summary>
    public IReadOnlyList<Example> Examples { get; }

    /// <summary>What makes texts of rows and answers, for a text head; null for a pooled one.</summary>
    public TextCodec? Text { get; }

    /// <summary>The windows of the rows of a span head; null for other heads.</summary>
    public SpanRows? Spans { get; }

    /// <summary>The number of rows, or of windows.</summary>
    public int Count => Examples.Count;

    /// <summary>The number of rows that were longer than the model takes and lost their end.</summary>
    public int TruncatedRows { get; }

    /// <summary>The number of tokens of each row, special tokens included.</summary>
    public IReadOnlyList<int> Lengths => field ??= [.. _encodings.Select(e => e.Ids.Length)];

    // Rows to answer have no targets, so these are made when they are asked for.
    private IReadOnlyList<int[]> TargetTexts =>
        field ??= Text is { } text ? [.. Examples.Select(text.Target)] : throw new InvalidOperationException("Rows of a pooled head have no texts as targets.");

    /// <summary>Tokenizes rows in parallel.</summary>
    /// <param name="task">What is predicted.</param>
    /// <param name="examples">The rows.</param>
    /// <param name="tokenizer">The backbone's tokenizer.</param>
    /// <param name="maxTokens">The longest row in tokens; longer ones are truncated and counted.</param>
    /// <param name="text">What makes texts of rows and answers, for a text head; null for the others.</param>
    /// <param name="overlap">The tokens that neighbouring windows share, for a span head; null for <see cref="SpanRows.UsualOverlap"/>.</param>
    public static TokenizedRows Create(
        TaskDefinition task, IReadOnlyList<Example> examples, Tokenizer tokenizer, int maxTokens, TextCodec? text = null, int? overlap = null)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(tokenizer);
        if (task.Kind == TaskKind.Span && text is null)
        {
            var spans = SpanRows.Create(examples, tokenizer, maxTokens, overlap ?? SpanRows.UsualOverlap);
            return new TokenizedRows(
                task, [.. spans.Windows.Select(w => examples[w.Question])], [.. spans.Windows.Select(w => w.Window.Encoding)], tokenizer.PadId ?? 0, null, spans);
        }

        List<(string, string?)> rows = [.. examples.Select(e => (e.Text, e.Pair))];
        return new TokenizedRows(
            task, examples, text is null ? tokenizer.EncodeBatch(rows, maxTokens) : text.Sources(rows, maxTokens), tokenizer.PadId ?? 0, text, null);
    }

    /// <summary>Joins rows into a batch to answer, padded to its longest row.</summary>
    /// <param name="rows">The numbers of the rows.</param>
    /// <param name="device">Where the batch goes.</param>
    /// <returns>Ids and segments [B, T] int64; a float32 mask [B, T], or none when nothing is padded.</returns>
    public BackboneInput Batch(IReadOnlyList<int> rows, Device device) =>
        PaddedBatch.Of([.. rows.Select(r => _encodings[r])], _padId, device);

    /// <summary>Joins rows of several tasks into a batch to train on, padded to its longest row and target.</summary>
    /// <param name="parts">The numbers of the rows of each task, in the order of the batch; tasks of one tokenizer and of one kind of head.</param>
    /// <param name="device">Where the batch goes.</param>
    /// <returns>
    /// Ids and segments [B, T] int64; a float32 mask [B, T], or none when nothing is padded; of text heads what the decoder reads, [B, S] int64:
    /// the start token and the targets without their last tokens.
    /// </returns>
    /// <exception cref="ArgumentException">Some tasks have text heads and others pooled ones.</exception>
    public static BackboneInput Join(IReadOnlyList<(TokenizedRows Rows, IReadOnlyList<int> Numbers)> parts, Device device)
    {
        var input = PaddedBatch.Of([.. parts.SelectMany(p => p.Numbers.Select(r => p.Rows._encodings[r]))], parts[0].Rows._padId, device);
        if (parts.Any(p => p.Rows.Text is null != parts[0].Rows.Text is null))
        {
            throw new ArgumentException("Tasks with text heads and tasks with pooled heads do not fit into one batch.", nameof(parts));
        }

        if (parts[0].Rows.Text?.Decoder is not { } decoder)
        {
            return input;
        }

        var read = parts.SelectMany(p => p.Numbers.Select(r => (int[])[decoder.StartId, .. p.Rows.TargetTexts[r][..^1]]));
        return input with { DecoderIds = PaddedBatch.Ids([.. read], decoder.PadId).To(device) };
    }

    /// <summary>How much of a loss rows bear.</summary>
    /// <param name="rows">The numbers of the rows.</param>
    public LossSize LossSize(IReadOnlyCollection<int> rows) => Text is null
        ? new(rows.Count, rows.Count, 1)
        : new(rows.Count, rows.Sum(r => TargetTexts[r].Length), rows.Max(r => TargetTexts[r].Length));

    /// <summary>What the head should predict for rows.</summary>
    /// <param name="rows">The numbers of the rows.</param>
    /// <param name="device">Where the targets go.</param>
    /// <returns>
    /// For a pooled head [B] int64 classes, [B, C] float32 0 or 1 (multilabel), or [B] float32 scores (regression); for a span head [B, 2] int64 places; for a text head the tokens of
    /// the targets, [B, S] int64, with <see cref="TextHead.NoTarget"/> behind their ends.
    /// </returns>
    public Tensor Targets(IReadOnlyList<int> rows, Device device)
    {
        if (Text is not null)
        {
            return PaddedBatch.Ids([.. rows.Select(r => TargetTexts[r])], TextHead.NoTarget).To(device);
        }

        if (Spans is not null)
        {
            return Tensor.From(rows.Select(Spans.Target).SelectMany(t => new long[] { t.Start, t.End }).ToArray(), rows.Count, 2).To(device);
        }

        switch (Task.Kind)
        {
            case TaskKind.Classification:
                return Tensor.From(rows.Select(r => (long)Examples[r].Label).ToArray(), rows.Count).To(device);
            case TaskKind.Regression:
                return Tensor.From(rows.Select(r => (float)Examples[r].Score).ToArray(), rows.Count).To(device);
            default:
                var hot = new float[rows.Count * Task.Outputs];
                for (var i = 0; i < rows.Count; i++)
                {
                    foreach (var label in Examples[rows[i]].Labels)
                    {
                        hot[(i * Task.Outputs) + label] = 1;
                    }
                }

                return Tensor.From(hot, rows.Count, Task.Outputs).To(device);
        }
    }
}
