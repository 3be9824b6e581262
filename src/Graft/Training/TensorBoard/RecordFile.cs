using System.Buffers.Binary;
using System.Numerics;

namespace Graft.Training.TensorBoard;

/// <summary>
/// TensorFlow's record framing: the length as 8 bytes little-endian, its checksum, the data, its checksum; a checksum is the masked
/// CRC-32C <c>rotate right by 15, + 0xA282EAD8</c> (tensorflow/core/lib/io/record_writer.h). Stateless and thread-safe.
/// </summary>
internal static class RecordFile
{
    /// <summary>Appends a record.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="data">The record.</param>
    public static void Write(Stream stream, ReadOnlySpan<byte> data)
    {
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)data.Length);
        stream.Write(length);
        WriteChecksum(stream, length);
        stream.Write(data);
        WriteChecksum(stream, data);
    }

    /// <summary>The masked CRC-32C of bytes.</summary>
    /// <param name="data">The bytes.</param>
    public static uint MaskedChecksum(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var value in data)
        {
            crc = BitOperations.Crc32C(crc, value);
        }

        return BitOperations.RotateRight(~crc, 15) + 0xA282EAD8;
    }

    private static void WriteChecksum(Stream stream, ReadOnlySpan<byte> data)
    {
        Span<byte> checksum = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(checksum, MaskedChecksum(data));
        stream.Write(checksum);
    }
}
