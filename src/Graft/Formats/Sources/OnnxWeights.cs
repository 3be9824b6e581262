using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Graft.Torch;

namespace Graft.Formats.Sources;

/// <summary>A constant tensor of an ONNX file: float32 or uint8, its bytes as stored. Immutable.</summary>
internal sealed record OnnxTensor(string Name, IReadOnlyList<long> Shape, bool IsFloat, ReadOnlyMemory<byte> Data)
{
    /// <summary>The values of a float32 tensor, in row-major order.</summary>
    public ReadOnlySpan<float> Floats => MemoryMarshal.Cast<byte, float>(Data.Span);
}

/// <summary>A node of an ONNX graph: operator, names of its inputs, its integer attributes. Immutable.</summary>
internal sealed record OnnxNode(string Operator, IReadOnlyList<string> Inputs, IReadOnlyDictionary<string, long> Integers);

/// <summary>
/// The constant tensors and nodes of an ONNX model, read by a minimal walk of its protobuf. Immutable, thread-safe.
/// </summary>
internal sealed class OnnxWeights
{
    private const int FloatType = 1, ByteType = 2;

    private OnnxWeights(IReadOnlyDictionary<string, OnnxTensor> tensors, IReadOnlyList<OnnxNode> nodes) => (Tensors, Nodes) = (tensors, nodes);

    /// <summary>The float32 and uint8 constants by name.</summary>
    public IReadOnlyDictionary<string, OnnxTensor> Tensors { get; }

    /// <summary>The nodes in file order.</summary>
    public IReadOnlyList<OnnxNode> Nodes { get; }

    /// <summary>Reads a model.</summary>
    /// <param name="model">The .onnx file.</param>
    /// <param name="external">Gives the bytes of a data file by the name in the model.</param>
    /// <exception cref="GraftException">The file is damaged, or a tensor lies outside its data file.</exception>
    public static OnnxWeights Read(ReadOnlyMemory<byte> model, Func<string, ReadOnlyMemory<byte>> external)
    {
        var tensors = new Dictionary<string, OnnxTensor>(StringComparer.Ordinal);
        var nodes = new List<OnnxNode>();
        var top = new ProtobufFields(model);
        while (top.Next())
        {
            if (top is { Number: 7, IsInteger: false })
            {
                ReadGraph(top.Bytes, external, tensors, nodes);
            }
        }

        return new OnnxWeights(tensors, nodes);
    }

    /// <summary>A constant by name, with the shape it must have.</summary>
    /// <exception cref="GraftException">It is missing, or of another type or shape.</exception>
    public OnnxTensor Get(string name, bool isFloat, params ReadOnlySpan<long> shape)
    {
        if (!Tensors.TryGetValue(name, out var tensor))
        {
            throw new GraftException($"The ONNX file lacks the tensor '{name}'; it is not the model that was expected.");
        }

        return tensor.IsFloat == isFloat && shape.SequenceEqual(tensor.Shape.ToArray())
            ? tensor
            : throw new GraftException(
                $"The ONNX tensor '{name}' is {(tensor.IsFloat ? "float32" : "uint8")} [{string.Join(", ", tensor.Shape)}], expected {(isFloat ? "float32" : "uint8")} [{string.Join(", ", shape.ToArray())}]; it is not the model that was expected.");
    }

    private static void ReadGraph(ReadOnlyMemory<byte> graph, Func<string, ReadOnlyMemory<byte>> external, Dictionary<string, OnnxTensor> tensors, List<OnnxNode> nodes)
    {
        var fields = new ProtobufFields(graph);
        while (fields.Next())
        {
            if (fields.IsInteger)
            {
                continue;
            }

            if (fields.Number == 1)
            {
                nodes.Add(ReadNode(fields.Bytes));
            }
            else if (fields.Number == 5 && ReadTensor(fields.Bytes, external) is { } tensor)
            {
                tensors[tensor.Name] = tensor;
            }
        }
    }

    private static OnnxTensor? ReadTensor(ReadOnlyMemory<byte> message, Func<string, ReadOnlyMemory<byte>> external)
    {
        var shape = new List<long>();
        var type = 0L;
        var name = "";
        ReadOnlyMemory<byte> data = default;
        var place = new Dictionary<string, string>(StringComparer.Ordinal);
        var fields = new ProtobufFields(message);
        while (fields.Next())
        {
            switch (fields.Number)
            {
                case 1 when fields.IsInteger:
                    shape.Add(fields.Integer);
                    break;
                case 1:
                    shape.AddRange(ProtobufFields.Unpack(fields.Bytes));
                    break;
                case 2:
                    type = fields.Integer;
                    break;
                case 8:
                    name = Text(fields.Bytes);
                    break;
                case 9:
                    data = fields.Bytes;
                    break;
                case 13:
                    var (key, value) = ReadPair(fields.Bytes);
                    place[key] = value;
                    break;
            }
        }

        if (type is not (FloatType or ByteType))
        {
            return null;
        }

        if (place.TryGetValue("location", out var location))
        {
            data = Slice(name, external(location), place);
        }

        return data.Length == Bytes(name, shape, type == FloatType ? 4 : 1)
            ? new OnnxTensor(name, shape, type == FloatType, data)
            : throw new GraftException($"The ONNX tensor '{name}' of shape [{string.Join(", ", shape)}] holds {data.Length} bytes, which do not fit; fetch the file again.");
    }

    private static ReadOnlyMemory<byte> Slice(string name, ReadOnlyMemory<byte> file, Dictionary<string, string> place)
    {
        var offset = Number("offset", 0);
        var length = Number("length", file.Length - offset);
        return offset >= 0 && length >= 0 && offset <= file.Length && length <= file.Length - offset
            ? file.Slice((int)offset, (int)length)
            : throw new GraftException($"The ONNX tensor '{name}' lies at byte {offset} + {length} of a data file of {file.Length} bytes; fetch the file again.");

        long Number(string key, long absent) =>
            !place.TryGetValue(key, out var text) ? absent
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value
            : throw new GraftException($"The ONNX tensor '{name}' has the {key} '{text}', expected a number; fetch the file again.");
    }

    private static long Bytes(string name, List<long> shape, long size)
    {
        foreach (var extent in shape)
        {
            if (extent < 0 || (extent > 0 && size > int.MaxValue / extent))
            {
                throw new GraftException($"The ONNX tensor '{name}' has the impossible shape [{string.Join(", ", shape)}]; fetch the file again.");
            }

            size *= extent;
        }

        return size;
    }

    private static OnnxNode ReadNode(ReadOnlyMemory<byte> message)
    {
        var inputs = new List<string>();
        var name = "";
        var integers = new Dictionary<string, long>(StringComparer.Ordinal);
        var fields = new ProtobufFields(message);
        while (fields.Next())
        {
            switch (fields.Number)
            {
                case 1:
                    inputs.Add(Text(fields.Bytes));
                    break;
                case 4:
                    name = Text(fields.Bytes);
                    break;
                case 5:
                    ReadAttribute(fields.Bytes, integers);
                    break;
            }
        }

        return new OnnxNode(name, inputs, integers);
    }

    private static void ReadAttribute(ReadOnlyMemory<byte> message, Dictionary<string, long> integers)
    {
        var name = "";
        long? value = null;
        var fields = new ProtobufFields(message);
        while (fields.Next())
        {
            if (fields.Number == 1)
            {
                name = Text(fields.Bytes);
            }
            else if (fields is { Number: 3, IsInteger: true })
            {
                value = fields.Integer;
            }
        }

        if (value is { } integer)
        {
            integers[name] = integer;
        }
    }

    private static (string Key, string Value) ReadPair(ReadOnlyMemory<byte> message)
    {
        string key = "", value = "";
        var fields = new ProtobufFields(message);
        while (fields.Next())
        {
            if (fields.Number == 1)
            {
                key = Text(fields.Bytes);
            }
            else if (fields.Number == 2)
            {
                value = Text(fields.Bytes);
            }
        }

        return (key, value);
    }

    private static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);
}
