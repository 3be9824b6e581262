using Graft.Torch;

namespace Graft.Formats.Sources;

/// <summary>
/// Restores a matrix from two coarse copies of it: an 8-bit code and a 4-bit code each say in which interval (cell) an
/// element lies; the middle of the two cells' intersection is nearer to the truth than either copy. Thread-safe.
/// </summary>
internal static class QuantizationCells
{
    /// <summary>Elements that share one scale in the 4-bit copy.</summary>
    public const int Block = 32;

    private const double Tolerance = 1e-3;

    /// <summary>Combines the two copies in double precision.</summary>
    /// <param name="bytes">The 8-bit copy, [in, out].</param>
    /// <param name="nibbles">The 4-bit codes, [out, in / 32, 16]; the even element of a pair in the low half of its byte.</param>
    /// <param name="scales">Their signed scales, [out, in / 32]; value = (code - 8) * scale.</param>
    /// <param name="rows">Extent out.</param>
    /// <param name="columns">Extent in, a multiple of 32.</param>
    /// <param name="key">The tensor's name, for the message.</param>
    /// <returns>[out, in], and how many elements the block scale gives exactly.</returns>
    /// <exception cref="GraftException">The cells of an element do not meet: the copies are of different matrices.</exception>
    public static (float[] Values, int Exact) Intersect(TfjsTensor bytes, ReadOnlyMemory<byte> nibbles, float[] scales, int rows, int columns, string key)
    {
        var values = new float[rows * columns];
        var exact = new int[rows];
        var apart = new bool[rows];
        Parallel.For(0, rows, row =>
        {
            var codes = bytes.Codes.Span;
            for (var first = 0; first < columns; first += Block)
            {
                var block = ((row * columns) + first) / Block;
                var packed = nibbles.Span.Slice(block * Block / 2, Block / 2);
                var scale = (double)scales[block];
                var hasOneExtreme = CountZeroCodes(packed) == 1;
                for (var i = 0; i < Block; i++)
                {
                    var column = first + i;
                    var code = (i & 1) == 0 ? packed[i / 2] & 15 : packed[i / 2] >> 4;
                    var center = (codes[(column * rows) + row] * bytes.Scale) + bytes.Minimum;
                    var (low8, high8) = (center - (bytes.Scale / 2), center + (bytes.Scale / 2));
                    double value;
                    if (code == 0 && hasOneExtreme)
                    {
                        value = -8 * scale;
                        exact[row]++;
                        apart[row] |= !(Math.Abs(value - center) <= bytes.Scale * (0.5 + Tolerance));
                    }
                    else
                    {
                        var x = (code == 0 ? -8 : code - 8.5) * scale;
                        var y = (code == 15 ? 8 : code - 7.5) * scale;
                        var low = Math.Max(low8, Math.Min(x, y));
                        var high = Math.Min(high8, Math.Max(x, y));
                        value = (low + high) / 2;
                        apart[row] |= !(low - high <= bytes.Scale * Tolerance);
                    }

                    values[(row * columns) + column] = (float)value;
                }
            }
        });
        return Array.IndexOf(apart, true) is var miss && miss < 0
            ? (values, exact.Sum())
            : throw new GraftException($"The two copies of '{key}' disagree in row {miss}, so the packages hold different models; fetch them again.");
    }

    private static int CountZeroCodes(ReadOnlySpan<byte> packed)
    {
        var count = 0;
        foreach (var pair in packed)
        {
            count += ((pair & 15) == 0 ? 1 : 0) + (pair >> 4 == 0 ? 1 : 0);
        }

        return count;
    }
}
