using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace Graft.Methods.Core;

/// <summary>
/// Numbers for some of a model's modules: each key is a pattern that must match the tail of a module's path, whole names only, as in
/// HF PEFT's <c>rank_pattern</c>; the first key that matches counts. Compares by value, order included. In JSON an object such as
/// <c>{"attention.self.query": 4, "layer\\.[01]\\..*": 2}</c>. Immutable and thread-safe.
/// </summary>
[JsonConverter(typeof(PathNumbersJson))]
public sealed class PathNumbers : IEquatable<PathNumbers>
{
    private readonly Regex[] _tails;

    /// <summary>Creates a map.</summary>
    /// <param name="numbers">Patterns and their numbers, in the order in which they are tried.</param>
    /// <exception cref="ArgumentException">A key is empty, stands twice, or is no pattern that can be matched in linear time.</exception>
    public PathNumbers(IEnumerable<KeyValuePair<string, double>> numbers)
    {
        Pairs = [.. numbers];
        _tails = [.. Pairs.Select(n => Tail(n.Key))];
        if (Pairs.GroupBy(n => n.Key, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
        {
            throw new ArgumentException($"the pattern '{twice.Key}' stands twice", nameof(numbers));
        }
    }

    /// <summary>No number for any path.</summary>
    public static PathNumbers None { get; } = new([]);

    /// <summary>The patterns and their numbers, in the order in which they are tried.</summary>
    public IReadOnlyList<KeyValuePair<string, double>> Pairs { get; }

    /// <summary>The number of the first pattern that matches the tail of a path.</summary>
    /// <param name="path">A module's path, such as <c>encoder.layer.0.attention.self.query</c>.</param>
    /// <param name="otherwise">The number where none matches.</param>
    public double For(string path, double otherwise)
    {
        var first = Array.FindIndex(_tails, t => t.IsMatch(path));
        return first < 0 ? otherwise : Pairs[first].Value;
    }

    /// <summary>The patterns that match none of some paths.</summary>
    /// <param name="paths">Paths of modules.</param>
    public IEnumerable<string> Unmatched(IReadOnlyCollection<string> paths) =>
        Pairs.Select(n => n.Key).Where((_, i) => !paths.Any(_tails[i].IsMatch));

    /// <inheritdoc/>
    public bool Equals(PathNumbers? other) => other is not null && Pairs.SequenceEqual(other.Pairs);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PathNumbers);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (var number in Pairs)
        {
            hash.Add(number);
        }

        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public override string ToString() => "{" + string.Join(", ", Pairs.Select(n => $"{n.Key}: {n.Value}")) + "}";

    // A pattern may come from a stranger's file: matching without backtracking takes linear time whatever it says.
    private static Regex Tail(string key)
    {
        try
        {
            return key.Length > 0
                ? new Regex($"^(?:.*\\.)?(?:{key})$", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant)
                : throw new ArgumentException("a pattern of paths is empty", nameof(key));
        }
        catch (Exception e) when (e is NotSupportedException or RegexParseException)
        {
            throw new ArgumentException($"'{key}' is no pattern of paths that can be matched in linear time, use the tail of a path, such as 'self.query'", nameof(key), e);
        }
    }
}

/// <summary>A map as an object of numbers.</summary>
internal sealed class PathNumbersJson : JsonConverter<PathNumbers>
{
    private const string Expected = "numbers by path are an object, such as {\"self.query\": 4}";

    public override PathNumbers Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw new JsonException(Expected);
        }

        List<KeyValuePair<string, double>> numbers = [];
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            numbers.Add(reader.Read() && reader.TokenType == JsonTokenType.Number && reader.TryGetDouble(out var value) && double.IsFinite(value)
                ? KeyValuePair.Create(key, value)
                : throw new JsonException(Expected));
        }

        return new PathNumbers(numbers);
    }

    public override void Write(Utf8JsonWriter writer, PathNumbers value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        foreach (var (key, number) in value.Pairs)
        {
            writer.WriteNumber(key, number);
        }

        writer.WriteEndObject();
    }
}
