using System.Text.Json.Nodes;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Formats.Foreign.AdapterHub;

/// <summary>Unions of configurations: UniPELT, MAM, and any other that AdapterHub lets combine. Stateless.</summary>
internal static class HubUnion
{
    /// <summary>The name of the configuration.</summary>
    public const string Architecture = "union";

    private const string Any = "union";

    public static (string Method, JsonObject Set) Read(AskedFields fields, string path, HubReading reading)
    {
        fields.Ignore("architecture");
        var parts = fields.Objects("configs").Select((child, at) => HubConfigs.Read(child, $"{path}configs.{at}.", reading)).ToList();
        if (parts.Count == 0)
        {
            throw fields.Error("configs", "'configs' has no configuration, so there is no adapter; take the adapter's files again.");
        }

        var set = new JsonObject { ["parts"] = new JsonArray([.. parts.Select(p => (JsonNode)new JsonObject { ["method"] = p.Method, ["set"] = p.Set })]) };
        return Named(parts, set, reading.Sites) ?? (Any, set);
    }

    public static JsonObject Write(string method, IReadOnlyList<UnionPart> parts, SiteMap sites)
    {
        var configs = parts.Select(p => HubConfigs.Write(p.Method.Name, p.Method.WriteConfig(p.Config), sites)).ToList();
        foreach (var (config, at) in configs.Select((c, i) => (c, i)))
        {
            if (Kind(config) == Architecture)
            {
                throw new GraftException($"'{method}' has a union among its parts, and AdapterHub's unions have none; list the inner union's parts in the outer one.");
            }

            if (configs.Take(at).FirstOrDefault(other => Collide(other, config)) is not null)
            {
                throw new GraftException($"'{method}' has two parts that AdapterHub keeps as '{Kind(config) ?? "bottleneck"}', which its unions cannot combine; keep the adapter as a package of Graft.");
            }
        }

        return new JsonObject { ["architecture"] = Architecture, ["configs"] = new JsonArray([.. configs]) };
    }

    // As the library checks: the same kind twice is refused, unless blocks are left out or the bottlenecks are at different sublayers.
    private static bool Collide(JsonObject one, JsonObject other)
    {
        if (Kind(one) != Kind(other) || LeavesOut(one) || LeavesOut(other))
        {
            return false;
        }

        return Kind(one) is not null || new[] { "mh_adapter", "output_adapter" }.Any(key => (bool)one[key]! == (bool)other[key]!);
    }

    private static string? Kind(JsonObject config) => (string?)config["architecture"];

    private static bool LeavesOut(JsonObject config) => config["leave_out"] is JsonArray { Count: > 0 };

    /// <summary>The method that a union is under a name of its own, where its parts are exactly that method's.</summary>
    private static (string Method, JsonObject Set)? Named(IReadOnlyList<(string Method, JsonObject Set)> parts, JsonObject set, SiteMap sites)
    {
        var by = parts.GroupBy(p => p.Method, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.First().Set, StringComparer.Ordinal);
        if (by.Count != parts.Count || by.GetValueOrDefault("prefix-tuning") is not { } prefix)
        {
            return null;
        }

        var candidate = new JsonObject
        {
            ["length"] = prefix["length"]?.DeepClone(),
            ["prefix_bottleneck"] = prefix["bottleneck"]?.DeepClone(),
            ["prefix_flat"] = prefix["flat"]?.DeepClone(),
            ["prefix_init"] = prefix["init"]?.DeepClone(),
            ["leave_out"] = prefix["leave_out"]?.DeepClone(),
        };
        string method;
        if (by.GetValueOrDefault("parallel") is { } parallel && by.Count == 2)
        {
            method = "mam";
            candidate["reduction_factor"] = parallel["reduction_factor"]?.DeepClone();
            candidate["scaling"] = parallel["scaling"]?.DeepClone();
        }
        else
        {
            var prompt = by.GetValueOrDefault("prompt-tuning");
            method = prompt is null ? "unipelt" : "unipelt-pt";
            candidate["gate"] = prefix["gate"]?.DeepClone();
            candidate["parts"] = string.Join(", ", new[] { ("adapter", "pfeiffer"), ("prefix", "prefix-tuning"), ("lora", "lora") }.Where(p => by.ContainsKey(p.Item2)).Select(p => p.Item1));
            candidate["prompt_length"] = prompt?["length"]?.DeepClone() ?? 0;
            Add("reduction_factor", by.GetValueOrDefault("pfeiffer"));
            Add("rank", by.GetValueOrDefault("lora"));
            Add("alpha", by.GetValueOrDefault("lora"));
        }

        return IsSame(method, candidate, set, sites) ? (method, candidate) : null;

        void Add(string key, JsonObject? part)
        {
            if (part is not null)
            {
                candidate[key] = part[key]?.DeepClone();
            }
        }
    }

    private static bool IsSame(string method, JsonObject candidate, JsonObject set, SiteMap sites)
    {
        try
        {
            return Configs(method, candidate).SequenceEqual(Configs(Any, set));
        }
        catch (GraftException)
        {
            // A value that the method does not take, such as a reduction factor of its own for each block.
            return false;
        }

        IEnumerable<string> Configs(string name, JsonObject settings) =>
            HubConfigs.Write(name, settings, sites)["configs"]!.AsArray().Select(c => c!.ToJsonString()).Order(StringComparer.Ordinal);
    }
}
