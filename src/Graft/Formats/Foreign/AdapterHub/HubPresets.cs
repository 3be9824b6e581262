using System.Text.Json.Nodes;
using Graft.Torch;

namespace Graft.Formats.Foreign.AdapterHub;

/// <summary>AdapterHub's configurations by name, current names and earlier ones. Stateless.</summary>
internal static class HubPresets
{
    private static readonly SortedDictionary<string, string> s_all = new(StringComparer.Ordinal)
    {
        ["seq_bn"] = Bottleneck("""  "original_ln_before": true, "non_linearity": "relu", "reduction_factor": 16 """),
        ["seq_bn_inv"] = Bottleneck("""  "original_ln_before": true, "non_linearity": "relu", "reduction_factor": 16, "inv_adapter": "nice", "inv_adapter_reduction_factor": 2 """),
        ["double_seq_bn"] = Bottleneck("""  "non_linearity": "swish", "reduction_factor": 16 """, both: true),
        ["double_seq_bn_inv"] = Bottleneck("""  "non_linearity": "swish", "reduction_factor": 16, "inv_adapter": "nice", "inv_adapter_reduction_factor": 2 """, both: true),
        ["par_bn"] = Bottleneck("""  "non_linearity": "relu", "reduction_factor": 2, "init_weights": "mam_adapter", "is_parallel": true, "scaling": 4.0 """),
        ["scaled_par_bn"] = Bottleneck("""  "non_linearity": "relu", "reduction_factor": 2, "init_weights": "mam_adapter", "is_parallel": true, "scaling": "learned" """),
        ["compacter"] = Bottleneck("""  "non_linearity": "gelu", "reduction_factor": 32, "phm_layer": true """, both: true),
        ["compacter++"] = Bottleneck("""  "original_ln_before": true, "non_linearity": "gelu", "reduction_factor": 32, "phm_layer": true """),
        ["prefix_tuning"] = """{ "architecture": "prefix_tuning" }""",
        ["prefix_tuning_flat"] = """{ "architecture": "prefix_tuning", "flat": true }""",
        ["prompt_tuning"] = """{ "architecture": "prompt_tuning" }""",
        ["lora"] = """{ "architecture": "lora" }""",
        ["ia3"] = """{ "architecture": "lora", "r": 1, "alpha": 1, "attn_matrices": ["k", "v"], "intermediate_lora": true, "composition_mode": "scale", "init_weights": "ia3" }""",
        ["mam"] = """
            { "architecture": "union", "configs": [
              { "architecture": "prefix_tuning", "bottleneck_size": 800 },
              { "output_adapter": true, "non_linearity": "relu", "reduction_factor": 2, "init_weights": "mam_adapter", "is_parallel": true, "scaling": 4.0 } ] }
            """,
        ["unipelt"] = """
            { "architecture": "union", "configs": [
              { "architecture": "prefix_tuning", "prefix_length": 10, "use_gating": true },
              { "output_adapter": true, "original_ln_before": true, "non_linearity": "relu", "reduction_factor": 16, "use_gating": true },
              { "architecture": "lora", "r": 8, "alpha": 2, "use_gating": true } ] }
            """,
    };

    private static readonly Dictionary<string, string> s_earlier = new(StringComparer.Ordinal)
    {
        ["pfeiffer"] = "seq_bn",
        ["houlsby"] = "double_seq_bn",
        ["parallel"] = "par_bn",
        ["scaled_parallel"] = "scaled_par_bn",
        ["pfeiffer+inv"] = "seq_bn_inv",
        ["houlsby+inv"] = "double_seq_bn_inv",
    };

    /// <summary>Every name, current and earlier ones.</summary>
    public static IReadOnlyList<string> Names => [.. s_all.Keys, .. s_earlier.Keys];

    /// <summary>The configuration of a name.</summary>
    /// <param name="name">The name.</param>
    /// <param name="where">What to name in errors.</param>
    /// <exception cref="GraftException">There is none of this name.</exception>
    public static StrictObject Get(string name, string where) => s_all.TryGetValue(s_earlier.GetValueOrDefault(name, name), out var text)
        ? StrictJson.From(JsonNode.Parse(text)!.AsObject(), $"{where}, the configuration '{name}'")
        : throw new GraftException($"{where}: there is no configuration '{name}'; {Suggest.Hint(name, Names)}");

    /// <summary>The <c>config</c> of a file: an object, or one of the names.</summary>
    /// <param name="top">The file's fields.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="GraftException">It is neither.</exception>
    public static StrictObject Config(AskedFields top, string path) => top.Kind("config") == System.Text.Json.JsonValueKind.String
        ? Get(top.Text("config")!, path)
        : top.Nested("config") ?? throw new GraftException($"{path}: 'config' is missing, expected an object; take the adapter's files again.");

    private static string Bottleneck(string fields, bool both = false) =>
        $$"""{ "mh_adapter": {{(both ? "true" : "false")}}, "output_adapter": true, {{fields}} }""";
}
