using Graft.Backbones;
using Graft.Methods.Core;
using Graft.Tasks.Batches;
using Graft.Torch;

namespace Graft.Evaluation;

/// <summary>What a frozen backbone says about texts, computed once. Stateless and thread-safe.</summary>
public static class FrozenFeatures
{
    /// <summary>The mean of the last layer's states over the real tokens of each row.</summary>
    /// <param name="backbone">The backbone.</param>
    /// <param name="rows">The rows; their labels are not read.</param>
    /// <param name="batchSize">The most rows computed together.</param>
    /// <param name="under">The adapter that all rows are seen through; null for the plain backbone.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <returns>[N, W], float32, on the CPU.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static Tensor MeanPooled(
        Backbone backbone, TokenizedRows rows, int batchSize = 64, RowAdapter? under = null, CancellationToken cancellation = default)
    {
        using var frozen = Autograd.NoGrad();
        using var all = new TensorScope();
        var features = Tensor.Empty([rows.Count, backbone.Config.HiddenSize]);
        foreach (var batch in BatchSampler.Sorted(rows.Lengths, batchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = new TensorScope();
            var input = rows.Batch(batch, backbone.Device);
            var output = under is { } row ? new AdaptedModel(backbone).Forward(input, [.. Enumerable.Repeat(row, batch.Length)]).Output : backbone.Forward(input);
            var hidden = output.LastHiddenState.To(DType.Float32);
            var pooled = hidden.Mean(1);
            if (input.Mask is { } mask)
            {
                var weights = mask.To(DType.Float32).Unsqueeze(2);
                pooled = (hidden * weights).Sum(1) / weights.Sum(1);
            }

            features.IndexCopy_(0, Tensor.From(Array.ConvertAll(batch, r => (long)r)), pooled.To(Device.Cpu));
        }

        return all.Keep(features);
    }
}
