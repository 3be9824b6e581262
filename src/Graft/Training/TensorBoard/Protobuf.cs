using Google.Protobuf;

namespace Graft.Training.TensorBoard;

/// <summary>Messages in protobuf's wire format, field by field; as in proto3 a field of its default value may be left out. Stateless and thread-safe.</summary>
internal static class Protobuf
{
    /// <summary>The bytes of a message.</summary>
    /// <param name="write">Writes its fields.</param>
    public static byte[] Message(Action<CodedOutputStream> write)
    {
        using var bytes = new MemoryStream();
        using (var output = new CodedOutputStream(bytes, leaveOpen: true))
        {
            write(output);
        }

        return bytes.ToArray();
    }

    /// <summary>Writes a message as a field of another.</summary>
    public static void WriteMessage(this CodedOutputStream output, int field, Action<CodedOutputStream> write) => output.WriteBytes(field, Message(write));

    /// <summary>Writes bytes as a field.</summary>
    public static void WriteBytes(this CodedOutputStream output, int field, byte[] bytes)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(ByteString.CopyFrom(bytes));
    }

    /// <summary>Writes a text as a field.</summary>
    public static void WriteText(this CodedOutputStream output, int field, string text)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteString(text);
    }

    /// <summary>Writes a whole number or a choice as a field.</summary>
    public static void WriteWhole(this CodedOutputStream output, int field, long number)
    {
        output.WriteTag(field, WireFormat.WireType.Varint);
        output.WriteInt64(number);
    }

    /// <summary>Writes a number of 64 bits as a field.</summary>
    public static void WriteNumber(this CodedOutputStream output, int field, double number)
    {
        output.WriteTag(field, WireFormat.WireType.Fixed64);
        output.WriteDouble(number);
    }

    /// <summary>Writes a number of 32 bits as a field.</summary>
    public static void WriteNumber(this CodedOutputStream output, int field, float number)
    {
        output.WriteTag(field, WireFormat.WireType.Fixed32);
        output.WriteFloat(number);
    }
}
