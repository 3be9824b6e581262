using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Backbones.Sites;

namespace Graft.Formats.Foreign.AdapterHub;

/// <summary>Bottleneck adapters between AdapterHub's <c>BnConfig</c> and Graft's settings. Stateless.</summary>
internal static class HubBottleneck
{
    // Drawn once and trained since, or of the training alone.
    private static readonly string[] s_passed = ["architecture", "init_weights_seed", "phm_c_init", "hypercomplex_nonlinearity"];

    // Of hypercomplex layers alone.
    private static readonly string[] s_hypercomplex =
        ["phm_dim", "phm_rank", "phm_bias", "phm_init_range", "learn_phm", "shared_phm_rule", "factorized_phm_rule", "factorized_phm_W", "shared_W_phm"];

    public static (string Method, JsonObject Set) Read(AskedFields fields, HubReading reading)
    {
        fields.Ignore(s_passed);
        RefuseInvertible(fields, reading);
        var set = Common(fields, reading);
        if (fields.Flag("phm_layer", false))
        {
            fields.Ignore("init_weights");
            return HubCompacter.Read(fields, set);
        }

        fields.Ignore(s_hypercomplex);
        set["init"] = fields.Text("init_weights", "bert") switch { "mam_adapter" => "mam", var init => init };
        var parallel = set["parallel"]!.GetValue<bool>();
        return (parallel ? "parallel" : set["sublayers"]!.GetValue<string>() == "feed_forward" ? "pfeiffer" : "houlsby", set);
    }

    public static JsonObject Write(AskedFields settings, string method)
    {
        var config = Common(settings, method);
        config["init_weights"] = settings.Text("init", "bert") switch { "mam" => "mam_adapter", var init => init };
        HubCompacter.Write(settings, config, hypercomplex: method == "compacter");
        HubSettings.Finish(settings, method);
        return config;
    }

    /// <summary>The settings that dense and hypercomplex bottlenecks share.</summary>
    private static JsonObject Common(AskedFields fields, HubReading reading) => new()
    {
        ["sublayers"] = Sublayers(fields),
        ["reduction_factor"] = fields.Json("reduction_factor") ?? throw fields.Error("reduction_factor", "'reduction_factor' is missing, expected a number or an object of numbers; take the adapter's files again."),
        ["activation"] = Activation(fields, reading),
        ["parallel"] = fields.Flag("is_parallel", false),
        ["norm_before"] = fields.Flag("original_ln_before", false),
        ["norm_after"] = fields.Flag("original_ln_after", true),
        ["own_norm_before"] = fields.Flag("ln_before", false),
        ["own_norm_after"] = fields.Flag("ln_after", false),
        ["residual"] = Residual(fields),
        ["residual_before_own_norm"] = fields.Flag("adapter_residual_before_ln", false),
        ["scaling"] = fields.Json("scaling") ?? HubSettings.Float(1),
        ["gate"] = HubSettings.Gate(fields),
        ["dropout"] = fields.Number("dropout", 0),
        ["stochastic_depth"] = fields.Number("stochastic_depth", 0),
        ["leave_out"] = HubSettings.LeaveOut(fields),
        ["train_norms"] = false,
    };

    /// <summary>The fields that dense and hypercomplex bottlenecks share.</summary>
    private static JsonObject Common(AskedFields settings, string method)
    {
        HubSettings.Off(settings, method, "train_norms");
        var sublayers = SiteRoleJson.Roles(settings.Text("sublayers", ""));
        return new JsonObject
        {
            ["architecture"] = null,
            ["mh_adapter"] = sublayers.HasFlag(SiteRole.SelfAttention),
            ["output_adapter"] = sublayers.HasFlag(SiteRole.FeedForward),
            ["cross_adapter"] = sublayers.HasFlag(SiteRole.CrossAttention),
            ["reduction_factor"] = settings.Json("reduction_factor"),
            ["non_linearity"] = settings.Text("activation"),
            ["is_parallel"] = settings.Flag("parallel", false),
            ["original_ln_before"] = settings.Flag("norm_before", false),
            ["original_ln_after"] = settings.Flag("norm_after", true),
            ["ln_before"] = settings.Flag("own_norm_before", false),
            ["ln_after"] = settings.Flag("own_norm_after", false),
            ["residual_before_ln"] = settings.Text("residual", "output") switch { "output" => true, "sum" => "post_add", _ => false },
            ["adapter_residual_before_ln"] = settings.Flag("residual_before_own_norm", false),
            ["scaling"] = settings.Kind("scaling") == JsonValueKind.String ? settings.Text("scaling") : HubSettings.Float(settings.Number("scaling", 1)),
            ["use_gating"] = HubSettings.UseGating(settings),
            ["dropout"] = HubSettings.Float(settings.Number("dropout", 0)),
            ["stochastic_depth"] = HubSettings.Float(settings.Number("stochastic_depth", 0)),
            ["leave_out"] = HubSettings.LeaveOut(settings),
            ["inv_adapter"] = null,
            ["inv_adapter_reduction_factor"] = null,
            ["init_weights_seed"] = null,
        };
    }

    private static string Sublayers(AskedFields fields)
    {
        var sublayers = (fields.Flag("mh_adapter", false) ? SiteRole.SelfAttention : SiteRole.None)
            | (fields.Flag("cross_adapter", false) ? SiteRole.CrossAttention : SiteRole.None)
            | (fields.Flag("output_adapter", false) ? SiteRole.FeedForward : SiteRole.None);
        return sublayers != SiteRole.None
            ? SiteRoleJson.Text(sublayers)
            : throw fields.Error("output_adapter", "none of 'mh_adapter', 'cross_adapter' and 'output_adapter' is true, so there is no adapter; take the adapter's files again.");
    }

    private static JsonNode Residual(AskedFields fields) => fields.Kind("residual_before_ln") == JsonValueKind.String
        ? fields.Text("residual_before_ln") switch
        {
            "post_add" => "sum",
            var other => throw fields.Error("residual_before_ln", $"'residual_before_ln' is '{other}', expected true, false or 'post_add'."),
        }
        : fields.Flag("residual_before_ln", true) ? "output" : "input";

    // Before the library wrote its version, "gelu" was the approximation by tanh.
    private static string Activation(AskedFields fields, HubReading reading) => fields.Text("non_linearity", "relu").ToLowerInvariant() switch
    {
        "leakyrelu" => "leaky_relu",
        "gelu" when reading.Version is null => "gelu_new",
        "gelu_orig" when reading.Version is null => "gelu",
        var name => name,
    };

    private static void RefuseInvertible(AskedFields fields, HubReading reading)
    {
        var on = fields.Kind("inv_adapter") is not null || fields.Kind("invertible_adapter") is not null;
        fields.Ignore("inv_adapter_reduction_factor");
        if (on && reading.HasInvertible)
        {
            throw fields.Error("inv_adapter", "the adapter has an invertible part on the embeddings, which Graft has not; take an adapter without 'inv_adapter'.");
        }

        if (on)
        {
            reading.Notes.Add("The configuration names an invertible part and the weights have none, as old task adapters do; it is left out, as the library does.");
        }
    }
}
