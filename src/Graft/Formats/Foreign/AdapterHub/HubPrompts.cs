using System.Text.Json.Nodes;
using Graft.Backbones.Sites;

namespace Graft.Formats.Foreign.AdapterHub;

/// <summary>Prefix tuning and prompt tuning. Stateless.</summary>
internal static class HubPrompts
{
    /// <summary>The name of prefix tuning's configuration.</summary>
    public const string PrefixArchitecture = "prefix_tuning";

    /// <summary>The name of prompt tuning's configuration.</summary>
    public const string PromptArchitecture = "prompt_tuning";

    /// <summary>The method whose prefixes are never reparametrised, so that it has no setting for it.</summary>
    public const string FlatPrefixMethod = "p-tuning-v2";

    public static (string Method, JsonObject Set) ReadPrefix(AskedFields fields, HubReading reading)
    {
        fields.Ignore("architecture", "init_weights_seed");
        var gate = HubSettings.Gate(fields);
        if (!fields.Flag("shared_gating", true) && gate != "none")
        {
            throw fields.Error("shared_gating", "'shared_gating' is false, and Graft gates keys and values of a prefix together; train the adapter with shared_gating.");
        }

        var cross = fields.Flag("cross_prefix", true) && HasCross(reading.Sites) ? SiteRole.CrossAttention : SiteRole.None;
        return ("prefix-tuning", new JsonObject
        {
            ["length"] = fields.Whole("prefix_length", 30),
            ["bottleneck"] = fields.Whole("bottleneck_size", 512),
            ["flat"] = fields.Flag("flat", false),
            ["activation"] = fields.Text("non_linearity", "tanh").ToLowerInvariant(),
            ["sublayers"] = SiteRoleJson.Text(SiteRole.SelfAttention | cross),
            ["encoder"] = fields.Flag("encoder_prefix", true),
            ["gate"] = gate,
            ["dropout"] = fields.Number("dropout", 0),
            ["init"] = "torch",
            ["leave_out"] = HubSettings.LeaveOut(fields),
        });
    }

    public static JsonObject WritePrefix(AskedFields settings, string method, SiteMap sites)
    {
        HubSettings.Off(settings, method, "shift_positions");
        settings.Ignore("init");
        var sublayers = SiteRoleJson.Roles(settings.Text("sublayers", "self_attention"));
        if (!sublayers.HasFlag(SiteRole.SelfAttention))
        {
            throw settings.Error("sublayers", $"'sublayers' is '{SiteRoleJson.Text(sublayers)}', and AdapterHub's prefix tuning always has self-attention; train with it.");
        }

        var config = new JsonObject
        {
            ["architecture"] = PrefixArchitecture,
            ["encoder_prefix"] = settings.Flag("encoder", true),
            ["cross_prefix"] = !HasCross(sites) || sublayers.HasFlag(SiteRole.CrossAttention),
            ["leave_out"] = HubSettings.LeaveOut(settings),
            ["flat"] = settings.Flag("flat", method == FlatPrefixMethod),
            ["prefix_length"] = settings.Whole("length", 30),
            ["bottleneck_size"] = settings.Whole("bottleneck", 512),
            ["non_linearity"] = settings.Text("activation", "tanh"),
            ["dropout"] = HubSettings.Float(settings.Number("dropout", 0)),
            ["use_gating"] = HubSettings.UseGating(settings),
            ["shared_gating"] = true,
            ["init_weights_seed"] = null,
        };
        HubSettings.Finish(settings, method);
        return config;
    }

    public static (string Method, JsonObject Set) ReadPrompt(AskedFields fields)
    {
        fields.Ignore("architecture", "init_weights_seed", "prompt_init", "prompt_init_text", "random_uniform_scale");
        return ("prompt-tuning", new JsonObject
        {
            ["length"] = fields.Whole("prompt_length", 10),
            ["init"] = "random",
            ["placement"] = fields.Text("combine", "prefix") switch
            {
                "prefix" => "prefix",
                "prefix_after_bos" => "after_first",
                var other => throw fields.Error("combine", $"'combine' is '{other}', expected 'prefix' or 'prefix_after_bos'."),
            },
            ["as_words"] = false,
        });
    }

    public static JsonObject WritePrompt(AskedFields settings)
    {
        settings.Ignore("init", "init_text", "init_ids");
        return Prompt(settings, "prompt-tuning", settings.Text("placement", "prefix") == "after_first" ? "prefix_after_bos" : "prefix");
    }

    /// <summary>P-tuning's prompt, which packages keep without its encoder.</summary>
    public static JsonObject WriteEncodedPrompt(AskedFields settings)
    {
        HubSettings.Off(settings, "p-tuning", "encoder");
        settings.Ignore("encoder_hidden", "encoder_layers");
        return Prompt(settings, "p-tuning", "prefix");
    }

    private static JsonObject Prompt(AskedFields settings, string method, string combine)
    {
        HubSettings.Off(settings, method, "as_words");
        var config = new JsonObject
        {
            ["architecture"] = PromptArchitecture,
            ["prompt_length"] = settings.Whole("length", 20),
            ["prompt_init"] = "random_uniform",
            ["prompt_init_text"] = null,
            ["combine"] = combine,
            ["init_weights_seed"] = null,
        };
        HubSettings.Finish(settings, method);
        return config;
    }

    private static bool HasCross(SiteMap sites) => sites.KeyValue(SiteRole.CrossAttention).Any();
}
