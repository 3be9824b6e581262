using System.Text.Json.Nodes;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Formats.Foreign.AdapterHub;

/// <summary>Between the <c>config</c> of AdapterHub and a method of Graft with its settings. Stateless.</summary>
internal static class HubConfigs
{
    /// <summary>Reads a configuration.</summary>
    /// <param name="config">The object.</param>
    /// <param name="path">Its path in the file with a full stop at its end, for the fields that are kept.</param>
    /// <param name="reading">What is known and found out.</param>
    /// <exception cref="GraftException">Something has no counterpart in Graft.</exception>
    public static (string Method, JsonObject Set) Read(StrictObject config, string path, HubReading reading)
    {
        var fields = new AskedFields(config);
        var read = fields.Text("architecture") switch
        {
            null or "bottleneck" => HubBottleneck.Read(fields, reading),
            HubLora.Architecture => HubLora.Read(fields, reading),
            HubPrompts.PrefixArchitecture => HubPrompts.ReadPrefix(fields, reading),
            HubPrompts.PromptArchitecture => HubPrompts.ReadPrompt(fields),
            HubUnion.Architecture => HubUnion.Read(fields, path, reading),
            var other => throw fields.Error("architecture", $"'architecture' is '{other}', which Graft has not; expected none (a bottleneck), {HubLora.Architecture}, {HubPrompts.PrefixArchitecture}, {HubPrompts.PromptArchitecture} or {HubUnion.Architecture}."),
        };
        reading.Keep(fields, path);
        return read;
    }

    /// <summary>Makes the configuration of a method.</summary>
    /// <param name="method">The method's name.</param>
    /// <param name="settings">Its settings.</param>
    /// <param name="sites">The backbone's sites.</param>
    /// <exception cref="GraftException">The method or a setting has no counterpart in AdapterHub.</exception>
    public static JsonObject Write(string method, JsonObject settings, SiteMap sites)
    {
        var known = PeftMethods.Get(method);
        var config = known.ReadConfig(settings, $"the settings of {method}");
        if (known.Parts(config) is { Count: > 0 } parts)
        {
            return HubUnion.Write(method, parts, sites);
        }

        var fields = new AskedFields(StrictJson.From(known.WriteConfig(config), $"the settings of {method}"));
        var written = method switch
        {
            "pfeiffer" or "houlsby" or "parallel" or "compacter" => HubBottleneck.Write(fields, method),
            "lora" => HubLora.WriteLora(fields, sites),
            "ia3" => HubLora.WriteIa3(fields, sites),
            "prefix-tuning" or HubPrompts.FlatPrefixMethod => HubPrompts.WritePrefix(fields, method, sites),
            "prompt-tuning" => HubPrompts.WritePrompt(fields),
            "p-tuning" => HubPrompts.WriteEncodedPrompt(fields),
            "dora" => throw HubSettings.NoCounterpart(method, ", as its own scales the bias and leaves alpha out of the norm"),
            "vera" => throw HubSettings.NoCounterpart(method, ", as its own trains full matrices in place of the vectors"),
            _ => throw HubSettings.NoCounterpart(method, ""),
        };
        HubEncoderDecoder.Check(written, method, sites);
        return written;
    }

    /// <summary>Whether positions of a prompt come before the first token, which the library's heads then read in its place.</summary>
    /// <param name="config">A configuration as <see cref="Write"/> makes it.</param>
    public static bool HasPromptInFront(JsonObject config) => (string?)config["architecture"] switch
    {
        HubUnion.Architecture => config["configs"]!.AsArray().Any(c => HasPromptInFront(c!.AsObject())),
        HubPrompts.PromptArchitecture => (string?)config["combine"] == "prefix",
        _ => false,
    };
}
