using Graft.Tasks.Batches;
using Graft.Tasks.Heads;
using Graft.Tasks.Spans;
using Graft.Text;
using Graft.Torch;

namespace Graft.Evaluation;

/// <summary>What a span head answers to questions, all windows of a context together. Stateless and thread-safe.</summary>
internal static class SpanAnswers
{
    /// <summary>
    /// The most windows × longest window² of a pass: 7 windows of 384 tokens, 64 of 128. A pass holds the attention weights of all blocks, which for 64 windows of 384
    /// tokens are more than ten gigabytes.
    /// </summary>
    public const long MostCells = 64 * 128 * 128;

    /// <summary>Answers every row.</summary>
    /// <param name="model">The model.</param>
    /// <param name="rows">The windows.</param>
    /// <param name="spans">Which windows belong to which row.</param>
    /// <param name="batchSize">The most windows computed together; of long ones fewer are.</param>
    /// <param name="observed">Receives what parts of the adapter show.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <returns>One answer a row.</returns>
    public static IReadOnlyList<SpanResult> Find(
        TaskModel model, TokenizedRows rows, SpanRows spans, int batchSize, ObservedSums observed, CancellationToken cancellation)
    {
        var (head, scores) = ((SpanHead)model.Head, new WindowScores[rows.Count]);
        using var frozen = Autograd.NoGrad();
        foreach (var batch in BatchSampler.Sorted(rows.Lengths, batchSize, MostCells))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = new TensorScope();
            var (logits, _, observations) = model.Forward(rows.Batch(batch, model.Backbone.Device));
            observed.Add(observations);
            var own = Scores(logits, [.. batch.Select(w => spans.Windows[w].Window)]);
            for (var i = 0; i < batch.Length; i++)
            {
                scores[batch[i]] = own[i];
            }
        }

        var windows = Enumerable.Range(0, scores.Length).ToLookup(w => spans.Windows[w].Question, w => scores[w]);
        return [.. spans.Questions.Select((q, i) => SpanSearch.Find(q.Pair ?? "", windows[i], head.Config.Search))];
    }

    /// <summary>The scores of windows without their padding.</summary>
    /// <param name="logits">[B, 2, T], floating: from the head.</param>
    /// <param name="windows">The B windows.</param>
    public static IReadOnlyList<WindowScores> Scores(Tensor logits, IReadOnlyList<PairWindow> windows)
    {
        var length = (int)logits.Size(2);
        var values = logits.To(DType.Float32).To(Device.Cpu).Contiguous().ToArray<float>();
        return [.. windows.Select((window, i) =>
        {
            var (at, own) = (i * 2 * length, window.Encoding.Length);
            return new WindowScores(window.PairOffsets, values[at..(at + own)], values[(at + length)..(at + length + own)]);
        })];
    }
}
