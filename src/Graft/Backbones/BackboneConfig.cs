using System.Globalization;
using System.Text.Json;
using Graft.Torch;

namespace Graft.Backbones;

/// <summary>
/// The settings of a backbone that every part of the library may read, from a Hugging Face <c>config.json</c>. Immutable.
/// </summary>
/// <param name="ModelType">The architecture's name, such as <c>bert</c>.</param>
/// <param name="HiddenSize">The model's width W.</param>
/// <param name="Layers">The number of blocks L.</param>
/// <param name="Heads">The number of attention heads H.</param>
/// <param name="FeedForwardSize">The inner width of the feed-forward sublayer.</param>
/// <param name="VocabularySize">The number of rows of the word embedding V.</param>
/// <param name="MaxTokens">The longest input in tokens, special tokens included; <see cref="int.MaxValue"/> where positions are relative and nothing limits them.</param>
public sealed record BackboneConfig(
    string ModelType, int HiddenSize, int Layers, int Heads, int FeedForwardSize, int VocabularySize, int MaxTokens)
{
    /// <summary>The width of an attention head D.</summary>
    public int HeadSize { get; init; } = HiddenSize / Heads;

    /// <summary>The settings of the stack that writes text; null for a backbone that has none.</summary>
    public DecoderConfig? Decoder { get; init; }
}

/// <summary>The settings of a decoder that a generation needs. Immutable.</summary>
/// <param name="Layers">The number of blocks of the decoder.</param>
/// <param name="StartId">The token that the decoder reads first.</param>
/// <param name="EndId">The token that ends a text.</param>
/// <param name="PadId">The token behind the end of a text that is shorter than others of its batch.</param>
public sealed record DecoderConfig(int Layers, int StartId, int EndId, int PadId);

/// <summary>Reads the fields of a <c>config.json</c>; every failure names the file, the field and what was expected.</summary>
internal sealed class ConfigFields
{
    private readonly JsonElement _root;
    private readonly string _path;

    private ConfigFields(JsonElement root, string path)
    {
        _root = root;
        _path = path;
    }

    /// <summary>Settings that are in memory.</summary>
    /// <param name="root">An object.</param>
    /// <param name="path">What messages call their file.</param>
    public static ConfigFields Of(JsonElement root, string path) => new(root, path);

    public static ConfigFields Load(string folder)
    {
        var path = Path.Combine(folder, "config.json");
        if (!File.Exists(path))
        {
            throw new GraftException(
                $"'{folder}' has no config.json; a backbone is a Hugging Face model folder with config.json, model.safetensors and tokenizer.json.");
        }

        try
        {
            using var document = JsonDocument.Parse(File.ReadAllText(path));
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw new GraftException($"{path} is not a JSON object; take config.json from the model's publisher again.");
            }

            return new ConfigFields(document.RootElement.Clone(), path);
        }
        catch (JsonException e)
        {
            throw new GraftException($"{path} is not valid JSON ({e.Message}); take config.json from the model's publisher again.", e);
        }
    }

    public int Positive(string name, int? fallback = null)
    {
        if (Find(name) is not { } value)
        {
            return fallback ?? throw Missing(name, "a positive whole number");
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number > 0
            ? number
            : throw Wrong(name, value, "a positive whole number");
    }

    public int Integer(string name, int fallback) => Find(name) switch
    {
        null => fallback,
        { ValueKind: JsonValueKind.Number } value when value.TryGetInt32(out var number) => number,
        { } value => throw Wrong(name, value, "a whole number"),
    };

    public double Number(string name, double fallback) => Find(name) switch
    {
        null => fallback,
        { ValueKind: JsonValueKind.Number } value => value.GetDouble(),
        { } value => throw Wrong(name, value, "a number"),
    };

    public bool Flag(string name, bool fallback) => Find(name) switch
    {
        null => fallback,
        { ValueKind: JsonValueKind.True or JsonValueKind.False } value => value.GetBoolean(),
        { } value => throw Wrong(name, value, "true or false"),
    };

    public double Probability(string name, double fallback)
    {
        var p = Number(name, fallback);
        return p is >= 0 and < 1
            ? p
            : throw new GraftException($"{_path}: '{name}' is {p.ToString(CultureInfo.InvariantCulture)}, expected a probability in [0, 1).");
    }

    public string? OptionalText(string name) => Find(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } value => value.GetString(),
        { } value => throw Wrong(name, value, "a string"),
    };

    public string Choice(string name, string fallback, IReadOnlyCollection<string> supported)
    {
        var choice = OptionalText(name) ?? fallback;
        return supported.Contains(choice, StringComparer.Ordinal)
            ? choice
            : throw new GraftException($"{_path}: '{name}' is '{choice}', and Graft supports {string.Join(", ", supported)}.");
    }

    private JsonElement? Find(string name) =>
        _root.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private GraftException Missing(string name, string expected) =>
        new($"{_path} lacks '{name}', expected {expected}; take config.json from the model's publisher again.");

    private GraftException Wrong(string name, JsonElement value, string expected) =>
        new($"{_path}: '{name}' is {value.GetRawText()}, expected {expected}.");
}
