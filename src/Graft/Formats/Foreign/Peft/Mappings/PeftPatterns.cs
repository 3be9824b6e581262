using System.Text.Json.Nodes;
using Graft.Backbones.Sites;
using Graft.Methods.Core;

namespace Graft.Formats.Foreign.Peft.Mappings;

/// <summary>
/// <c>rank_pattern</c> and <c>alpha_pattern</c>: patterns of module names with numbers. Names in the wrapped model may begin with the model's
/// prefix, and PEFT sorts the keys when it saves, so what counts is the number at each map: patterns are kept where they give the same
/// numbers on the other side, and spelt out map by map where they do not. Stateless.
/// </summary>
internal static class PeftPatterns
{
    // A number that no rank and no alpha has, for maps that no pattern matches.
    private const double None = -1;

    /// <summary>Graft's setting for a field.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="field">The field.</param>
    /// <param name="sites">The maps that are adapted.</param>
    /// <param name="modules">The names of modules in the wrapped model.</param>
    public static JsonObject Read(PeftConfigFile config, string field, IReadOnlyList<LinearSite> sites, PeftModules modules)
    {
        var pairs = config.Numbers(field);
        try
        {
            var theirs = new PathNumbers(pairs);
            var own = pairs.Select(p => KeyValuePair.Create(p.Key.StartsWith(modules.Prefix, StringComparison.Ordinal) ? p.Key[modules.Prefix.Length..] : p.Key, p.Value)).ToList();
            return Kept(own, sites, s => theirs.For(modules.Prefix + s.Path, None), s => s.Path, n => n);
        }
        catch (ArgumentException e)
        {
            throw config.Refused(field, e.Message.Split(" (Parameter", 2)[0]);
        }
    }

    /// <summary>The field for a setting of Graft.</summary>
    /// <param name="layout">The adapter.</param>
    /// <param name="field">The field, called as the setting is.</param>
    /// <param name="sites">The maps that are adapted.</param>
    /// <param name="number">How a number is written.</param>
    public static JsonObject Write(PeftLayout layout, string field, IReadOnlyList<LinearSite> sites, Func<double, JsonNode> number)
    {
        var own = new PathNumbers(layout.Config[field]!.AsObject().Select(p => KeyValuePair.Create(p.Key, p.Value!.GetValue<double>())));
        return Kept(
            [.. own.Pairs.OrderBy(p => p.Key, StringComparer.Ordinal)], sites, s => own.For(s.Path, None), s => layout.Modules.Prefix + s.Path, number);
    }

    private static JsonObject Kept(
        IReadOnlyList<KeyValuePair<string, double>> pairs, IReadOnlyList<LinearSite> sites, Func<LinearSite, double> wanted, Func<LinearSite, string> name, Func<double, JsonNode> number)
    {
        var numbers = pairs.Select(p => p.Key).Distinct(StringComparer.Ordinal).Count() == pairs.Count ? new PathNumbers(pairs) : PathNumbers.None;
        var kept = sites.All(s => numbers.For(name(s), None) == wanted(s)) && numbers.Pairs.Count == pairs.Count
            ? pairs
            : [.. sites.Where(s => wanted(s) != None).Select(s => KeyValuePair.Create(name(s), wanted(s)))];
        return new JsonObject(kept.Select(p => KeyValuePair.Create(p.Key, (JsonNode?)number(p.Value))));
    }
}
