using System.Collections;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Graft.Methods.Core;

/// <summary>Numbers of blocks, ascending and each once; compares by value. In JSON a list of whole numbers such as <c>[0, 1, 2]</c>. Immutable.</summary>
[JsonConverter(typeof(LayerSetJson))]
public sealed class LayerSet : IReadOnlyCollection<int>, IEquatable<LayerSet>
{
    private readonly int[] _layers;

    /// <summary>Creates a set.</summary>
    /// <param name="layers">Numbers of blocks from 0.</param>
    /// <exception cref="ArgumentException">A number is negative.</exception>
    public LayerSet(IEnumerable<int> layers)
    {
        _layers = [.. layers.Distinct().Order()];
        if (_layers is [< 0, ..])
        {
            throw new ArgumentException($"layers has {_layers[0]}, expected numbers of blocks from 0 on", nameof(layers));
        }
    }

    /// <summary>No block.</summary>
    public static LayerSet None { get; } = new([]);

    /// <inheritdoc/>
    public int Count => _layers.Length;

    /// <summary>Whether the set has a block.</summary>
    /// <param name="layer">The block's number from 0; sites outside the blocks have -1, which no set has.</param>
    public bool Contains(int layer) => Array.BinarySearch(_layers, layer) >= 0;

    /// <inheritdoc/>
    public bool Equals(LayerSet? other) => other is not null && _layers.AsSpan().SequenceEqual(other._layers);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as LayerSet);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        Array.ForEach(_layers, hash.Add);
        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public IEnumerator<int> GetEnumerator() => _layers.AsEnumerable().GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <inheritdoc/>
    public override string ToString() => $"[{string.Join(", ", _layers)}]";
}

/// <summary>A set of blocks as a list of numbers.</summary>
internal sealed class LayerSetJson : JsonConverter<LayerSet>
{
    public override LayerSet Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw new JsonException("blocks are a list of numbers from 0, such as [0, 1, 2]");
        }

        List<int> layers = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            layers.Add(reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out var layer) && layer >= 0
                ? layer
                : throw new JsonException("blocks are a list of numbers from 0, such as [0, 1, 2]"));
        }

        return new LayerSet(layers);
    }

    public override void Write(Utf8JsonWriter writer, LayerSet value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        foreach (var layer in value)
        {
            writer.WriteNumberValue(layer);
        }

        writer.WriteEndArray();
    }
}
