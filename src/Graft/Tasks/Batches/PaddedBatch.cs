using Graft.Backbones;
using Graft.Text;
using Graft.Torch;

namespace Graft.Tasks.Batches;

/// <summary>Joins tokenized texts into a batch. Stateless and thread-safe.</summary>
public static class PaddedBatch
{
    /// <summary>Joins lists of ids, filled to the longest.</summary>
    /// <param name="rows">B lists, at least one.</param>
    /// <param name="padId">The id that fills.</param>
    /// <returns>[B, S] int64, on the CPU.</returns>
    public static Tensor Ids(IReadOnlyList<int[]> rows, long padId)
    {
        var length = rows.Max(r => r.Length);
        var ids = new long[rows.Count * length];
        Array.Fill(ids, padId);
        for (var i = 0; i < rows.Count; i++)
        {
            for (var t = 0; t < rows[i].Length; t++)
            {
                ids[(i * length) + t] = rows[i][t];
            }
        }

        return Tensor.From(ids, rows.Count, length);
    }

    /// <summary>Some of a batch's rows to answer; the batch itself where these are all.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="rows">The numbers of the rows, ascending.</param>
    public static BackboneInput Rows(BackboneInput batch, int[] rows)
    {
        if (rows.Length == batch.InputIds.Size(0))
        {
            return batch;
        }

        var index = Tensor.From(Array.ConvertAll(rows, r => (long)r)).To(batch.InputIds.Device);
        return new BackboneInput(batch.InputIds.IndexSelect(0, index), batch.Mask?.IndexSelect(0, index), batch.TypeIds?.IndexSelect(0, index));
    }

    /// <summary>Joins texts into a batch, padded to the longest.</summary>
    /// <param name="encodings">The tokens of B texts, at least one.</param>
    /// <param name="padId">The id that fills.</param>
    /// <param name="device">Where the batch goes.</param>
    /// <returns>Ids and segments [B, T] int64; a float32 mask [B, T], or none when nothing is padded.</returns>
    public static BackboneInput Of(IReadOnlyList<Encoding> encodings, int padId, Device device) =>
        Of([.. encodings.Select(e => e.Ids)], [.. encodings.Select(e => e.TypeIds)], padId, device);

    /// <summary>Joins texts into a batch, padded to the longest.</summary>
    /// <param name="texts">The ids of B texts, at least one.</param>
    /// <param name="segments">The segment of each of their tokens.</param>
    /// <param name="padId">The id that fills.</param>
    /// <param name="device">Where the batch goes.</param>
    /// <returns>Ids and segments [B, T] int64; a float32 mask [B, T], or none when nothing is padded.</returns>
    public static BackboneInput Of(IReadOnlyList<int[]> texts, IReadOnlyList<int[]> segments, int padId, Device device)
    {
        var (count, length) = (texts.Count, texts.Max(t => t.Length));
        var types = new long[count * length];
        var mask = new float[types.Length];
        for (var i = 0; i < count; i++)
        {
            var start = i * length;
            for (var t = 0; t < texts[i].Length; t++)
            {
                types[start + t] = segments[i][t];
                mask[start + t] = 1;
            }
        }

        var padded = texts.Any(t => t.Length < length);
        return new BackboneInput(
            Ids(texts, padId).To(device),
            padded ? Tensor.From(mask, count, length).To(device) : null,
            types.AsSpan().ContainsAnyExcept(0) ? Tensor.From(types, count, length).To(device) : null);
    }
}
