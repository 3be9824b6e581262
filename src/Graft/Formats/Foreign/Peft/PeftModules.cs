using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Formats.Foreign.Peft;

/// <summary>
/// The names that a backbone's modules have in the Hugging Face model which PEFT wraps: <c>base_model.model.</c>, the prefix of models with a
/// head (<c>bert.</c>) or none, and the module's path. Immutable.
/// </summary>
internal sealed class PeftModules
{
    /// <summary>What precedes every key of a method that acts at modules.</summary>
    public const string Root = "base_model.model.";

    // Linear maps of the Hugging Face classes that are no site of a backbone; a suffix that is meant for sites must not select them.
    private static readonly string[] s_others = ["pooler.dense", "classifier", "classifier.dense", "classifier.out_proj", "score", "lm_head.dense", "qa_outputs"];

    /// <summary>Creates the names.</summary>
    /// <param name="backbone">The backbone.</param>
    /// <param name="prefix">The prefix of the backbone in the wrapped model, such as <c>bert.</c>, or empty.</param>
    public PeftModules(Backbone backbone, string prefix) => (Backbone, Prefix) = (backbone, prefix);

    /// <summary>The backbone.</summary>
    public Backbone Backbone { get; }

    /// <summary>The backbone's prefix in the wrapped model.</summary>
    public string Prefix { get; }

    /// <summary>The names that a file's keys use.</summary>
    /// <param name="backbone">The backbone.</param>
    /// <param name="keys">The keys.</param>
    public static PeftModules Of(Backbone backbone, IEnumerable<string> keys)
    {
        string[] prefixes = [Architectures.PrefixOf(backbone.Config.ModelType), "transformer."];
        var list = keys.ToList();
        return new PeftModules(
            backbone, prefixes.FirstOrDefault(p => p.Length > 0 && list.Exists(k => k.StartsWith(Root + p, StringComparison.Ordinal))) ?? "");
    }

    /// <summary>The key of something at a module.</summary>
    /// <param name="path">The module's path in Graft.</param>
    /// <param name="rest">What follows it, such as <c>.lora_A.weight</c>.</param>
    public string Key(string path, string rest) => Root + Prefix + path + rest;

    /// <summary>The linear maps that <c>target_modules</c> and its companions choose, by PEFT's rules.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="otherwise">The names where the configuration has none.</param>
    /// <exception cref="GraftException">They choose none, or a pattern cannot be read.</exception>
    public IReadOnlyList<LinearSite> Select(PeftConfigFile config, IReadOnlyList<string> otherwise)
    {
        var found = Backbone.Sites.Linear(SiteRole.AllLinear).Where(s => Selects(config, Prefix + s.Path, otherwise)).ToList();
        return found.Count > 0 ? found : throw config.Refused(
            "target_modules", $"this {Backbone.Config.ModelType} backbone has no such linear map (its first is '{Backbone.Sites.Linear(SiteRole.AllLinear).FirstOrDefault()?.Path}')");
    }

    /// <summary>Whether <c>target_modules</c> and its companions choose a module.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="module">The module's name in the wrapped model.</param>
    /// <param name="otherwise">The names where the configuration has none.</param>
    public static bool Selects(PeftConfigFile config, string module, IReadOnlyList<string> otherwise)
    {
        if (config.Fields.Has("exclude_modules") && Matches(config, "exclude_modules", module, []))
        {
            return false;
        }

        return Matches(config, "target_modules", module, otherwise) && (Text(config, "target_modules") is not null || InLayers(config, module));
    }

    /// <summary>Whether a list of names, or a pattern, selects a module: a name is the module or its end, a pattern is the whole.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="field">The field.</param>
    /// <param name="module">The module's name in the wrapped model.</param>
    /// <param name="otherwise">The names where the field has none.</param>
    public static bool Matches(PeftConfigFile config, string field, string module, IReadOnlyList<string> otherwise) =>
        Text(config, field) is { } pattern
            ? (pattern == "all-linear" && field == "target_modules") || Pattern(config, field, pattern).IsMatch(module)
            : (config.Fields.TextList(field) ?? otherwise).Any(name => SiteSelection.EndsWith(module, name));

    /// <summary>The shortest names that choose these linear maps and nothing else in any of the Hugging Face classes.</summary>
    /// <param name="sites">The maps.</param>
    public JsonArray Names(IReadOnlyCollection<LinearSite> sites)
    {
        var others = Backbone.Sites.Linear(SiteRole.AllLinear).Except(sites).Select(s => s.Path).Concat(s_others);
        return [.. SiteSelection.ShortestNames(sites.Select(s => s.Path), [.. others]).Select(n => (JsonNode?)n)];
    }

    private static bool InLayers(PeftConfigFile config, string module)
    {
        var layers = config.Json("layers_to_transform") switch
        {
            null => [],
            JsonArray list => [.. list.Select(Layer)],
            var one => new List<long> { Layer(one) },
        };
        if (layers.Count == 0)
        {
            return true;
        }

        var patterns = config.Fields.TextList("layers_pattern") is { Count: > 0 } named && named.Any(p => p.Length > 0) ? named : ["[^.]*"];
        var match = patterns.Select(p => Pattern(config, "layers_pattern", $@".*?\.{p}\.(\d+)\..*").Match(module)).FirstOrDefault(m => m.Success);
        return match is not null && layers.Contains(long.Parse(match.Groups[^1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture));

        long Layer(JsonNode? node) => node is JsonValue value && value.TryGetValue<long>(out var layer)
            ? layer
            : throw config.Refused("layers_to_transform", "a whole number or a list of them is expected");
    }

    private static string? Text(PeftConfigFile config, string field) =>
        config.Json(field) is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    // Patterns come from strangers: matched without backtracking, they take linear time whatever they say.
    private static Regex Pattern(PeftConfigFile config, string field, string pattern)
    {
        try
        {
            return new Regex($@"\A(?:{pattern})\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception e) when (e is NotSupportedException or RegexParseException)
        {
            throw config.Refused(field, "this is no regular expression that can be matched in linear time (no look-around, no back-references); write the modules' names as a list");
        }
    }
}
