using System.Buffers.Binary;
using System.Text;

namespace Graft.Tests.Training;

/// <summary>A field of a protobuf message, in the bytes it came as; written for these tests from the formats' descriptions alone.</summary>
internal sealed record WireField(int Number, byte[] Bytes)
{
    public string Text => Encoding.UTF8.GetString(Bytes);

    public double Double => BinaryPrimitives.ReadDoubleLittleEndian(Bytes);

    public float Float => BinaryPrimitives.ReadSingleLittleEndian(Bytes);

    public IReadOnlyList<WireField> Message => Parse(Bytes);

    public static IReadOnlyList<WireField> Parse(byte[] message)
    {
        List<WireField> fields = [];
        for (var at = 0; at < message.Length;)
        {
            var key = Varint(message, ref at);
            var length = (key & 7) switch
            {
                0 => -1,
                1 => 8,
                2 => (int)Varint(message, ref at),
                5 => 4,
                _ => throw new InvalidDataException($"wire type {key & 7}"),
            };
            var bytes = length < 0 ? BitConverter.GetBytes(Varint(message, ref at)) : message[at..(at + length)];
            at += Math.Max(length, 0);
            fields.Add(new WireField((int)(key >> 3), bytes));
        }

        return fields;
    }

    private static ulong Varint(byte[] bytes, ref int at)
    {
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var next = bytes[at++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }
    }
}

/// <summary>The records of an event file, checksums checked by the polynomial, bit by bit.</summary>
internal static class EventFile
{
    public static IReadOnlyList<IReadOnlyList<WireField>> Read(byte[] file)
    {
        List<IReadOnlyList<WireField>> events = [];
        for (var at = 0; at < file.Length;)
        {
            var length = (int)BinaryPrimitives.ReadInt64LittleEndian(file.AsSpan(at));
            Check(file.AsSpan(at, 8), file.AsSpan(at + 8, 4));
            Check(file.AsSpan(at + 12, length), file.AsSpan(at + 12 + length, 4));
            events.Add(WireField.Parse(file[(at + 12)..(at + 12 + length)]));
            at += 16 + length;
        }

        return events;
    }

    public static uint Crc32C(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var value in data)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) == 1 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
            }
        }

        return ~crc;
    }

    private static void Check(ReadOnlySpan<byte> data, ReadOnlySpan<byte> expected)
    {
        var crc = Crc32C(data);
        var masked = ((crc >> 15) | (crc << 17)) + 0xA282EAD8;
        if (masked != BinaryPrimitives.ReadUInt32LittleEndian(expected))
        {
            throw new InvalidDataException("a checksum is wrong");
        }
    }
}
