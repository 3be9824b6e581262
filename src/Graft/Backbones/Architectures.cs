using Graft.Torch;

namespace Graft.Backbones;

/// <summary>A row of the registry of backbones: how to build one architecture from a folder.</summary>
/// <param name="ModelType">The <c>model_type</c> of <c>config.json</c>.</param>
/// <param name="Prefix">The prefix that checkpoints with a head put in front of the backbone's keys, such as <c>bert.</c>.</param>
/// <param name="Ignored">Prefixes of keys that belong to pretraining heads or buffers and are not part of the backbone.</param>
/// <param name="Read">Reads the settings and returns what builds the backbone, so that faulty settings are told before weights are opened.</param>
internal sealed record Architecture(
    string ModelType, string Prefix, IReadOnlyList<string> Ignored, Func<ConfigFields, Func<WeightSource, Backbone>> Read)
{
    /// <summary>The random values that a weight of a key and shape begins with, by the settings.</summary>
    public required Func<ConfigFields, Func<string, long[], Rng, Tensor>> Initial { get; init; }
}

/// <summary>The registry of backbones. Each architecture's file registers itself when the assembly is loaded.</summary>
public static class Architectures
{
    private static readonly SortedDictionary<string, Architecture> s_all = new(StringComparer.Ordinal);

    /// <summary>The supported values of <c>model_type</c>.</summary>
    public static IReadOnlyCollection<string> Names => s_all.Keys;

    /// <summary>The prefix that models with a head put in front of a backbone's names, such as <c>bert.</c>; empty for an unknown architecture.</summary>
    /// <param name="modelType">The architecture's name.</param>
    public static string PrefixOf(string modelType) => s_all.TryGetValue(modelType, out var architecture) ? architecture.Prefix : "";

    internal static void Register(Architecture architecture) => s_all.Add(architecture.ModelType, architecture);

    internal static Architecture Find(ConfigFields fields, string folder)
    {
        var name = fields.OptionalText("model_type") ?? throw new GraftException(
            $"config.json in '{folder}' lacks 'model_type', expected one of {string.Join(", ", Names)}.");
        return s_all.TryGetValue(name, out var architecture)
            ? architecture
            : throw new GraftException(
                $"'{folder}' is a model of type '{name}', and Graft supports {string.Join(", ", Names)}; choose such a backbone.");
    }
}
