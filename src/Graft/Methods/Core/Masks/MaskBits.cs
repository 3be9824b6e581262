using Graft.Torch;

namespace Graft.Methods.Core.Masks;

/// <summary>
/// Masks as bits: entry i of a row, counted row by row, is bit i mod 8 of byte i / 8, the lowest bit first; a row's last byte is filled with
/// zeros. Stateless and thread-safe.
/// </summary>
internal static class MaskBits
{
    private const int BitsPerByte = 8;

    /// <summary>The bytes of a row.</summary>
    /// <param name="entries">The entries of a row.</param>
    public static long Bytes(long entries) => (entries + BitsPerByte - 1) / BitsPerByte;

    /// <summary>Packs masks.</summary>
    /// <param name="masks">[N, entries], floating zeros and ones.</param>
    /// <returns>[N, bytes], uint8.</returns>
    public static Tensor Pack(Tensor masks)
    {
        var (rows, entries) = (masks.Size(0), masks.Size(1));
        var bytes = Bytes(entries);
        var whole = Tensor.Zeros([rows, bytes * BitsPerByte], DType.Float32, masks.Device);
        whole.Narrow(1, 0, entries).Copy_(masks);
        return (whole.View(rows, bytes, BitsPerByte) * Weights(DType.Float32, masks.Device)).Sum(2).To(DType.UInt8);
    }

    /// <summary>Unpacks masks.</summary>
    /// <param name="bits">[N, bytes], uint8.</param>
    /// <param name="entries">The entries of a row.</param>
    /// <param name="dtype">The type of the result.</param>
    /// <returns>[N, entries], zeros and ones.</returns>
    public static Tensor Unpack(Tensor bits, long entries, DType dtype) =>
        bits.Unsqueeze(2).BitAnd(Weights(DType.UInt8, bits.Device)).Ne(0).Flatten(1).Narrow(1, 0, entries).To(dtype);

    private static Tensor Weights(DType dtype, Device device) =>
        Tensor.From<float>([1, 2, 4, 8, 16, 32, 64, 128], BitsPerByte).To(dtype).To(device);
}
