using Graft.Torch;

namespace Graft.Formats;

/// <summary>What became of every key when a file of weights was read. Immutable.</summary>
/// <param name="Loaded">Keys that were read.</param>
/// <param name="Missing">Keys that are wanted and not there.</param>
/// <param name="Unexpected">Keys that are there and nobody asked for.</param>
/// <param name="Misshapen">Keys of a wrong shape or type, each with what was found and expected.</param>
public sealed record KeyReport(
    IReadOnlyList<string> Loaded, IReadOnlyList<string> Missing, IReadOnlyList<string> Unexpected, IReadOnlyList<string> Misshapen)
{
    private const int KeysNamed = 8;

    /// <summary>Whether every key was wanted, found and of its shape.</summary>
    public bool IsClean => Missing.Count + Unexpected.Count + Misshapen.Count == 0;

    /// <summary>The faults in words, such as <c>2 missing: a, b; 1 unexpected: c</c>; empty for none.</summary>
    public string Faults => string.Join(
        "; ", new[] { Listed("missing", Missing), Listed("unexpected", Unexpected), Listed("misshapen", Misshapen) }.OfType<string>());

    /// <summary>Compares what a file has with what is wanted.</summary>
    /// <param name="file">The file.</param>
    /// <param name="wanted">Each wanted key with its shape; those of an integer type want that type, floating ones any floating type.</param>
    public static KeyReport Compare(SafetensorsFile file, IReadOnlyCollection<(string Key, IReadOnlyList<long> Shape, DType DType)> wanted)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(wanted);
        List<string> loaded = [], missing = [], misshapen = [];
        foreach (var (key, shape, dtype) in wanted)
        {
            if (!file.Contains(key))
            {
                missing.Add(key);
            }
            else if (Difference(key, file.Info(key), shape, dtype) is { } difference)
            {
                misshapen.Add(difference);
            }
            else
            {
                loaded.Add(key);
            }
        }

        var known = wanted.Select(w => w.Key).ToHashSet(StringComparer.Ordinal);
        return new KeyReport(loaded, missing, [.. file.Keys.Where(k => !known.Contains(k)).Order(StringComparer.Ordinal)], misshapen);
    }

    private static string? Difference(string key, TensorInfo found, IReadOnlyList<long> shape, DType dtype) =>
        !shape.SequenceEqual(found.Shape) ? $"{key} is [{string.Join(", ", found.Shape)}], expected [{string.Join(", ", shape)}]"
        : found.DType != dtype && !(found.DType.IsFloating() && dtype.IsFloating()) ? $"{key} is {found.DType}, expected {dtype}"
        : null;

    private static string? Listed(string what, IReadOnlyList<string> keys) => keys.Count == 0
        ? null
        : $"{keys.Count} {what}: {string.Join(", ", keys.Take(KeysNamed))}{(keys.Count > KeysNamed ? ", ..." : "")}";
}
