using Graft.Backbones;
using Graft.Text;
using Graft.Torch;

namespace Graft.Tasks.Batches;

/// <summary>Joins tokenized texts into a batch. Stateless and thread-safe.</summary>
public static class PaddedBatch
{
    /// <summary>Joins texts into a batch, padded to the longest.</summary>
    /// <param name="encodings">The tokens of B texts, at least one.</param>
    /// <param name="padId">The id that fills.</param>
    /// <param name="device">Where the batch goes.</param>
    /// <returns>Ids and segments [B, T] int64; a float32 mask [B, T], or none when nothing is padded.</returns>
    public static BackboneInput Of(IReadOnlyList<Encoding> encodings, int padId, Device device)
    {
        var batch = Padding.Pad(encodings, padId);
        return new BackboneInput(
            OnDevice(batch.InputIds, DType.Int64),
            batch.AttentionMask.AsSpan().Contains(0) ? OnDevice(batch.AttentionMask, DType.Float32) : null,
            batch.TypeIds.AsSpan().ContainsAnyExcept(0) ? OnDevice(batch.TypeIds, DType.Int64) : null);

        Tensor OnDevice(int[] values, DType dtype) => Tensor.From(values, batch.Rows, batch.Length).To(dtype).To(device);
    }
}
