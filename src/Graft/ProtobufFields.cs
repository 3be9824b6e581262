using Graft.Torch;

namespace Graft;

/// <summary>Walks the fields of one protobuf message without a schema: number, and an integer or a run of bytes. One thread.</summary>
/// <param name="message">The message.</param>
/// <param name="file">What errors call the file.</param>
internal ref struct ProtobufFields(ReadOnlyMemory<byte> message, string file = "The ONNX file")
{
    private readonly ReadOnlyMemory<byte> _message = message;
    private readonly string _file = file;
    private int _position;

    /// <summary>Number of the current field.</summary>
    public int Number { get; private set; }

    /// <summary>True when the current field is an integer (a varint), false when it is a run of bytes.</summary>
    public bool IsInteger { get; private set; }

    /// <summary>The current field's integer.</summary>
    public long Integer { get; private set; }

    /// <summary>The current field's bytes (a string, a message, packed or fixed-width numbers).</summary>
    public ReadOnlyMemory<byte> Bytes { get; private set; }

    /// <summary>Moves to the next field; false at the end.</summary>
    /// <exception cref="GraftException">The message is truncated or malformed.</exception>
    public bool Next()
    {
        if (_position == _message.Length)
        {
            return false;
        }

        var key = ReadVarint();
        Number = (int)(key >> 3) & 0x1FFFFFFF;
        IsInteger = (key & 7) == 0;
        Integer = 0;
        Bytes = default;
        switch (key & 7)
        {
            case 0:
                Integer = (long)ReadVarint();
                break;
            case 1:
                Bytes = Take(8);
                break;
            case 2:
                Bytes = Take(ReadVarint());
                break;
            case 5:
                Bytes = Take(4);
                break;
            default:
                throw Malformed();
        }

        return true;
    }

    /// <summary>The integers packed into a run of bytes.</summary>
    /// <exception cref="GraftException">The run is truncated.</exception>
    public static IEnumerable<long> Unpack(ReadOnlyMemory<byte> packed)
    {
        var values = new List<long>();
        var fields = new ProtobufFields(packed);
        while (fields._position < packed.Length)
        {
            values.Add((long)fields.ReadVarint());
        }

        return values;
    }

    private ReadOnlyMemory<byte> Take(ulong count)
    {
        if (count > (ulong)(_message.Length - _position))
        {
            throw Malformed();
        }

        var bytes = _message.Slice(_position, (int)count);
        _position += (int)count;
        return bytes;
    }

    private ulong ReadVarint()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (_position == _message.Length)
            {
                throw Malformed();
            }

            var part = _message.Span[_position++];
            value |= (ulong)(part & 127) << shift;
            if (part < 128)
            {
                return value;
            }
        }

        throw Malformed();
    }

    private readonly GraftException Malformed() =>
        new($"{_file} is damaged at byte {_position} of a message of {_message.Length} bytes; fetch it again.");
}
