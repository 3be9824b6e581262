namespace Graft.Tasks;

/// <summary>Random orders that depend on a seed alone, on every machine and every .NET. Thread-safe.</summary>
internal static class SeededOrder
{
    /// <summary>A permutation of 0 .. count-1 by Fisher and Yates's shuffle over SplitMix64.</summary>
    /// <param name="count">Items to order.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="purpose">What the order is for; two purposes with one seed do not correlate.</param>
    public static int[] Permutation(int count, long seed, string purpose)
    {
        var draws = new SeededDraws(seed, purpose);
        var order = Enumerable.Range(0, count).ToArray();
        for (var place = 0; place < count - 1; place++)
        {
            var other = place + draws.Below(count - place);
            (order[place], order[other]) = (order[other], order[place]);
        }

        return order;
    }
}
