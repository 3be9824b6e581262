using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Graft.Torch;

/// <summary>One tensor to be written, whose bytes are produced when their turn comes.</summary>
/// <param name="Key">The name.</param>
/// <param name="DType">The element type.</param>
/// <param name="Shape">The sizes of the dimensions.</param>
/// <param name="WriteBytes">Writes exactly the tensor's bytes, row by row, little-endian.</param>
public sealed record SafetensorsEntry(string Key, DType DType, long[] Shape, Action<Stream> WriteBytes)
{
    /// <summary>An entry that writes a tensor, converted to nothing: its own type, from any device.</summary>
    /// <param name="key">The name.</param>
    /// <param name="tensor">[...], borrowed until the file is written.</param>
    /// <returns>The entry.</returns>
    public static SafetensorsEntry From(string key, Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return new(key, tensor.DType, tensor.Shape.ToArray(), stream => Copy(tensor, stream));
    }

    private static unsafe void Copy(Tensor tensor, Stream stream)
    {
        using var scope = new TensorScope();
        var source = tensor.Detach().To(Device.Cpu).Contiguous();
        NativeBytes.Write(stream, (byte*)source.DataPointer(), source.Count * source.DType.SizeOf());
    }
}

/// <summary>Writes safetensors files: keys in ordinal order, one tensor in memory at a time, atomically. Thread-safe.</summary>
public static class SafetensorsWriter
{
    private static readonly JsonWriterOptions s_json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes a file under a temporary name, flushes it and renames it.</summary>
    /// <param name="path">The file; an existing one is replaced.</param>
    /// <param name="entries">The tensors.</param>
    /// <param name="metadata">Texts to store beside them.</param>
    /// <exception cref="GraftException">The disk is full or the folder cannot be written; nothing half-written stays behind.</exception>
    /// <exception cref="ArgumentException">Two entries have one key, a key is reserved, or an entry wrote too few or too many bytes.</exception>
    public static void Write(string path, IEnumerable<SafetensorsEntry> entries, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(entries);
        var ordered = entries.OrderBy(entry => entry.Key, StringComparer.Ordinal).ToList();
        for (var i = 0; i < ordered.Count; i++)
        {
            var key = ordered[i].Key;
            if (key == SafetensorsHeader.MetadataKey) throw new ArgumentException($"'{key}' is no name for a tensor.", nameof(entries));
            if (i > 0 && key == ordered[i - 1].Key) throw new ArgumentException($"Two tensors are called '{key}'.", nameof(entries));
        }

        AtomicFile.Write(path, stream => WriteAll(stream, ordered, metadata));
    }

    private static void WriteAll(Stream stream, List<SafetensorsEntry> entries, IReadOnlyDictionary<string, string>? metadata)
    {
        var header = Header(entries, metadata);
        Span<byte> length = stackalloc byte[SafetensorsHeader.LengthBytes];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (var entry in entries)
        {
            var before = stream.Position;
            entry.WriteBytes(stream);
            var written = stream.Position - before;
            if (written != SizeOf(entry))
            {
                throw new ArgumentException($"The tensor '{entry.Key}' has {SizeOf(entry)} bytes, and {written} were written.", nameof(entries));
            }
        }
    }

    private static long SizeOf(SafetensorsEntry entry)
    {
        var size = (long)entry.DType.SizeOf();
        foreach (var dimension in entry.Shape) size = checked(size * dimension);
        return size;
    }

    /// <summary>The JSON object, padded by blanks so that the data begins at a multiple of 8.</summary>
    private static byte[] Header(List<SafetensorsEntry> entries, IReadOnlyDictionary<string, string>? metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, s_json))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject(SafetensorsHeader.MetadataKey);
                foreach (var (key, value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal)) json.WriteString(key, value);
                json.WriteEndObject();
            }

            var next = 0L;
            foreach (var entry in entries)
            {
                json.WriteStartObject(entry.Key);
                json.WriteString("dtype", SafetensorsHeader.NameOf(entry.DType));
                json.WriteStartArray("shape");
                foreach (var size in entry.Shape) json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(next);
                next += SizeOf(entry);
                json.WriteNumberValue(next);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        while (buffer.Length % 8 != 0) buffer.WriteByte((byte)' ');
        return buffer.ToArray();
    }
}
