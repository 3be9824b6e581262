using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Graft.Tasks.Suites;

/// <summary>
/// Splits rows by the SHA-256 of their keys, so that a split never depends on order, machine or version: the first eight
/// bytes (big-endian) modulo 10 give the tenth, low ones are test, the next one is dev, the others are train. Thread-safe.
/// </summary>
internal static class SuiteSplit
{
    /// <summary>Most rows of a test split.</summary>
    public const int MostTest = 2000;

    /// <summary>Most rows of a dev split.</summary>
    public const int MostDev = 1000;

    /// <summary>
    /// The three splits, each in the order of the keys' second eight bytes, which is a random one; a test or dev split that
    /// is larger than its limit keeps its first rows, and the rest is left out.
    /// </summary>
    /// <param name="rows">All rows.</param>
    /// <param name="testTenths">How many tenths of the keys go to test.</param>
    public static (IReadOnlyList<SuiteRow> Train, IReadOnlyList<SuiteRow> Dev, IReadOnlyList<SuiteRow> Test) Of(IReadOnlyList<SuiteRow> rows, int testTenths)
    {
        var places = rows.Select(row => (Row: row, Tenth: Tenth(row.Group ?? row.Key), Order: Order(row.Key))).OrderBy(place => place.Order).ThenBy(place => place.Row.Key, StringComparer.Ordinal).ToList();
        List<SuiteRow> Take(Func<int, bool> isIn, int most) => [.. places.Where(place => isIn(place.Tenth)).Take(most).Select(place => place.Row)];
        return (Take(tenth => tenth > testTenths, int.MaxValue), Take(tenth => tenth == testTenths, MostDev), Take(tenth => tenth < testTenths, MostTest));
    }

    /// <summary>The tenth that a key falls into, 0 to 9.</summary>
    public static int Tenth(string key) => (int)(BinaryPrimitives.ReadUInt64BigEndian(Hash(key)) % 10);

    /// <summary>A number that a key and a purpose stand for, below <paramref name="limit"/>.</summary>
    public static int Choose(string key, string purpose, int limit) => (int)(BinaryPrimitives.ReadUInt64BigEndian(Hash($"{purpose}:{key}")) % (ulong)limit);

    private static ulong Order(string key) => BinaryPrimitives.ReadUInt64BigEndian(Hash(key).AsSpan(8));

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
