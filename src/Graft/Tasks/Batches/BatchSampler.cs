namespace Graft.Tasks.Batches;

/// <summary>
/// The batches of an epoch: every row once, in a seeded order, rows of similar length together so that little is padded. The batches are a
/// function of seed and epoch alone, so training resumes anywhere without a generator's state. Immutable and thread-safe.
/// </summary>
/// <param name="lengths">The number of tokens of each row.</param>
/// <param name="batchSize">The rows of a batch; the last one of an epoch may have fewer.</param>
/// <param name="seed">The seed.</param>
public sealed class BatchSampler(IReadOnlyList<int> lengths, int batchSize, long seed)
{
    /// <summary>Rows are sorted by length within this many batches, so that the order stays random over the epoch.</summary>
    private const int BatchesPerBucket = 16;

    /// <summary>The number of batches of an epoch.</summary>
    public int BatchesPerEpoch => (lengths.Count + batchSize - 1) / batchSize;

    /// <summary>The batches of an epoch, as row numbers.</summary>
    /// <param name="epoch">The epoch from 0.</param>
    public IReadOnlyList<int[]> Epoch(int epoch)
    {
        var rows = SeededOrder.Permutation(lengths.Count, seed, $"epoch {epoch}");
        var batches = new List<int[]>(BatchesPerEpoch);
        foreach (var bucket in rows.Chunk(BatchesPerBucket * batchSize))
        {
            batches.AddRange(bucket.OrderBy(r => lengths[r]).Chunk(batchSize));
        }

        return [.. SeededOrder.Permutation(batches.Count, seed, $"batches of epoch {epoch}").Select(b => batches[b])];
    }

    /// <summary>All rows in batches of similar length, in a fixed order, for evaluation.</summary>
    /// <param name="lengths">The number of tokens of each row.</param>
    /// <param name="batchSize">The most rows of a batch.</param>
    /// <param name="mostCells">The most rows × longest row² of a batch of several rows, as attention takes memory by that.</param>
    public static IEnumerable<int[]> Sorted(IReadOnlyList<int> lengths, int batchSize, long mostCells = long.MaxValue)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        var batch = new List<int>();
        foreach (var row in Enumerable.Range(0, lengths.Count).OrderBy(r => lengths[r]))
        {
            // Every row is at least as long as those before it.
            var cells = (batch.Count + 1L) * lengths[row] * lengths[row];
            if (batch.Count > 0 && (batch.Count == batchSize || cells > mostCells))
            {
                yield return [.. batch];
                batch.Clear();
            }

            batch.Add(row);
        }

        if (batch.Count > 0)
        {
            yield return [.. batch];
        }
    }
}
