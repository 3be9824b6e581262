using System.Collections;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Methods.Core;
using Graft.Text;
using Graft.Torch;

namespace Graft.Methods;

/// <summary>Parts of a union, in order; compares by value. In JSON a list of <c>{"method": NAME, "set": {...}}</c>. Immutable.</summary>
[JsonConverter(typeof(UnionPartsJson))]
public sealed class UnionParts(IEnumerable<UnionPart> parts) : IReadOnlyList<UnionPart>, IEquatable<UnionParts>
{
    private readonly UnionPart[] _parts = [.. parts];

    /// <inheritdoc/>
    public int Count => _parts.Length;

    /// <inheritdoc/>
    public UnionPart this[int index] => _parts[index];

    /// <inheritdoc/>
    public bool Equals(UnionParts? other) => other is not null && _parts.AsSpan().SequenceEqual(other._parts);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as UnionParts);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        Array.ForEach(_parts, hash.Add);
        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public IEnumerator<UnionPart> GetEnumerator() => _parts.AsEnumerable().GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>The settings of a union.</summary>
public sealed record MethodUnionConfig : PeftConfig
{
    private static readonly string[] s_default = ["lora", "pfeiffer"];

    /// <summary>The methods with their settings; LoRA and a Pfeiffer adapter unless others are named.</summary>
    public UnionParts Parts { get; init => field = value ?? Default(); } = Default();

    private static UnionParts Default() => new(s_default.Select(m => UnionPart.Of(m)));
}

/// <summary>Several methods in one adapter: the sum of their parts, each acting at its own sites. AdapterHub's ConfigUnion.</summary>
public sealed class MethodUnion : UnionMethod<MethodUnionConfig>
{
    /// <inheritdoc/>
    public override string Name => "union";

    /// <inheritdoc/>
    public override string Summary => "several methods in one adapter, each at its own sites";

    /// <inheritdoc/>
    public override string Source => "Mao et al. 2022, arXiv 2110.07577; AdapterHub's ConfigUnion";

    /// <inheritdoc/>
    public override double DefaultLearningRate => 5e-4;

    /// <inheritdoc/>
    protected override JsonTypeInfo<MethodUnionConfig> Json => UnionJson.Default.MethodUnionConfig;

    /// <inheritdoc/>
    public override PeftConfig Stored(PeftConfig config) => new MethodUnionConfig { Parts = new(Parts((MethodUnionConfig)config).Select(p => p.Stored())) };

    /// <inheritdoc/>
    public override PeftConfig Resolve(PeftConfig config, Tokenizer tokenizer) =>
        new MethodUnionConfig { Parts = new(Parts((MethodUnionConfig)config).Select(p => p.Resolve(tokenizer))) };

    /// <inheritdoc/>
    protected override IReadOnlyList<UnionPart> Parts(MethodUnionConfig config) => config.Parts;

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new MethodUnion());
}

/// <summary>Parts as a list of objects.</summary>
internal sealed class UnionPartsJson : JsonConverter<UnionParts>
{
    private const string Expected = "parts are a list such as [{\"method\": \"lora\", \"set\": {\"rank\": 4}}]";

    public override UnionParts Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (JsonNode.Parse(ref reader) is not JsonArray { Count: > 0 } list)
        {
            throw new JsonException(Expected);
        }

        try
        {
            return new UnionParts(list.Select(Part));
        }
        catch (GraftException e)
        {
            throw new JsonException(e.Message, e);
        }
    }

    public override void Write(Utf8JsonWriter writer, UnionParts value, JsonSerializerOptions options) =>
        new JsonArray([.. value.Select(p => (JsonNode)p.ToJson())]).WriteTo(writer);

    private static UnionPart Part(JsonNode? node) =>
        node is JsonObject part && part["method"] is JsonValue name && name.TryGetValue<string>(out var method)
            && part["set"] is null or JsonObject && part.All(p => p.Key is "method" or "set")
            ? UnionPart.Of(method, part["set"] as JsonObject)
            : throw new JsonException(Expected);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(MethodUnionConfig))]
internal sealed partial class UnionJson : JsonSerializerContext;
