using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Formats.Foreign.AdapterHub;

/// <summary>What reading a configuration needs to know besides it, and what it finds out. For one thread.</summary>
/// <param name="Sites">The backbone's sites.</param>
/// <param name="Version">The <c>version</c> of the file, or null.</param>
internal sealed record HubReading(SiteMap Sites, string? Version)
{
    /// <summary>What a user should know, a sentence each.</summary>
    public List<string> Notes { get; } = [];

    /// <summary>Fields that Graft does not know, by their path in the file, such as <c>config.new_field</c>.</summary>
    public JsonObject Unknown { get; } = [];

    /// <summary>Whether the file of weights has invertible adapters.</summary>
    public bool HasInvertible { get; init; }

    /// <summary>Keeps the fields that nobody asked for.</summary>
    /// <param name="fields">The fields.</param>
    /// <param name="path">The object's path in the file, with a full stop at its end; empty for the top.</param>
    public void Keep(AskedFields fields, string path)
    {
        foreach (var key in fields.Others)
        {
            Unknown[path + key] = fields.Json(key);
        }
    }
}

/// <summary>Values that every kind of AdapterHub configuration has.</summary>
internal static class HubSettings
{
    private const string Gated = "padded";

    /// <summary>A number as Python writes a float: the library tells 1 from 1.0.</summary>
    public static JsonNode Float(double value)
    {
        var text = value.ToString("R", CultureInfo.InvariantCulture);
        return JsonNode.Parse(text.Contains('.', StringComparison.Ordinal) || text.Contains('E', StringComparison.Ordinal) ? text : text + ".0")!;
    }

    /// <summary>A whole number as Python writes an int, another as a float.</summary>
    public static JsonNode Number(double value) => double.IsInteger(value) && Math.Abs(value) < 1e15 ? JsonValue.Create((long)value) : Float(value);

    /// <summary>The blocks without parts; both sides count each stack's from 0.</summary>
    public static JsonNode LeaveOut(AskedFields fields) => fields.Json("leave_out") ?? new JsonArray();

    /// <summary>Graft's <c>gate</c> of the library's <c>use_gating</c>: the library averages a gate over padding too.</summary>
    public static string Gate(AskedFields fields) => fields.Flag("use_gating", false) ? Gated : "none";

    /// <summary>The library's <c>use_gating</c> of Graft's <c>gate</c>.</summary>
    public static bool UseGating(AskedFields settings) => settings.Text("gate", "none") != "none";

    /// <summary>Whether a value is absent, null, false, empty or the text <c>none</c>.</summary>
    public static bool IsOff(JsonElement? value) => value is not { } set || set.ValueKind switch
    {
        JsonValueKind.False => true,
        JsonValueKind.String => set.GetString() is "" or "none",
        JsonValueKind.Array => set.GetArrayLength() == 0,
        JsonValueKind.Object => !set.EnumerateObject().Any(),
        JsonValueKind.Number => set.TryGetDouble(out var number) && number == 0,
        _ => false,
    };

    /// <summary>Refuses a setting of Graft that is on and has no counterpart.</summary>
    public static void Off(AskedFields settings, string method, params string[] keys)
    {
        foreach (var key in keys)
        {
            settings.Require(key, IsOff, $"and AdapterHub has no counterpart of that setting of {method}; keep the adapter as a package of Graft, or train one without it");
        }
    }

    /// <summary>Refuses every setting of Graft that nobody asked for.</summary>
    public static void Finish(AskedFields settings, string method)
    {
        if (settings.Others is [var key, ..])
        {
            throw settings.Error(key, $"AdapterHub has no counterpart of the setting '{key}' of {method}; keep the adapter as a package of Graft.");
        }
    }

    /// <summary>A method without any counterpart.</summary>
    public static GraftException NoCounterpart(string method, string why) =>
        new($"AdapterHub has no counterpart of {method}{why}; keep the adapter as a package of Graft, or convert it to peft where that format has the method.");
}
