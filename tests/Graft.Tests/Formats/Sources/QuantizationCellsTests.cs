using FsCheck;
using FsCheck.Fluent;
using Graft.Formats.Sources;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Formats.Sources;

public sealed class QuantizationCellsTests
{
    private const int Rows = 4, Columns = 64;

    [Fact]
    public void Restored_values_lie_in_both_cells_and_are_no_farther_off_than_either_half_cell() => Prop.ForAll(Gen.Choose(0, 1_000_000).ToArbitrary(), seed =>
    {
        var truth = Truth(seed);
        var bytes = ToBytes(truth);
        var (nibbles, scales) = ToNibbles(truth);

        var (values, exact) = QuantizationCells.Intersect(bytes, nibbles, scales, Rows, Columns, "w");

        for (var i = 0; i < truth.Length; i++)
        {
            var error = Math.Abs(values[i] - truth[i]);
            Assert.True(error <= (bytes.Scale * 0.501) + 1e-7, $"element {i}: off by {error}, the 8-bit step is {bytes.Scale}");
            Assert.True(error <= (Math.Abs(scales[i / 32]) * 0.501) + 1e-7, $"element {i}: off by {error}, the 4-bit step is {scales[i / 32]}");
        }

        for (var block = 0; block < truth.Length / 32; block++)
        {
            var largest = truth.AsSpan(block * 32, 32).ToArray().Select((value, place) => (value, place)).MaxBy(pair => Math.Abs(pair.value));
            if (IsOnlyExtreme(nibbles, block))
            {
                Assert.Equal(largest.value, values[(block * 32) + largest.place], 1e-6);
            }
        }

        Assert.InRange(exact, 1, truth.Length / 32);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Copies_of_different_matrices_are_refused()
    {
        var (nibbles, scales) = ToNibbles(Truth(2));

        var fault = Assert.Throws<GraftException>(() => QuantizationCells.Intersect(ToBytes(Truth(1)), nibbles, scales, Rows, Columns, "encoder.w"));

        Assert.Contains("copies of 'encoder.w' disagree", fault.Message, StringComparison.Ordinal);
    }

    private static float[] Truth(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, Rows * Columns).Select(_ => (float)((random.NextDouble() + random.NextDouble() - 1) * 0.3))];
    }

    private static TfjsTensor ToBytes(float[] truth)
    {
        var (low, high) = ((double)truth.Min(), (double)truth.Max());
        var scale = (high - low) / 255;
        var codes = new byte[truth.Length];
        for (var i = 0; i < truth.Length; i++)
        {
            codes[((i % Columns) * Rows) + (i / Columns)] = (byte)Math.Clamp(Math.Round((truth[i] - low) / scale), 0, 255);
        }

        return new TfjsTensor("w", [Columns, Rows], scale, low, codes);
    }

    private static (byte[] Nibbles, float[] Scales) ToNibbles(float[] truth)
    {
        var nibbles = new byte[truth.Length / 2];
        var scales = new float[truth.Length / 32];
        for (var i = 0; i < truth.Length; i++)
        {
            if (i % 32 == 0)
            {
                scales[i / 32] = truth.AsSpan(i, 32).ToArray().MaxBy(Math.Abs) / -8;
            }

            var code = (int)Math.Clamp(Math.Round(truth[i] / scales[i / 32]) + 8, 0, 15);
            nibbles[i / 2] |= (byte)(i % 2 == 0 ? code : code << 4);
        }

        return (nibbles, scales);
    }

    private static bool IsOnlyExtreme(byte[] nibbles, int block) => nibbles.AsSpan(block * 16, 16).ToArray().Sum(pair => ((pair & 15) == 0 ? 1 : 0) + (pair >> 4 == 0 ? 1 : 0)) == 1;
}
