using System.Text.Json;
using System.Text.Json.Serialization;

namespace Graft.Methods.Core.Bottlenecks;

/// <summary>What a scaling is.</summary>
public enum ScalingKind
{
    /// <summary>A number that does not train.</summary>
    Fixed,

    /// <summary>One trained number per adapter, starting at 1.</summary>
    Learned,

    /// <summary>A trained number per channel, starting at 1.</summary>
    Channel,
}

/// <summary>The scaling of an adapter's output; in JSON a number, <c>"learned"</c> or <c>"channel"</c>.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Factor">The number of a fixed scaling; 1 otherwise.</param>
[JsonConverter(typeof(AdapterScalingJson))]
public readonly record struct AdapterScaling(ScalingKind Kind, double Factor)
{
    /// <summary>No scaling.</summary>
    public static AdapterScaling One { get; } = new(ScalingKind.Fixed, 1);

    /// <summary>The number of trained values.</summary>
    /// <param name="width">The model's width W.</param>
    public long Count(int width) => Kind switch
    {
        ScalingKind.Learned => 1,
        ScalingKind.Channel => width,
        _ => 0,
    };
}

/// <summary>A scaling as a number or a name.</summary>
internal sealed class AdapterScalingJson : JsonConverter<AdapterScaling>
{
    public override AdapterScaling Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType switch
    {
        JsonTokenType.Number when reader.GetDouble() is var factor && Math.Abs(factor) <= Require.LargestNumber => new AdapterScaling(ScalingKind.Fixed, factor),
        JsonTokenType.String when reader.ValueTextEquals("learned") => new AdapterScaling(ScalingKind.Learned, 1),
        JsonTokenType.String when reader.ValueTextEquals("channel") => new AdapterScaling(ScalingKind.Channel, 1),
        _ => throw new JsonException("scaling is a number of at most 1e9, 'learned' or 'channel'"),
    };

    public override void Write(Utf8JsonWriter writer, AdapterScaling value, JsonSerializerOptions options)
    {
        if (value.Kind == ScalingKind.Fixed)
        {
            writer.WriteNumberValue(value.Factor);
        }
        else
        {
            writer.WriteStringValue(value.Kind == ScalingKind.Learned ? "learned" : "channel");
        }
    }
}
