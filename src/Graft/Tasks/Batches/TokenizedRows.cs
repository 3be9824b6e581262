using Graft.Backbones;
using Graft.Tasks.Heads;
using Graft.Text;
using Graft.Torch;

namespace Graft.Tasks.Batches;

/// <summary>The rows of a split as tokens, ready to be put into batches. Immutable and thread-safe.</summary>
public sealed class TokenizedRows
{
    private readonly IReadOnlyList<Encoding> _encodings;
    private readonly int _padId;

    private TokenizedRows(TaskDefinition task, IReadOnlyList<Example> examples, IReadOnlyList<Encoding> encodings, int padId)
    {
        (Task, Examples, _encodings, _padId) = (task, examples, encodings, padId);
        TruncatedRows = encodings.Count(e => e.TruncatedTokens > 0);
    }

    /// <summary>What is predicted.</summary>
    public TaskDefinition Task { get; }

    /// <summary>The rows.</summary>
    public IReadOnlyList<Example> Examples { get; }

    /// <summary>The number of rows.</summary>
    public int Count => Examples.Count;

    /// <summary>The number of rows that were longer than the model takes and lost their end.</summary>
    public int TruncatedRows { get; }

    /// <summary>The number of tokens of each row, special tokens included.</summary>
    public IReadOnlyList<int> Lengths => field ??= [.. _encodings.Select(e => e.Ids.Length)];

    /// <summary>Tokenizes rows in parallel.</summary>
    /// <param name="task">What is predicted.</param>
    /// <param name="examples">The rows.</param>
    /// <param name="tokenizer">The backbone's tokenizer.</param>
    /// <param name="maxTokens">The longest row in tokens; longer ones are truncated and counted.</param>
    public static TokenizedRows Create(TaskDefinition task, IReadOnlyList<Example> examples, Tokenizer tokenizer, int maxTokens) => new(
        task, examples,
        tokenizer.EncodeBatch([.. examples.Select(e => (e.Text, e.Pair))], maxTokens),
        tokenizer.PadId ?? 0);

    /// <summary>Joins rows into a batch, padded to its longest row.</summary>
    /// <param name="rows">The numbers of the rows.</param>
    /// <param name="device">Where the batch goes.</param>
    /// <returns>Ids and segments [B, T] int64; a float32 mask [B, T], or none when nothing is padded.</returns>
    public BackboneInput Batch(IReadOnlyList<int> rows, Device device) => Join([(this, rows)], device);

    /// <summary>Joins rows of several tasks into a batch, padded to its longest row.</summary>
    /// <param name="parts">The numbers of the rows of each task, in the order of the batch; tasks of one tokenizer.</param>
    /// <param name="device">Where the batch goes.</param>
    /// <returns>Ids and segments [B, T] int64; a float32 mask [B, T], or none when nothing is padded.</returns>
    public static BackboneInput Join(IReadOnlyList<(TokenizedRows Rows, IReadOnlyList<int> Numbers)> parts, Device device) =>
        PaddedBatch.Of([.. parts.SelectMany(p => p.Numbers.Select(r => p.Rows._encodings[r]))], parts[0].Rows._padId, device);

    /// <summary>How much of a loss rows bear.</summary>
    /// <param name="rows">The numbers of the rows.</param>
    public LossSize LossSize(IReadOnlyCollection<int> rows) => new(rows.Count, rows.Count, 1);

    /// <summary>What the head should predict for rows.</summary>
    /// <param name="rows">The numbers of the rows.</param>
    /// <param name="device">Where the targets go.</param>
    /// <returns>[B] int64 classes, [B, C] float32 0 or 1 (multilabel), or [B] float32 scores (regression).</returns>
    public Tensor Targets(IReadOnlyList<int> rows, Device device)
    {
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
