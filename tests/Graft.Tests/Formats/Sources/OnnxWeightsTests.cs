using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Graft.Formats.Sources;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Formats.Sources;

public sealed class OnnxWeightsTests
{
    private static readonly byte[] s_external = [99, 0, 0, 128, 63, 0, 0, 0, 64]; // one byte, then 1 and 2 as float32

    private static readonly byte[] s_model = Message(7, [
        .. Message(1, [.. Text(1, "x"), .. Text(1, "codes"), .. Text(1, "scales"), .. Text(4, "MatMulNBits"), .. Message(5, [.. Text(1, "bits"), .. Integer(3, 4), .. Integer(20, 2)])]),
        .. Message(5, [.. Integer(1, 2), .. Integer(1, 1), .. Integer(2, 1), .. Text(8, "scales"), .. Integer(14, 1),
            .. Message(13, [.. Text(1, "location"), .. Text(2, "data")]), .. Message(13, [.. Text(1, "offset"), .. Text(2, "1")]), .. Message(13, [.. Text(1, "length"), .. Text(2, "8")])]),
        .. Message(5, [.. Message(1, [3]), .. Integer(2, 2), .. Text(8, "codes"), .. Message(9, [10, 20, 30])]),
        .. Message(5, [.. Integer(1, 1), .. Integer(2, 7), .. Text(8, "integers"), .. Message(9, [1, 0, 0, 0, 0, 0, 0, 0])]),
    ]);

    [Fact]
    public void Tensors_inside_and_outside_the_file_and_nodes_are_read()
    {
        var weights = Read(s_model, s_external);

        Assert.Equal([1f, 2f], weights.Get("scales", isFloat: true, 2, 1).Floats.ToArray());
        Assert.Equal([10, 20, 30], weights.Get("codes", isFloat: false, 3).Data.ToArray());
        Assert.DoesNotContain("integers", weights.Tensors.Keys);
        var node = Assert.Single(weights.Nodes);
        Assert.Equal(("MatMulNBits", 3, 4L), (node.Operator, node.Inputs.Count, node.Integers["bits"]));
    }

    [Fact]
    public void A_tensor_that_is_missing_or_misshapen_is_named()
    {
        var weights = Read(s_model, s_external);

        Assert.Contains("'other'", Assert.Throws<GraftException>(() => weights.Get("other", isFloat: true, 1)).Message, StringComparison.Ordinal);
        Assert.Contains("expected uint8 [2]", Assert.Throws<GraftException>(() => weights.Get("scales", isFloat: false, 2)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_data_file_that_is_too_short_is_an_error() =>
        Assert.Contains("'scales' lies at byte 1 + 8", Assert.Throws<GraftException>(() => Read(s_model, s_external[..8])).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(new byte[] { 0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01 })]
    [InlineData(new byte[] { 0x3A, 0x05, 0x00 })]
    [InlineData(new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF })]
    [InlineData(new byte[] { 0x3B })]
    [InlineData(new byte[] { 0x3D, 0x00 })]
    public void A_malformed_message_is_an_error(byte[] model) => Assert.Throws<GraftException>(() => Read(model, s_external));

    [Fact]
    public void Damage_anywhere_is_a_clear_error_or_harmless() =>
        Prop.ForAll(Damage.Of(s_model).ToArbitrary(), damaged => Damage.Allows(() => Read(damaged, s_external))).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));

    private static OnnxWeights Read(byte[] model, byte[] external) => OnnxWeights.Read(model, _ => external);

    private static byte[] Integer(int field, byte value) => [.. Varint(field << 3), value];

    private static byte[] Text(int field, string text) => Message(field, Encoding.UTF8.GetBytes(text));

    private static byte[] Message(int field, byte[] content) => [.. Varint((field << 3) | 2), .. Varint(content.Length), .. content];

    private static byte[] Varint(int value) => value < 128 ? [(byte)value] : [(byte)(value | 128), .. Varint(value >> 7)];
}
