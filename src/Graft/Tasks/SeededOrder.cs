using System.Security.Cryptography;
using System.Text;

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
        var state = BitConverter.ToUInt64(SHA256.HashData(Encoding.UTF8.GetBytes($"{purpose} {seed}")));
        var order = Enumerable.Range(0, count).ToArray();
        for (var place = 0; place < count - 1; place++)
        {
            var other = place + (int)Math.BigMul(Next(ref state), (ulong)(count - place), out _);
            (order[place], order[other]) = (order[other], order[place]);
        }

        return order;
    }

    private static ulong Next(ref ulong state)
    {
        state += 0x9E3779B97F4A7C15;
        var z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
