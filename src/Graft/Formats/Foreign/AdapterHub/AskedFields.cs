using System.Text.Json;
using System.Text.Json.Nodes;

namespace Graft.Formats.Foreign.AdapterHub;

/// <summary>
/// The fields of one object, remembering which were asked for, so that none is passed over: what nobody asked for is unknown when reading,
/// and an error when writing. For one thread.
/// </summary>
internal sealed class AskedFields(StrictObject fields)
{
    private readonly HashSet<string> _asked = new(StringComparer.Ordinal);

    /// <summary>The keys that nobody asked for, in ordinal order.</summary>
    public IReadOnlyList<string> Others => [.. fields.Keys.Where(k => !_asked.Contains(k)).Order(StringComparer.Ordinal)];

    public bool Flag(string key, bool fallback) => Asked(key).Flag(key, fallback);

    public double Number(string key, double fallback) => Asked(key).Number(key, fallback);

    public long Whole(string key, long fallback) => Asked(key).Whole(key, fallback);

    public string? Text(string key) => Asked(key).TextOrNull(key);

    public string Text(string key, string fallback) => Text(key) ?? fallback;

    public IReadOnlyList<string> Texts(string key, params string[] fallback) => Asked(key).TextList(key) ?? fallback;

    /// <summary>The value as JSON; null when it is absent or null.</summary>
    public JsonNode? Json(string key) => Asked(key).Raw(key) is { } value ? JsonNode.Parse(value.GetRawText()) : null;

    /// <summary>The kind of a value; null when it is absent or null.</summary>
    public JsonValueKind? Kind(string key) => Asked(key).Raw(key)?.ValueKind;

    public StrictObject? Nested(string key) => Asked(key).Nested(key);

    /// <summary>The objects of a list.</summary>
    public IReadOnlyList<StrictObject> Objects(string key) =>
        [.. Asked(key).Items(key).Select(i => i.Object ?? throw fields.Error(i.Key, $"'{i.Key}' is {StrictObject.Kind(i.Value)}, expected an object in braces."))];

    /// <summary>Passes over fields that do not change what a trained adapter computes.</summary>
    public void Ignore(params string[] keys) => _asked.UnionWith(keys);

    /// <summary>Refuses a field that has another value than the only one with a counterpart.</summary>
    /// <param name="key">The field.</param>
    /// <param name="isFine">Whether the value, null when absent, has a counterpart.</param>
    /// <param name="why">Why another has none and what to do, a sentence without its full stop's place in front.</param>
    /// <exception cref="Torch.GraftException">It has another value.</exception>
    public void Require(string key, Func<JsonElement?, bool> isFine, string why)
    {
        var value = Asked(key).Raw(key);
        if (!isFine(value))
        {
            throw fields.Error(key, $"'{key}' is {(value is { } raw ? StrictObject.Kind(raw) : "null")}, {why}.");
        }
    }

    public Torch.GraftException Error(string key, string sentence) => fields.Error(key, sentence);

    private StrictObject Asked(string key)
    {
        _asked.Add(key);
        return fields;
    }
}
