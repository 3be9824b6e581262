using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Graft.Formats.Sources;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Formats.Sources;

public sealed class TfjsWeightsTests
{
    private const string Manifest = """
        {"format": "graph-model", "weightsManifest": [{"paths": ["a.bin", "b.bin"], "weights": [
          {"name": "flag", "shape": [], "dtype": "bool"},
          {"name": "count", "shape": [2], "dtype": "int32"},
          {"name": "matrix", "shape": [2, 3], "dtype": "float32", "quantization": {"dtype": "uint8", "scale": 0.5, "min": -1.0}},
          {"name": "gain", "shape": [2], "dtype": "float32", "quantization": {"dtype": "uint8", "scale": 0.1, "min": -0.0}}]}]}
        """;

    private static readonly byte[] s_data = [1, 9, 9, 9, 9, 9, 9, 9, 9, 0, 1, 2, 3, 4, 255, 0, 7];

    [Fact]
    public void Values_are_read_over_shards_and_odd_offsets_and_matrices_transposed()
    {
        var weights = Read(Encoding.UTF8.GetBytes(Manifest), s_data);
        var matrix = weights.Get("matrix", 2, 3);
        var (straight, transposed, gain) = (new float[6], new float[6], new float[2]);

        matrix.Dequantize(straight, transposed: false);
        matrix.Dequantize(transposed, transposed: true);
        weights.Get("gain", 2).Dequantize(gain, transposed: false);

        Assert.Equal([-1f, -0.5f, 0f, 0.5f, 1f, 126.5f], straight);
        Assert.Equal([-1f, 0.5f, -0.5f, 1f, 0f, 126.5f], transposed);
        Assert.Equal([0f, (float)(7 * 0.1)], gain);
        Assert.Equal((4, 2), (weights.Entries, weights.Tensors.Count));
    }

    [Theory]
    [InlineData("\"shape\": [2, 3]", "\"shape\": [3, 3]")]
    [InlineData("\"shape\": [2, 3]", "\"shape\": [2, 2]")]
    [InlineData("\"shape\": [2, 3]", "\"shape\": [-1, 3]")]
    [InlineData("\"shape\": [2, 3]", "\"shape\": [4611686018427387904, 16]")]
    [InlineData("\"uint8\", \"scale\": 0.5", "\"uint4\", \"scale\": 0.5")]
    [InlineData("\"weightsManifest\"", "\"weights\"")]
    [InlineData("\"scale\": 0.5", "\"scale\": \"x\"")]
    public void A_manifest_that_does_not_fit_is_refused(string before, string after)
    {
        var manifest = Manifest.Replace(before, after, StringComparison.Ordinal);

        Assert.Throws<GraftException>(() => Read(Encoding.UTF8.GetBytes(manifest), s_data));
    }

    [Fact]
    public void A_tensor_that_is_missing_or_misshapen_is_named()
    {
        var weights = Read(Encoding.UTF8.GetBytes(Manifest), s_data);

        Assert.Contains("'other'", Assert.Throws<GraftException>(() => weights.Get("other", 1)).Message, StringComparison.Ordinal);
        Assert.Contains("[2, 3], expected [3, 2]", Assert.Throws<GraftException>(() => weights.Get("matrix", 3, 2)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Damage_anywhere_is_a_clear_error_or_harmless() =>
        Prop.ForAll(Damage.Of(Encoding.UTF8.GetBytes(Manifest)).ToArbitrary(), Damage.Of(s_data).ToArbitrary(), (manifest, data) => Damage.Allows(() => Read(manifest, data)))
            .QuickCheckThrowOnFailure();

    private static TfjsWeights Read(byte[] manifest, byte[] data) => TfjsWeights.Read(manifest, name => name == "a.bin" ? data.AsMemory(0, Math.Min(11, data.Length)) : data.AsMemory(Math.Min(11, data.Length)));
}
