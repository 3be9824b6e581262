using System.Text.Json.Nodes;

namespace Graft.Formats.Foreign.AdapterHub;

/// <summary>Compacter, which AdapterHub keeps as a bottleneck with <c>phm_layer</c>. Stateless.</summary>
internal static class HubCompacter
{
    private static readonly (string Foreign, string Own, bool Default)[] s_flags =
    [
        ("phm_bias", "phm_bias", true),
        ("learn_phm", "learn_rule", true),
        ("shared_phm_rule", "shared_rule", true),
        ("factorized_phm_rule", "factorized_rule", false),
        ("factorized_phm_W", "factorized_weights", true),
        ("shared_W_phm", "shared_weights", false),
    ];

    /// <summary>Adds the settings of hypercomplex layers; those of any bottleneck are there.</summary>
    public static (string Method, JsonObject Set) Read(AskedFields fields, JsonObject set)
    {
        set["phm_dim"] = fields.Whole("phm_dim", 4);
        set["phm_rank"] = fields.Whole("phm_rank", 1);
        set["rule_deviation"] = fields.Number("phm_init_range", 0.0001);
        foreach (var (foreign, own, otherwise) in s_flags)
        {
            set[own] = fields.Flag(foreign, otherwise);
        }

        return ("compacter", set);
    }

    /// <summary>Adds the fields of hypercomplex layers, as they are or as they stand in a bottleneck without such layers.</summary>
    public static void Write(AskedFields settings, JsonObject config, bool hypercomplex)
    {
        config["phm_layer"] = hypercomplex;
        config["phm_dim"] = settings.Whole("phm_dim", 4);
        config["phm_rank"] = settings.Whole("phm_rank", 1);
        config["phm_init_range"] = HubSettings.Float(settings.Number("rule_deviation", 0.0001));
        config["phm_c_init"] = "normal";
        config["hypercomplex_nonlinearity"] = "glorot-uniform";
        foreach (var (foreign, own, otherwise) in s_flags)
        {
            config[foreign] = settings.Flag(own, otherwise);
        }
    }
}
