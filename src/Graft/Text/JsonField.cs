using System.Text.Json;
using Graft.Torch;

namespace Graft.Text;

/// <summary>
/// A value of a tokenizer file together with its place, so that every fault names the file and the JSON path.
/// Thread contract: immutable, valid while its document lives.
/// </summary>
internal readonly struct JsonField(string file, string path, JsonElement element)
{
    public string Path { get; } = path;

    public JsonElement Element { get; } = element;

    public bool IsText => Element.ValueKind == JsonValueKind.String;

    public bool IsList => Element.ValueKind == JsonValueKind.Array;

    /// <summary>The field of the name, which must be there.</summary>
    public JsonField this[string name] => Find(name) ?? throw new GraftException($"{file}: '{Path}' has no field '{name}', which this part needs.");

    /// <summary>The field of the name, or null when it is absent or null.</summary>
    public JsonField? Find(string name)
    {
        if (Element.ValueKind != JsonValueKind.Object)
        {
            throw Fault("an object");
        }

        return Element.TryGetProperty(name, out var found) && found.ValueKind != JsonValueKind.Null
            ? new JsonField(file, Path.Length == 0 ? name : $"{Path}.{name}", found)
            : null;
    }

    public string Text()
    {
        if (!IsText)
        {
            throw Fault("a string");
        }

        try
        {
            return Element.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw Fault("a string of valid Unicode");
        }
    }

    /// <summary>A string that is one code point long.</summary>
    public int CodePoint()
    {
        var text = Text();
        return System.Text.Rune.DecodeFromUtf16(text, out var rune, out var used) == System.Buffers.OperationStatus.Done && used == text.Length
            ? rune.Value
            : throw Fault("a string of one character");
    }

    public bool Flag() => Element.ValueKind is JsonValueKind.True or JsonValueKind.False ? Element.GetBoolean() : throw Fault("true or false");

    public bool Flag(string name, bool whenAbsent) => Find(name)?.Flag() ?? whenAbsent;

    public int Number() =>
        Element.ValueKind == JsonValueKind.Number && Element.TryGetInt32(out var value) && value >= 0
            ? value
            : throw Fault("a whole number of 0 or more");

    public double Score() =>
        Element.ValueKind == JsonValueKind.Number && Element.TryGetDouble(out var value) && double.IsFinite(value) ? value : throw Fault("a finite number");

    public IEnumerable<JsonField> Items()
    {
        if (!IsList)
        {
            throw Fault("a list");
        }

        return Enumerate(this);

        static IEnumerable<JsonField> Enumerate(JsonField list)
        {
            var i = 0;
            foreach (var item in list.Element.EnumerateArray())
            {
                yield return list.At(i++, item);
            }
        }
    }

    public IEnumerable<(string Name, JsonField Value)> Fields()
    {
        if (Element.ValueKind != JsonValueKind.Object)
        {
            throw Fault("an object");
        }

        return Enumerate(this);

        static IEnumerable<(string, JsonField)> Enumerate(JsonField owner)
        {
            foreach (var property in owner.Element.EnumerateObject())
            {
                yield return (owner.NameOf(property), owner.Of(property));
            }
        }
    }

    /// <summary>A fault of this value: what is expected in its place.</summary>
    public GraftException Fault(string expected)
    {
        var raw = Element.GetRawText();
        return new GraftException($"{file}: '{(Path.Length == 0 ? "the top level" : Path)}' is {(raw.Length > 40 ? raw[..40] + "..." : raw)}, expected {expected}.");
    }

    private JsonField At(int index, JsonElement item) => new(file, $"{Path}[{index}]", item);

    private JsonField Of(JsonProperty property) => new(file, Path.Length == 0 ? property.Name : $"{Path}.{property.Name}", property.Value);

    private string NameOf(JsonProperty property)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException)
        {
            throw Fault("an object whose keys are valid Unicode");
        }
    }
}
