using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Graft.Methods.Core;

/// <summary>An adapter that another one holds, as its settings describe it.</summary>
/// <param name="Name">Its name, unique among its neighbours.</param>
/// <param name="Method">Its method.</param>
/// <param name="Config">Its settings.</param>
public sealed record FusedAdapter(string Name, PeftMethod Method, PeftConfig Config);

/// <summary>
/// Trained adapters in settings: their places as text, joined by commas, or their descriptions as a list of <c>name</c>, <c>method</c> and
/// <c>set</c>. Immutable; compares by value.
/// </summary>
[JsonConverter(typeof(FusedAdaptersJson))]
public sealed class FusedAdapters : IEquatable<FusedAdapters>
{
    /// <summary>Adapters that have to be read.</summary>
    /// <param name="places">Their places, joined by commas.</param>
    public FusedAdapters(string places) => (Places, Described) = (places, []);

    /// <summary>Adapters by their descriptions.</summary>
    /// <param name="described">The descriptions.</param>
    /// <exception cref="ArgumentException">Two have one name, or a name that is no part of a parameter's path.</exception>
    public FusedAdapters(IReadOnlyList<FusedAdapter> described)
    {
        (Places, Described) = ("", described);
        if (described.FirstOrDefault(d => d.Name.Length == 0 || described.Count(o => o.Name == d.Name) > 1) is { } wrong)
        {
            throw new ArgumentException($"adapters has the name '{wrong.Name}' twice or empty, expected a name for each", nameof(described));
        }
    }

    /// <summary>No adapters.</summary>
    public static FusedAdapters None { get; } = new("");

    /// <summary>The places of adapters that have to be read, joined by commas; empty when they are described.</summary>
    public string Places { get; }

    /// <summary>The descriptions.</summary>
    public IReadOnlyList<FusedAdapter> Described { get; }

    /// <inheritdoc/>
    public bool Equals(FusedAdapters? other) => other is not null && Places == other.Places && Described.SequenceEqual(other.Described);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as FusedAdapters);

    /// <inheritdoc/>
    public override int GetHashCode() => Described.Aggregate(HashCode.Combine(Places), HashCode.Combine);
}

/// <summary>Trained adapters as text or a list of descriptions.</summary>
internal sealed class FusedAdaptersJson : JsonConverter<FusedAdapters>
{
    private const string Expected = "adapters are packages joined by commas, or a list such as [{\"name\": \"a\", \"method\": \"pfeiffer\", \"set\": {}}]";

    public override FusedAdapters Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.String)
        {
            return new FusedAdapters(reader.GetString()!);
        }

        return JsonNode.Parse(ref reader) is JsonArray list
            ? new FusedAdapters([.. list.Select(Description)])
            : throw new JsonException(Expected);
    }

    public override void Write(Utf8JsonWriter writer, FusedAdapters value, JsonSerializerOptions options)
    {
        if (value.Described.Count == 0)
        {
            writer.WriteStringValue(value.Places);
            return;
        }

        writer.WriteStartArray();
        foreach (var adapter in value.Described)
        {
            new JsonObject
            {
                ["name"] = adapter.Name,
                ["method"] = adapter.Method.Name,
                ["set"] = adapter.Method.WriteConfig(adapter.Config),
            }.WriteTo(writer, options);
        }

        writer.WriteEndArray();
    }

    private static FusedAdapter Description(JsonNode? node)
    {
        var adapter = node as JsonObject ?? throw new JsonException(Expected);
        var method = PeftMethods.Get(Text(adapter, "method"));
        if (adapter["set"] is not (null or JsonObject))
        {
            throw new JsonException(Expected);
        }

        return new FusedAdapter(Text(adapter, "name"), method, method.ReadConfig(adapter["set"] as JsonObject, $"the adapter of method '{method.Name}'"));
    }

    private static string Text(JsonObject adapter, string key) =>
        adapter[key] is JsonValue value && value.TryGetValue<string>(out var text) ? text : throw new JsonException(Expected);
}
