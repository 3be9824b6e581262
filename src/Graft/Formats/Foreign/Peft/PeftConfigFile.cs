using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Formats.Foreign.Detection;
using Graft.Torch;

namespace Graft.Formats.Foreign.Peft;

/// <summary>An <c>adapter_config.json</c> of HF PEFT, checked against the fields that its method knows, and what there is to say about it. For one thread.</summary>
internal sealed class PeftConfigFile
{
    // As Python's json.dumps writes: two blanks, keys in order.
    private static readonly JsonSerializerOptions s_asPython = new() { WriteIndented = true, IndentSize = 2, NewLine = "\n" };

    private PeftConfigFile(string path, StrictObject fields) => (Path, Fields) = (path, fields);

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Its fields.</summary>
    public StrictObject Fields { get; }

    /// <summary>What a user should know about the reading, a sentence each; mappings add to it.</summary>
    public List<string> Notes { get; } = [];

    /// <summary>The method's name in capitals, such as <c>LORA</c>.</summary>
    public string PeftType => Fields.Text("peft_type").ToUpperInvariant();

    /// <summary>The task type in capitals, or null.</summary>
    public string? TaskType => Fields.TextOrNull("task_type")?.ToUpperInvariant();

    /// <summary>Reads the file of a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="GraftException">It is missing or no JSON object.</exception>
    public static PeftConfigFile Load(string folder)
    {
        var path = System.IO.Path.Combine(folder, AdapterConfigFile.Name);
        return new PeftConfigFile(path, StrictJson.Load(path));
    }

    /// <summary>Refuses values that change the computation in a way that Graft does not have.</summary>
    /// <param name="fields">The fields that the method knows.</param>
    /// <exception cref="GraftException">There is one; the message names it.</exception>
    public void Check(IEnumerable<PeftField> fields)
    {
        foreach (var field in fields.Where(f => f.Use == PeftFieldUse.DefaultOnly && !f.IsDefault(Json(f.Name))))
        {
            throw Refused(field.Name, $"Graft does not have what it asks for (only {field.Default} is supported)");
        }
    }

    /// <summary>The fields that the method does not know, as they are.</summary>
    /// <param name="fields">The fields that the method knows.</param>
    public JsonObject Unknown(IEnumerable<PeftField> fields) => AdapterConfigFile.Unknown(Fields, fields.Select(f => f.Name));

    /// <summary>The value of a field, or null.</summary>
    /// <param name="name">The field.</param>
    public JsonNode? Json(string name) => Fields.Raw(name) is { } raw ? JsonNode.Parse(raw.GetRawText()) : null;

    /// <summary>An error about the value of a field.</summary>
    /// <param name="name">The field.</param>
    /// <param name="reason">What is wrong, without a full stop.</param>
    public GraftException Refused(string name, string reason) =>
        Fields.Error(name, $"'{name}' is {Shown(Json(name)?.ToJsonString() ?? "null")}, and {reason}; the adapter was not converted.");

    /// <summary>A positive whole number that has to be there.</summary>
    /// <param name="name">The field.</param>
    /// <exception cref="GraftException">It is not.</exception>
    public int Positive(string name) => Fields.Whole(name, 0) is var number and > 0 and <= int.MaxValue
        ? (int)number
        : throw Refused(name, "a whole number of at least 1 is expected");

    /// <summary>An object of numbers in the order of the file.</summary>
    /// <param name="name">The field.</param>
    /// <exception cref="GraftException">It is something else.</exception>
    public IReadOnlyList<KeyValuePair<string, double>> Numbers(string name)
    {
        var numbers = Fields.Nested(name);
        return numbers is null ? [] : [.. numbers.Keys.Select(key => KeyValuePair.Create(key, numbers.Number(key, 0)))];
    }

    /// <summary>Writes a configuration as PEFT does.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="known">The fields that the method knows.</param>
    /// <param name="values">Their values; fields without one have their default.</param>
    /// <param name="unknown">Further fields as they were read.</param>
    public static void Write(string folder, IEnumerable<PeftField> known, IReadOnlyDictionary<string, JsonNode?> values, JsonObject unknown)
    {
        var fields = new SortedDictionary<string, JsonNode?>(StringComparer.Ordinal);
        foreach (var field in known)
        {
            if (values.TryGetValue(field.Name, out var value))
            {
                fields[field.Name] = value;
            }
            else if (field.Written)
            {
                fields[field.Name] = JsonNode.Parse(field.Default);
            }
        }

        foreach (var (name, value) in unknown)
        {
            fields.TryAdd(name, value);
        }

        var root = new JsonObject(fields.Select(f => KeyValuePair.Create(f.Key, Sorted(f.Value))));
        AtomicFile.Write(System.IO.Path.Combine(folder, AdapterConfigFile.Name), stream => JsonSerializer.Serialize(stream, root, s_asPython));
    }

    private static JsonNode? Sorted(JsonNode? node) => node is JsonObject inner
        ? new JsonObject(inner.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => KeyValuePair.Create(p.Key, Sorted(p.Value))))
        : node?.DeepClone();

    private static string Shown(string json) => json.Length <= 60 ? json : json[..60] + "...";
}
