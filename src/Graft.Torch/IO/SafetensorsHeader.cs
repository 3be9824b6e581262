using System.Text.Json;

namespace Graft.Torch;

/// <summary>Where one tensor of a safetensors file is. Immutable; nobody changes the shape.</summary>
/// <param name="DType">The element type.</param>
/// <param name="Shape">The sizes of the dimensions.</param>
/// <param name="Begin">The first byte, counted from the end of the header.</param>
/// <param name="End">The byte after the last.</param>
public sealed record TensorInfo(DType DType, long[] Shape, long Begin, long End)
{
    /// <summary>The number of elements.</summary>
    public long Count => (End - Begin) / DType.SizeOf();
}

/// <summary>Reads and checks the header of a safetensors file: 8 bytes of length, then a JSON object.</summary>
internal sealed class SafetensorsHeader
{
    internal const int LengthBytes = 8;
    internal const long LargestHeader = 100_000_000;
    internal const string MetadataKey = "__metadata__";

    private readonly string _path;
    private readonly long _dataBytes;

    private SafetensorsHeader(string path, long dataBytes)
    {
        _path = path;
        _dataBytes = dataBytes;
    }

    internal Dictionary<string, TensorInfo> Tensors { get; } = new(StringComparer.Ordinal);

    internal Dictionary<string, string> Metadata { get; } = new(StringComparer.Ordinal);

    /// <summary>Checks a header's claimed length against the file.</summary>
    internal static int CheckLength(string path, ulong claimed, long fileBytes)
    {
        if (claimed > LargestHeader || (long)claimed > fileBytes - LengthBytes)
        {
            throw Refuse(path, $"its header claims {claimed} bytes and the file has {fileBytes}");
        }

        return (int)claimed;
    }

    internal static SafetensorsHeader Parse(string path, ReadOnlySpan<byte> json, long dataBytes)
    {
        var header = new SafetensorsHeader(path, dataBytes);
        try
        {
            header.ReadAll(json);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new GraftException($"'{path}' is no safetensors file: its header is not the JSON that was expected; get the file again.", e);
        }

        header.CheckLayout();
        return header;
    }

    internal static GraftException Refuse(string path, string reason) =>
        new($"'{path}' is damaged or no safetensors file: {reason}; get the file again.");

    internal static string NameOf(DType dtype) => dtype switch
    {
        DType.Float32 => "F32",
        DType.Float64 => "F64",
        DType.BFloat16 => "BF16",
        DType.Float16 => "F16",
        DType.Int64 => "I64",
        DType.Int32 => "I32",
        DType.UInt8 => "U8",
        _ => "BOOL",
    };

    private static DType? DTypeOf(string name) => name switch
    {
        "F32" => DType.Float32,
        "F64" => DType.Float64,
        "BF16" => DType.BFloat16,
        "F16" => DType.Float16,
        "I64" => DType.Int64,
        "I32" => DType.Int32,
        "U8" => DType.UInt8,
        "BOOL" => DType.Bool,
        _ => null,
    };

    private static void Expect(ref Utf8JsonReader reader, JsonTokenType type)
    {
        if (!reader.Read() || reader.TokenType != type) throw new JsonException($"Expected {type}, found {reader.TokenType}.");
    }

    private void ReadAll(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 8 });
        Expect(ref reader, JsonTokenType.StartObject);
        var hasMetadata = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            if (key == MetadataKey)
            {
                if (hasMetadata) throw Refuse(_path, $"'{MetadataKey}' occurs twice");
                hasMetadata = true;
                ReadMetadata(ref reader);
            }
            else if (!Tensors.TryAdd(key, ReadTensor(ref reader, key)))
            {
                throw Refuse(_path, $"the tensor '{key}' occurs twice");
            }
        }

        // Reading on finds what follows the object; blanks are allowed there and nothing else.
        if (reader.TokenType != JsonTokenType.EndObject || reader.Read()) throw new JsonException("The header goes on after its object.");
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        Expect(ref reader, JsonTokenType.StartObject);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            Expect(ref reader, JsonTokenType.String);
            Metadata[key] = reader.GetString()!;
        }
    }

    private TensorInfo ReadTensor(ref Utf8JsonReader reader, string key)
    {
        string? dtype = null;
        List<long>? shape = null;
        List<long>? offsets = null;
        Expect(ref reader, JsonTokenType.StartObject);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var field = reader.GetString();
            if (field == "dtype" && dtype is null)
            {
                Expect(ref reader, JsonTokenType.String);
                dtype = reader.GetString();
            }
            else if (field == "shape" && shape is null)
            {
                shape = ReadNumbers(ref reader, key);
            }
            else if (field == "data_offsets" && offsets is null)
            {
                offsets = ReadNumbers(ref reader, key);
            }
            else
            {
                throw Refuse(_path, $"the tensor '{key}' has an unexpected or repeated field '{field}'");
            }
        }

        if (dtype is null || shape is null || offsets is not { Count: 2 }) throw Refuse(_path, $"the tensor '{key}' lacks dtype, shape or data_offsets");
        return Check(key, dtype, shape, offsets[0], offsets[1]);
    }

    private List<long> ReadNumbers(ref Utf8JsonReader reader, string key)
    {
        var numbers = new List<long>();
        Expect(ref reader, JsonTokenType.StartArray);
        while (reader.Read() && reader.TokenType == JsonTokenType.Number)
        {
            if (!reader.TryGetInt64(out var number) || number < 0) throw Refuse(_path, $"the tensor '{key}' has a size or offset that is no count");
            numbers.Add(number);
        }

        if (reader.TokenType != JsonTokenType.EndArray) throw new JsonException("Expected the end of a list.");
        return numbers;
    }

    private TensorInfo Check(string key, string dtypeName, List<long> shape, long begin, long end)
    {
        if (DTypeOf(dtypeName) is not { } dtype)
        {
            throw new GraftException(
                $"The tensor '{key}' of '{_path}' has the element type '{dtypeName}', which Graft cannot hold; convert the file to F32, F64, BF16, F16, I64, I32, U8 or BOOL.");
        }

        if (begin > end || end > _dataBytes)
        {
            throw Refuse(_path, $"the tensor '{key}' lies at bytes {begin} to {end} and there are {_dataBytes} (the file may be truncated)");
        }

        // A shape whose product overflows cannot fit the file either.
        UInt128 bytes = (UInt128)dtype.SizeOf();
        foreach (var size in shape)
        {
            bytes = bytes > ulong.MaxValue && size > 0 ? bytes : bytes * (UInt128)size;
        }

        if (bytes != (UInt128)(end - begin))
        {
            throw Refuse(_path, $"the tensor '{key}' of shape [{string.Join(", ", shape)}] and type {dtypeName} needs {bytes} bytes and has {end - begin}");
        }

        return new TensorInfo(dtype, [.. shape], begin, end);
    }

    /// <summary>Every byte after the header belongs to exactly one tensor.</summary>
    private void CheckLayout()
    {
        var next = 0L;
        foreach (var (key, info) in Tensors.OrderBy(entry => entry.Value.Begin).ThenBy(entry => entry.Value.End))
        {
            if (info.Begin < next) throw Refuse(_path, $"the tensor '{key}' overlaps another");
            if (info.Begin > next) throw Refuse(_path, $"bytes {next} to {info.Begin} belong to no tensor");
            next = info.End;
        }

        if (next != _dataBytes) throw Refuse(_path, $"its tensors end at byte {next} and the data at {_dataBytes}");
    }
}
