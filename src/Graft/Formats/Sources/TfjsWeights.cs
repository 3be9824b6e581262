using System.Text.Json;
using Graft.Torch;

namespace Graft.Formats.Sources;

/// <summary>A tensor of a TensorFlow.js model stored in 8 bits: value = code * scale + minimum. Immutable.</summary>
internal sealed record TfjsTensor(string Name, IReadOnlyList<long> Shape, double Scale, double Minimum, ReadOnlyMemory<byte> Codes)
{
    /// <summary>Writes the values, rounded once from double to float32; <paramref name="transposed"/> swaps the two axes.</summary>
    public void Dequantize(Span<float> values, bool transposed)
    {
        var codes = Codes.Span;
        if (!transposed)
        {
            for (var i = 0; i < codes.Length; i++)
            {
                values[i] = (float)((codes[i] * Scale) + Minimum);
            }

            return;
        }

        var (rows, columns) = ((int)Shape[0], (int)Shape[1]);
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                values[(column * rows) + row] = (float)((codes[(row * columns) + column] * Scale) + Minimum);
            }
        }
    }
}

/// <summary>
/// The 8-bit tensors of a TensorFlow.js graph model, from its weights manifest: entries lie back to back, unaligned, in
/// manifest order. Immutable, thread-safe.
/// </summary>
internal sealed class TfjsWeights
{
    private readonly Dictionary<string, TfjsTensor> _tensors;

    private TfjsWeights(Dictionary<string, TfjsTensor> tensors, int entries) => (_tensors, Entries) = (tensors, entries);

    /// <summary>The 8-bit tensors by name.</summary>
    public IReadOnlyDictionary<string, TfjsTensor> Tensors => _tensors;

    /// <summary>How many entries the manifest has, integer constants included.</summary>
    public int Entries { get; }

    /// <summary>Reads a model.</summary>
    /// <param name="model">The model.json file.</param>
    /// <param name="shard">Gives the bytes of a weight file by the name in the manifest.</param>
    /// <exception cref="GraftException">The manifest is no graph model's, or does not fit its weight files.</exception>
    public static TfjsWeights Read(ReadOnlyMemory<byte> model, Func<string, ReadOnlyMemory<byte>> shard)
    {
        var tensors = new Dictionary<string, TfjsTensor>(StringComparer.Ordinal);
        var entries = 0;
        try
        {
            using var document = JsonDocument.Parse(model);
            foreach (var group in document.RootElement.GetProperty("weightsManifest").EnumerateArray())
            {
                var data = Concatenate([.. group.GetProperty("paths").EnumerateArray().Select(path => shard(path.GetString() ?? ""))]);
                var offset = 0;
                foreach (var entry in group.GetProperty("weights").EnumerateArray())
                {
                    offset += ReadEntry(entry, data[offset..], tensors);
                    entries++;
                }

                if (offset != data.Length)
                {
                    throw new GraftException($"The TensorFlow.js manifest describes {offset} bytes of weights, the files hold {data.Length}; fetch them again.");
                }
            }
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new GraftException($"The TensorFlow.js model.json has no weights manifest of the expected form ({fault.Message.TrimEnd('.')}); fetch it again.", fault);
        }

        return new TfjsWeights(tensors, entries);
    }

    /// <summary>A tensor by name, with the shape it must have.</summary>
    /// <exception cref="GraftException">It is missing or of another shape.</exception>
    public TfjsTensor Get(string name, params ReadOnlySpan<long> shape)
    {
        if (!_tensors.TryGetValue(name, out var tensor))
        {
            throw new GraftException($"The TensorFlow.js model lacks the tensor '{name}'; it is not the model that was expected.");
        }

        return shape.SequenceEqual(tensor.Shape.ToArray())
            ? tensor
            : throw new GraftException($"The TensorFlow.js tensor '{name}' is [{string.Join(", ", tensor.Shape)}], expected [{string.Join(", ", shape.ToArray())}]; it is not the model that was expected.");
    }

    private static int ReadEntry(JsonElement entry, ReadOnlyMemory<byte> data, Dictionary<string, TfjsTensor> tensors)
    {
        var name = entry.GetProperty("name").GetString() ?? "";
        long[] shape = [.. entry.GetProperty("shape").EnumerateArray().Select(extent => extent.GetInt64())];
        var isQuantized = entry.TryGetProperty("quantization", out var quantization);
        var type = (isQuantized ? quantization : entry).GetProperty("dtype").GetString();
        long bytes = type switch
        {
            "uint8" or "bool" => 1,
            "int32" or "float32" => 4,
            _ => throw new GraftException($"The TensorFlow.js tensor '{name}' is stored as '{type}', expected uint8, int32 or float32; it is not the model that was expected."),
        };
        foreach (var extent in shape)
        {
            if (extent < 0 || (extent > 0 && bytes > data.Length / extent))
            {
                throw new GraftException($"The TensorFlow.js tensor '{name}' of shape [{string.Join(", ", shape)}] does not fit the {data.Length} bytes left in its file; fetch it again.");
            }

            bytes *= extent;
        }

        if (bytes > data.Length)
        {
            throw new GraftException($"The TensorFlow.js tensor '{name}' does not fit the {data.Length} bytes left in its file; fetch it again.");
        }

        if (isQuantized && type == "uint8")
        {
            var scale = quantization.GetProperty("scale").GetDouble();
            tensors[name] = new TfjsTensor(name, shape, scale, quantization.GetProperty("min").GetDouble(), data[..(int)bytes]);
        }

        return (int)bytes;
    }

    private static ReadOnlyMemory<byte> Concatenate(List<ReadOnlyMemory<byte>> parts)
    {
        if (parts.Count == 1)
        {
            return parts[0];
        }

        var whole = new byte[parts.Sum(part => (long)part.Length)];
        var offset = 0;
        foreach (var part in parts)
        {
            part.CopyTo(whole.AsMemory(offset));
            offset += part.Length;
        }

        return whole;
    }
}
