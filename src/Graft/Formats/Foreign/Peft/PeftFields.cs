using System.Text.Json.Nodes;

namespace Graft.Formats.Foreign.Peft;

/// <summary>What a field of <c>adapter_config.json</c> does to what the adapter computes.</summary>
internal enum PeftFieldUse
{
    /// <summary>The mapping reads it.</summary>
    Read,

    /// <summary>It matters for training or initialisation alone, so any value will do.</summary>
    Free,

    /// <summary>Another value than the default changes the computation in a way that Graft does not have.</summary>
    DefaultOnly,
}

/// <summary>A known field of <c>adapter_config.json</c>. Immutable.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Default">Its default as JSON.</param>
/// <param name="Use">What it does.</param>
/// <param name="Written">Whether it is written at its default: true for fields that every version knows, since older versions refuse newer fields.</param>
internal sealed record PeftField(string Name, string Default, PeftFieldUse Use = PeftFieldUse.Read, bool Written = true)
{
    /// <summary>The fields of every method.</summary>
    public static IReadOnlyList<PeftField> Common { get; } =
    [
        new("auto_mapping", "null", PeftFieldUse.Free),
        new("base_model_name_or_path", "null"),
        new("inference_mode", "true", PeftFieldUse.Free),
        new("peft_type", "null"),
        new("peft_version", "null", PeftFieldUse.Free, Written: false),
        new("revision", "null"),
        new("task_type", "null"),
    ];

    /// <summary>The fields by which methods that act at modules choose them.</summary>
    public static IReadOnlyList<PeftField> Modules { get; } =
    [
        new("exclude_modules", "null", Written: false),
        new("modules_to_save", "null"),
        new("target_modules", "null"),
    ];

    /// <summary>The fields by which methods choose layers.</summary>
    public static IReadOnlyList<PeftField> Layers { get; } = [new("layers_pattern", "null"), new("layers_to_transform", "null")];

    /// <summary>The fields of methods that put virtual tokens somewhere.</summary>
    public static IReadOnlyList<PeftField> Prompts { get; } =
    [
        new("modules_to_save", "null", Written: false),
        new("num_attention_heads", "null", PeftFieldUse.Free),
        new("num_layers", "null"),
        new("num_transformer_submodules", "null"),
        new("num_virtual_tokens", "null"),
        new("token_dim", "null"),
    ];

    /// <summary>Whether a value means the same as the default: equal, or both of null, false, empty.</summary>
    /// <param name="value">The value.</param>
    public bool IsDefault(JsonNode? value) => JsonNode.DeepEquals(value, JsonNode.Parse(Default)) || (Nothing(value) && Nothing(JsonNode.Parse(Default)));

    private static bool Nothing(JsonNode? value) => value switch
    {
        null => true,
        JsonObject o => o.Count == 0,
        JsonArray a => a.Count == 0,
        JsonValue v => v.TryGetValue<bool>(out var flag) && !flag,
        _ => false,
    };
}
