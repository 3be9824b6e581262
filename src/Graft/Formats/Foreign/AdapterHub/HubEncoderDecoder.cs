using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Formats.Foreign.AdapterHub;

/// <summary>What AdapterHub computes or counts otherwise than Graft on an encoder-decoder, and is refused there in both directions. Stateless.</summary>
internal static class HubEncoderDecoder
{
    /// <summary>Refuses a configuration that means something else there.</summary>
    /// <param name="config">The library's configuration of one part.</param>
    /// <param name="method">The method.</param>
    /// <param name="sites">The backbone's sites.</param>
    /// <exception cref="GraftException">It does.</exception>
    public static void Check(JsonObject config, string method, SiteMap sites)
    {
        if (sites.All.Any(s => s.Stack == StackKind.Decoder) && Difference(config) is { } difference)
        {
            throw Refused(method, difference);
        }
    }

    /// <summary>Refuses a fusion there.</summary>
    /// <param name="backbone">The backbone.</param>
    /// <exception cref="GraftException">It has a decoder.</exception>
    public static void CheckFusion(Backbone backbone)
    {
        if (backbone.Config.Decoder is not null)
        {
            throw Refused("fusion", "the two have not been compared");
        }
    }

    private static string? Difference(JsonObject config) => (string?)config["architecture"] switch
    {
        HubPrompts.PrefixArchitecture => "the positions that its attention gives a prefix have not been compared with Graft's, which gives none",
        HubPrompts.PromptArchitecture => "its encoder-decoders take no prompts",
        _ when Is(config, "use_gating") => "its gates average over all that the decoder reads, Graft's read the first token",
        _ when Is(config, "is_parallel") => "its parallel adapters read the state before the sublayer's norm, Graft's the one behind it",
        _ when config["leave_out"] is JsonArray { Count: > 0 } => "'leave_out' numbers the blocks of both stacks in one row, Graft's those of each stack",
        _ when config["reduction_factor"] is JsonObject => "'reduction_factor' numbers the blocks of both stacks in one row, Graft's those of each stack",
        _ => null,
    };

    private static bool Is(JsonObject config, string flag) => config[flag] is JsonValue value && value.TryGetValue<bool>(out var on) && on;

    private static GraftException Refused(string method, string difference) =>
        new($"AdapterHub's {method} on an encoder-decoder is not Graft's: {difference}; keep the adapter in the format that it is in.");
}
