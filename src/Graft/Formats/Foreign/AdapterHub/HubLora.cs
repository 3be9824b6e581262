using System.Text.Json.Nodes;
using Graft.Backbones.Sites;

namespace Graft.Formats.Foreign.AdapterHub;

/// <summary>LoRA and (IA)3, which AdapterHub keeps in one <c>LoRAConfig</c>. Stateless.</summary>
internal static class HubLora
{
    /// <summary>The name of the configuration.</summary>
    public const string Architecture = "lora";

    // The first version whose ungated LoRA is scaled with alpha / r; before, it was scaled with 1 whatever the file says.
    private static readonly Version s_scaled = new(1, 1, 0);

    private static readonly (string Name, SiteRole Role)[] s_attention = [("q", SiteRole.Query), ("k", SiteRole.Key), ("v", SiteRole.Value)];

    public static (string Method, JsonObject Set) Read(AskedFields fields, HubReading reading)
    {
        fields.Ignore("architecture", "init_weights", "init_weights_seed", "dtype");
        fields.Require("use_dora", HubSettings.IsOff, "and AdapterHub's DoRA scales the bias and leaves alpha out of the norm, which Graft's, as published, does not; train the adapter again with Graft");
        foreach (var key in new[] { "vera_d", "vera_b" })
        {
            fields.Require(key, v => v is null, "and AdapterHub's VeRA trains full matrices where the published one trains vectors; train the adapter again with Graft");
        }

        var (rank, alpha, dropout) = (fields.Whole("r", 8), fields.Number("alpha", 8), fields.Number("dropout", 0));
        var set = new JsonObject
        {
            ["targets"] = Targets(fields, reading.Sites),
            ["gate"] = HubSettings.Gate(fields),
            ["leave_out"] = HubSettings.LeaveOut(fields),
        };
        var gated = set["gate"]!.GetValue<string>() != "none";
        switch (fields.Text("composition_mode", "add"))
        {
            case "add":
                set["rank"] = rank;
                set["alpha"] = Scaled(rank, alpha, gated, reading);
                set["dropout"] = dropout;
                return ("lora", set);
            case "scale" when rank != 1:
                throw fields.Error("r", $"'r' is {rank}, expected 1 with composition_mode 'scale'; take the adapter's files again.");
            case "scale" when dropout != 0:
                throw fields.Error("dropout", $"'dropout' is {dropout}, expected 0 with composition_mode 'scale'; take the adapter's files again.");
            case "scale" when !gated && alpha != 1:
                throw fields.Error("alpha", $"'alpha' is {alpha}, and Graft's (IA)3 has no factor beside its vectors; take an adapter with alpha 1.");
            case "scale":
                set["input_targets"] = "none";
                return ("ia3", set);
            case var other:
                throw fields.Error("composition_mode", $"'composition_mode' is '{other}', expected 'add' or 'scale'.");
        }
    }

    public static JsonObject WriteLora(AskedFields settings, SiteMap sites)
    {
        HubSettings.Off(settings, "lora", "use_rslora", "rank_pattern", "alpha_pattern", "lora_bias", "bias", "modules");
        var config = Common(settings, "lora", sites);
        config["r"] = settings.Whole("rank", 8);
        config["alpha"] = HubSettings.Number(settings.Number("alpha", 16));
        config["dropout"] = HubSettings.Float(settings.Number("dropout", 0));
        config["composition_mode"] = "add";
        config["init_weights"] = "lora";
        HubSettings.Finish(settings, "lora");
        return config;
    }

    public static JsonObject WriteIa3(AskedFields settings, SiteMap sites)
    {
        HubSettings.Off(settings, "ia3", "modules");
        settings.Require("input_targets", HubSettings.IsOff, "and AdapterHub's (IA)3 scales outputs only; train with input_targets=none and targets=\"key, value, feed_forward_in\", which is its form");
        var config = Common(settings, "ia3", sites);
        config["r"] = 1;
        config["alpha"] = 1;
        config["dropout"] = HubSettings.Float(0);
        config["composition_mode"] = "scale";
        config["init_weights"] = "ia3";
        HubSettings.Finish(settings, "ia3");
        return config;
    }

    private static JsonObject Common(AskedFields settings, string method, SiteMap sites)
    {
        var targets = SiteRoleJson.Roles(settings.Text("targets", ""));
        var inner = Inner(sites);
        var known = s_attention.Aggregate(inner | SiteRole.FeedForwardOut, (roles, a) => roles | a.Role);
        if ((targets & ~known) != 0)
        {
            throw settings.Error("targets", $"'targets' is '{SiteRoleJson.Text(targets)}', and AdapterHub's {method} has no counterpart of '{SiteRoleJson.Text(targets & ~known)}'; train with some of '{SiteRoleJson.Text(known)}'.");
        }

        var attention = s_attention.Where(a => targets.HasFlag(a.Role)).Select(a => (JsonNode?)a.Name).ToArray();
        return new JsonObject
        {
            ["architecture"] = Architecture,
            ["selfattn_lora"] = attention.Length > 0,
            ["intermediate_lora"] = (targets & inner) != 0,
            ["output_lora"] = targets.HasFlag(SiteRole.FeedForwardOut),
            ["attn_matrices"] = new JsonArray(attention),
            ["leave_out"] = HubSettings.LeaveOut(settings),
            ["use_gating"] = HubSettings.UseGating(settings),
            ["use_dora"] = false,
            ["vera_d"] = null,
            ["vera_b"] = null,
            ["dtype"] = null,
            ["init_weights_seed"] = null,
        };
    }

    private static string Targets(AskedFields fields, SiteMap sites)
    {
        var roles = SiteRole.None;
        var matrices = fields.Texts("attn_matrices", "q", "v");
        if (fields.Flag("selfattn_lora", true))
        {
            foreach (var name in matrices)
            {
                var role = s_attention.FirstOrDefault(a => a.Name == name).Role;
                roles |= role != SiteRole.None ? role : throw fields.Error(
                    "attn_matrices", $"'attn_matrices' has '{name}', expected some of 'q', 'k' and 'v'; take an adapter of those.");
            }
        }

        roles |= fields.Flag("intermediate_lora", false) ? Inner(sites) : SiteRole.None;
        roles |= fields.Flag("output_lora", false) ? SiteRole.FeedForwardOut : SiteRole.None;
        return roles != SiteRole.None
            ? SiteRoleJson.Text(roles)
            : throw fields.Error("selfattn_lora", "none of 'selfattn_lora', 'intermediate_lora' and 'output_lora' is true, so there is no adapter; take the adapter's files again.");
    }

    // The library adapts only the branch without activation of a gated feed-forward.
    private static SiteRole Inner(SiteMap sites) =>
        sites.Linear(SiteRole.FeedForwardGate).Any() ? SiteRole.FeedForwardGate : SiteRole.FeedForwardIn;

    private static double Scaled(long rank, double alpha, bool gated, HubReading reading)
    {
        if (gated || alpha == rank || !IsBefore(reading.Version, s_scaled))
        {
            return alpha;
        }

        reading.Notes.Add($"Written by {reading.Version}, which scaled LoRA with 1 whatever alpha says; alpha is read as r = {rank}, as the library does, so that the adapter works as trained.");
        return rank;
    }

    private static bool IsBefore(string? version, Version limit)
    {
        const string Library = "adapters.";
        if (version is null || !version.StartsWith(Library, StringComparison.Ordinal))
        {
            return false;
        }

        var text = version[Library.Length..];
        var numbers = new string([.. text.TakeWhile(c => char.IsAsciiDigit(c) || c == '.')]).TrimEnd('.');
        var known = Version.TryParse(numbers.Contains('.', StringComparison.Ordinal) ? numbers : numbers + ".0", out var parsed);
        var release = known ? new Version(parsed!.Major, parsed.Minor, Math.Max(parsed.Build, 0)) : limit;
        return release < limit || (release == limit && text.Any(char.IsAsciiLetter));
    }
}
