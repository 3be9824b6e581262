namespace Graft.Text;

/// <summary>Rows of tokens filled up to one length T, as row-major arrays of B x T numbers. Thread contract: immutable.</summary>
/// <param name="Rows">The number of rows B.</param>
/// <param name="Length">The length T of each row, in tokens.</param>
/// <param name="InputIds">[B, T] Token ids, the padding id after each row's end.</param>
/// <param name="AttentionMask">[B, T] 1 for a token, 0 for padding.</param>
/// <param name="TypeIds">[B, T] Segments, 0 for padding.</param>
public sealed record TokenBatch(int Rows, int Length, int[] InputIds, int[] AttentionMask, int[] TypeIds);

/// <summary>Fills rows of tokens up to one length.</summary>
public static class Padding
{
    /// <summary>Pads on the right to the longest row, or to the next multiple of a number above it.</summary>
    /// <param name="encodings">The rows.</param>
    /// <param name="padId">The id of the padding token.</param>
    /// <param name="multipleOf">A number that T must be a multiple of.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="multipleOf"/> is below 1.</exception>
    public static TokenBatch Pad(IReadOnlyList<Encoding> encodings, int padId, int multipleOf = 1)
    {
        ArgumentNullException.ThrowIfNull(encodings);
        ArgumentOutOfRangeException.ThrowIfLessThan(multipleOf, 1);
        var length = 0;
        for (var i = 0; i < encodings.Count; i++)
        {
            length = Math.Max(length, encodings[i].Length);
        }

        length = (length + multipleOf - 1) / multipleOf * multipleOf;
        var ids = new int[encodings.Count * length];
        var mask = new int[ids.Length];
        var types = new int[ids.Length];
        for (var i = 0; i < encodings.Count; i++)
        {
            var row = encodings[i];
            var at = i * length;
            row.Ids.CopyTo(ids, at);
            row.TypeIds.CopyTo(types, at);
            mask.AsSpan(at, row.Length).Fill(1);
            ids.AsSpan(at + row.Length, length - row.Length).Fill(padId);
        }

        return new TokenBatch(encodings.Count, length, ids, mask, types);
    }
}

/// <summary>Puts rows of like length into the same batch, so that little is padded.</summary>
public static class LengthBuckets
{
    /// <summary>
    /// Cuts an order of rows into buckets of <paramref name="batchesPerBucket"/> batches, sorts each bucket by length (equal lengths keep the order),
    /// and cuts it into batches. The same order gives the same batches; what is random is the caller's.
    /// </summary>
    /// <param name="order">The rows in the order wanted, for instance shuffled by a seed.</param>
    /// <param name="lengths">The length of each row, in tokens, by row number.</param>
    /// <param name="batchSize">The rows of a batch; the last batch of all may have fewer.</param>
    /// <param name="batchesPerBucket">How many batches are sorted together: more pads less and mixes less.</param>
    /// <returns>The row numbers of each batch.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1.</exception>
    public static IReadOnlyList<int[]> Batches(IReadOnlyList<int> order, IReadOnlyList<int> lengths, int batchSize, int batchesPerBucket = 50)
    {
        ArgumentNullException.ThrowIfNull(order);
        ArgumentNullException.ThrowIfNull(lengths);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchesPerBucket, 1);
        var batches = new List<int[]>();
        var size = (int)Math.Min((long)batchSize * batchesPerBucket, int.MaxValue);
        foreach (var bucket in order.Chunk(size))
        {
            int[] sorted = [.. bucket.OrderBy(row => lengths[row])];
            batches.AddRange(sorted.Chunk(batchSize));
        }

        return batches;
    }
}
