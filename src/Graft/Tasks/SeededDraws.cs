using System.Security.Cryptography;
using System.Text;

namespace Graft.Tasks;

/// <summary>Random numbers that depend on a seed alone, on every machine and every .NET: SplitMix64. Thread contract: one thread.</summary>
/// <param name="seed">The seed.</param>
/// <param name="purpose">What the numbers are for; two purposes with one seed do not correlate.</param>
internal sealed class SeededDraws(long seed, string purpose)
{
    private ulong _state = BitConverter.ToUInt64(SHA256.HashData(Encoding.UTF8.GetBytes($"{purpose} {seed}")));

    /// <summary>A number from 0 to <paramref name="count"/> - 1, each as likely as the others but for 1 in 2^32.</summary>
    /// <param name="count">The number of possibilities.</param>
    public int Below(int count) => (int)Math.BigMul(Next(), (ulong)count, out _);

    /// <summary>A number in [0, 1), a multiple of 2^-53.</summary>
    public double Unit() => (Next() >> 11) * (1.0 / (1UL << 53));

    private ulong Next()
    {
        _state += 0x9E3779B97F4A7C15;
        var z = _state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
