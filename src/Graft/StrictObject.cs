using System.Text.Json;
using Graft.Torch;

namespace Graft;

/// <summary>
/// One JSON object of the user's whose keys and types are checked as they are read. Call <see cref="Allow"/> first: a key
/// outside the list is refused with the nearest known one. Immutable.
/// </summary>
public sealed class StrictObject
{
    private readonly JsonElement _element;
    private readonly JsonSource _source;
    private readonly string _path;

    internal StrictObject(JsonElement element, JsonSource source, string path)
    {
        _element = element;
        _source = source;
        _path = path;
    }

    /// <summary>The keys that are there, in the order of the file.</summary>
    public IEnumerable<string> Keys => _element.EnumerateObject().Select(property => property.Name);

    /// <summary>Refuses every key that is not in the list.</summary>
    /// <param name="keys">The known keys.</param>
    /// <exception cref="GraftException">A key is unknown; the message names the nearest known one.</exception>
    public void Allow(params string[] keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        if (Unknown(keys).FirstOrDefault() is { } fault)
        {
            throw fault;
        }
    }

    /// <summary>An error for every key that is not in the list, in the order of the file.</summary>
    /// <param name="keys">The known keys.</param>
    public IEnumerable<GraftException> Unknown(IReadOnlyCollection<string> keys)
    {
        var inside = _path.Length == 0 ? "" : $" in '{_path}'";
        return Keys
            .Where(key => !keys.Contains(key, StringComparer.Ordinal))
            .Select(key => Error(key, $"unknown key '{key}'{inside}; {Suggest.Hint(key, keys)}"));
    }

    /// <summary>Whether the key is there with a value other than null.</summary>
    /// <param name="key">The key.</param>
    public bool Has(string key) => Raw(key) is not null;

    /// <summary>The value of a key, or null when it is absent or null.</summary>
    /// <param name="key">The key.</param>
    public JsonElement? Raw(string key) =>
        _element.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary>A string that has to be there and not be empty.</summary>
    /// <param name="key">The key.</param>
    /// <exception cref="GraftException">The key is missing, not a string, or empty.</exception>
    public string Text(string key) => TextOrNull(key) is { Length: > 0 } text ? text : throw Missing(key, "a string");

    /// <summary>A string, or null when the key is absent.</summary>
    /// <param name="key">The key.</param>
    /// <exception cref="GraftException">The value is not a string.</exception>
    public string? TextOrNull(string key) => Raw(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } value => value.GetString(),
        { } value => throw Wrong(key, value, "a string"),
    };

    /// <summary>A whole number, or the fallback when the key is absent.</summary>
    /// <param name="key">The key.</param>
    /// <param name="fallback">The value of an absent key.</param>
    /// <exception cref="GraftException">The value is not a whole number of 64 bits.</exception>
    public long Whole(string key, long fallback) => Raw(key) switch
    {
        null => fallback,
        { ValueKind: JsonValueKind.Number } value when value.TryGetInt64(out var number) => number,
        { } value => throw Wrong(key, value, "a whole number"),
    };

    /// <summary>A finite number, or the fallback when the key is absent.</summary>
    /// <param name="key">The key.</param>
    /// <param name="fallback">The value of an absent key.</param>
    /// <exception cref="GraftException">The value is not a finite number.</exception>
    public double Number(string key, double fallback) => Raw(key) switch
    {
        null => fallback,
        { ValueKind: JsonValueKind.Number } value when value.TryGetDouble(out var number) && double.IsFinite(number) => number,
        { } value => throw Wrong(key, value, "a number"),
    };

    /// <summary>True or false, or the fallback when the key is absent.</summary>
    /// <param name="key">The key.</param>
    /// <param name="fallback">The value of an absent key.</param>
    /// <exception cref="GraftException">The value is neither true nor false.</exception>
    public bool Flag(string key, bool fallback) => Raw(key) switch
    {
        null => fallback,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { } value => throw Wrong(key, value, "true or false"),
    };

    /// <summary>The enum member that the string names (any case), or the fallback when the key is absent.</summary>
    /// <typeparam name="T">The enum.</typeparam>
    /// <param name="key">The key.</param>
    /// <param name="fallback">The value of an absent key; null makes the key required.</param>
    /// <exception cref="GraftException">The key is missing without a fallback, or names no member.</exception>
    public T Choice<T>(string key, T? fallback)
        where T : struct, Enum
    {
        var names = Enum.GetNames<T>().Select(JsonNamingPolicy.SnakeCaseLower.ConvertName).ToList();
        var text = TextOrNull(key);
        if (text is null)
        {
            return fallback ?? throw Missing(key, $"one of {Suggest.List(names)}");
        }

        var at = names.IndexOf(text.ToLowerInvariant());
        return at >= 0
            ? Enum.GetValues<T>()[at]
            : throw Error(key, $"'{PathOf(key)}' is '{text}', expected one of {Suggest.List(names)}.");
    }

    /// <summary>A list of strings; one string alone counts as a list of one, an absent key as null.</summary>
    /// <param name="key">The key.</param>
    /// <exception cref="GraftException">The value is neither a string nor a list of strings.</exception>
    public IReadOnlyList<string>? TextList(string key) => Raw(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } value => [value.GetString()!],
        { ValueKind: JsonValueKind.Array } value => [.. value.EnumerateArray().Select((item, at) =>
            item.ValueKind == JsonValueKind.String ? item.GetString()! : throw Wrong($"{key}[{at}]", item, "a string"))],
        { } value => throw Wrong(key, value, "a string or a list of strings"),
    };

    /// <summary>An object inside this one, or null when the key is absent.</summary>
    /// <param name="key">The key.</param>
    /// <exception cref="GraftException">The value is not an object.</exception>
    public StrictObject? Nested(string key) => Raw(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Object } value => new StrictObject(value, _source, PathOf(key)),
        { } value => throw Wrong(key, value, "an object in braces"),
    };

    /// <summary>The values of a list; a value that is no list counts as a list of one, an absent key as an empty list.</summary>
    /// <param name="key">The key.</param>
    /// <returns>For each item its value, its key for use in <see cref="Error"/>, and the object when it is one.</returns>
    public IReadOnlyList<(JsonElement Value, string Key, StrictObject? Object)> Items(string key)
    {
        (JsonElement, string, StrictObject?) Item(JsonElement value, string name) =>
            (value, name, value.ValueKind == JsonValueKind.Object ? new StrictObject(value, _source, PathOf(name)) : null);

        return Raw(key) switch
        {
            null => [],
            { ValueKind: JsonValueKind.Array } list => [.. list.EnumerateArray().Select((value, at) => Item(value, $"{key}[{at}]"))],
            { } value => [Item(value, key)],
        };
    }

    /// <summary>An error about one key, its place in front.</summary>
    /// <param name="key">The key, present or not.</param>
    /// <param name="sentence">The rest of the sentence: what, what was expected, what to do.</param>
    public GraftException Error(string key, string sentence)
    {
        ArgumentNullException.ThrowIfNull(key);
        var place = _element.TryGetProperty(key.Split('[')[0], out _) ? _source.At(PathOf(key)) : _path.Length == 0 ? _source.Where : _source.At(_path);
        return new GraftException($"{place}: {sentence}");
    }

    internal static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => $"the string {Short(value)}",
        JsonValueKind.Number => $"the number {Short(value)}",
        JsonValueKind.Null => "null",
        _ => Short(value),
    };

    private static string Short(JsonElement value) => value.GetRawText() is { Length: > 60 } text ? $"{text[..57]}..." : value.GetRawText();

    private string PathOf(string key) => JsonSource.Join(_path, key);

    private GraftException Missing(string key, string expected) => Error(key, $"'{PathOf(key)}' is missing or empty, expected {expected}; add it.");

    private GraftException Wrong(string key, JsonElement value, string expected) =>
        Error(key, $"'{PathOf(key)}' is {Kind(value)}, expected {expected}.");
}
