using Graft.Torch;

namespace Graft.Backbones;

/// <summary>
/// T5's buckets of relative positions (Raffel et al. 2020, arXiv 1910.10683, section 2.1): distances below half of the buckets have one each,
/// those up to a largest distance share the rest by their logarithm, and what lies beyond is in the last. Thread-safe.
/// </summary>
internal static class RelativePositions
{
    /// <summary>The bucket of a distance.</summary>
    /// <param name="distance">The key's position minus the query's.</param>
    /// <param name="bidirectional">Whether keys behind the query have buckets of their own, the upper half; otherwise they share the first.</param>
    /// <param name="buckets">The number of buckets.</param>
    /// <param name="furthest">The distance from which on every key is in the last bucket.</param>
    public static long Bucket(long distance, bool bidirectional, int buckets, int furthest)
    {
        var first = 0;
        if (bidirectional)
        {
            buckets /= 2;
            first = distance > 0 ? buckets : 0;
            distance = Math.Abs(distance);
        }
        else
        {
            distance = Math.Max(-distance, 0);
        }

        var exact = buckets / 2;
        if (distance < exact)
        {
            return first + distance;
        }

        // In float32, as the reference computes it: at a bucket's edge the type decides.
        var share = MathF.Log(distance / (float)exact) / (float)Math.Log((double)furthest / exact) * (buckets - exact);
        return first + Math.Min(exact + (long)share, buckets - 1);
    }

    /// <summary>The buckets of queries and keys.</summary>
    /// <param name="before">The number of tokens before the first query.</param>
    /// <param name="queries">The number Q of queries; the last one's position is the last key's.</param>
    /// <param name="bidirectional">Whether keys behind the query have buckets of their own.</param>
    /// <param name="buckets">The number of buckets.</param>
    /// <param name="furthest">The distance from which on every key is in the last bucket.</param>
    /// <param name="device">Where they are to live.</param>
    /// <returns>[1, Q, before + Q], int64.</returns>
    public static Tensor Buckets(long before, long queries, bool bidirectional, int buckets, int furthest, Device device)
    {
        var keys = before + queries;
        var byDistance = new long[keys + queries - 1];
        for (var i = 0; i < byDistance.Length; i++)
        {
            byDistance[i] = Bucket(i - (keys - 1), bidirectional, buckets, furthest);
        }

        var all = new long[queries * keys];
        for (var query = 0; query < queries; query++)
        {
            Array.Copy(byDistance, queries - 1 - query, all, query * keys, keys);
        }

        return Tensor.From(all, 1, queries, keys).To(device);
    }
}
