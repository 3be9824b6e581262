using System.Text.Json;
using System.Text.Json.Serialization;
using Graft.Torch;

namespace Graft.Methods.Core;

/// <summary>
/// A number above 0 for every block, or one of its own for some. In JSON a number, or an object from numbers of blocks to numbers with
/// <c>default</c> for the rest, such as <c>{"default": 16, "11": 4}</c>. Immutable; compares by value.
/// </summary>
[JsonConverter(typeof(PerLayerNumberJson))]
public sealed class PerLayerNumber : IEquatable<PerLayerNumber>
{
    private readonly SortedDictionary<int, double> _own;

    /// <summary>Creates a number for every block.</summary>
    /// <param name="rest">The number of the blocks that have none of their own; null where each has one.</param>
    /// <param name="own">Blocks with a number of their own.</param>
    /// <exception cref="ArgumentException">A number is not above 0, or there is none.</exception>
    public PerLayerNumber(double? rest, IReadOnlyDictionary<int, double>? own = null)
    {
        (Rest, _own) = (rest, new SortedDictionary<int, double>(own?.ToDictionary() ?? []));
        if (_own.Values.Append(rest ?? 1).FirstOrDefault(n => !(n > 0 && double.IsFinite(n)), 1) is var wrong && wrong != 1)
        {
            throw new ArgumentException($"a block has {wrong}, expected a number above 0", nameof(own));
        }

        if (rest is null && _own.Count == 0)
        {
            throw new ArgumentException("no block has a number, expected one or an object with 'default'", nameof(rest));
        }
    }

    /// <summary>The number of the blocks that have none of their own.</summary>
    public double? Rest { get; }

    /// <summary>The blocks with a number of their own.</summary>
    public IReadOnlyDictionary<int, double> Own => _own;

    /// <summary>The number of a block.</summary>
    /// <param name="layer">The block's number from 0.</param>
    /// <exception cref="GraftException">It has none and there is no default.</exception>
    public double this[int layer] => _own.TryGetValue(layer, out var number) ? number : Rest ?? throw new GraftException(
        $"Block {layer} has no number among {string.Join(", ", _own.Keys)}; name it or give 'default'.");

    /// <summary>The same number for every block.</summary>
    /// <param name="number">The number.</param>
    public static implicit operator PerLayerNumber(double number) => FromDouble(number);

    /// <summary>The same number for every block.</summary>
    /// <param name="number">The number.</param>
    public static PerLayerNumber FromDouble(double number) => new(number);

    /// <inheritdoc/>
    public bool Equals(PerLayerNumber? other) => other is not null && Rest == other.Rest && _own.SequenceEqual(other._own);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PerLayerNumber);

    /// <inheritdoc/>
    public override int GetHashCode() => _own.Aggregate(HashCode.Combine(Rest), (hash, own) => HashCode.Combine(hash, own.Key, own.Value));
}

/// <summary>Numbers of blocks as a number or an object.</summary>
internal sealed class PerLayerNumberJson : JsonConverter<PerLayerNumber>
{
    private const string Default = "default";
    private const string Expected = "expected a number above 0, or an object such as {\"default\": 16, \"0\": 8}";

    public override PerLayerNumber Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.Number)
        {
            return new PerLayerNumber(reader.GetDouble());
        }

        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw new JsonException(Expected);
        }

        double? rest = null;
        Dictionary<int, double> own = [];
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            if (!reader.Read() || reader.TokenType != JsonTokenType.Number)
            {
                throw new JsonException(Expected);
            }

            if (name == Default)
            {
                rest = reader.GetDouble();
            }
            else if (int.TryParse(name, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var layer))
            {
                own[layer] = reader.GetDouble();
            }
            else
            {
                throw new JsonException($"'{name}' is no block; {Expected}");
            }
        }

        return new PerLayerNumber(rest, own);
    }

    public override void Write(Utf8JsonWriter writer, PerLayerNumber value, JsonSerializerOptions options)
    {
        if (value is { Own.Count: 0, Rest: { } only })
        {
            writer.WriteNumberValue(only);
            return;
        }

        writer.WriteStartObject();
        if (value.Rest is { } rest)
        {
            writer.WriteNumber(Default, rest);
        }

        foreach (var (layer, number) in value.Own)
        {
            writer.WriteNumber(layer.ToString(System.Globalization.CultureInfo.InvariantCulture), number);
        }

        writer.WriteEndObject();
    }
}
