using System.Text.Json.Nodes;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Formats.Foreign.Peft.Mappings;

/// <summary>
/// <c>rank_pattern</c> and <c>alpha_pattern</c>: patterns of module names with numbers. What counts is the numbers at each map: names in the
/// wrapped model may begin with the model's prefix, PEFT sorts the keys when it saves, and versions before 0.14 looked up both numbers by the
/// first key of either pattern that matched. Patterns are kept where they give the same numbers on the other side, in every version, and are
/// spelt out map by map where they do not. Stateless.
/// </summary>
internal static class PeftPatterns
{
    private const string Ranks = "rank_pattern";
    private const string Alphas = "alpha_pattern";

    // A number that no rank and no alpha has, for maps that no pattern matches.
    private const double None = -1;

    /// <summary>Writes Graft's settings for the two fields.</summary>
    /// <param name="settings">Where they are written.</param>
    /// <param name="config">The configuration.</param>
    /// <param name="sites">The maps that are adapted.</param>
    /// <param name="modules">The names of modules in the wrapped model.</param>
    /// <exception cref="GraftException">A pattern cannot be read.</exception>
    public static void Read(JsonObject settings, PeftConfigFile config, IReadOnlyList<LinearSite> sites, PeftModules modules)
    {
        var (ranks, alphas) = (Matching(Ranks), Matching(Alphas));
        settings[Ranks] = Kept(Bare(ranks), sites, s => ranks.For(modules.Prefix + s.Path, None));
        settings[Alphas] = Kept(Bare(alphas), sites, s => alphas.For(modules.Prefix + s.Path, None));
        var unlike = sites.FirstOrDefault(s => !Alike(ranks, alphas, modules.Prefix + s.Path));
        if (unlike is not null && !config.Fields.Has("peft_version"))
        {
            config.Notes.Add(
                $"{Ranks} and {Alphas} name '{unlike.Path}' by different keys, of which versions of PEFT before 0.14 took the first for both numbers; it is read as newer versions do.");
        }

        // PEFT takes no notice of a pattern that matches no adapted map, and Graft refuses one.
        PathNumbers Matching(string field)
        {
            var numbers = Parsed(config, field);
            var idle = numbers.Unmatched([.. sites.Select(s => modules.Prefix + s.Path)]).ToList();
            config.Notes.AddRange(idle.Select(key => $"{field} has '{key}', which matches no adapted map; it is left out."));
            return idle.Count == 0 ? numbers : new PathNumbers(numbers.Pairs.Where(p => !idle.Contains(p.Key)));
        }

        IReadOnlyList<KeyValuePair<string, double>> Bare(PathNumbers numbers) => [.. numbers.Pairs.Select(p => KeyValuePair.Create(
            p.Key.StartsWith(modules.Prefix, StringComparison.Ordinal) ? p.Key[modules.Prefix.Length..] : p.Key, p.Value))];
    }

    /// <summary>Writes the two fields.</summary>
    /// <param name="fields">Where they are written.</param>
    /// <param name="layout">The adapter.</param>
    /// <param name="sites">The maps that are adapted.</param>
    /// <param name="number">How a number is written.</param>
    public static void Write(Dictionary<string, JsonNode?> fields, PeftLayout layout, IReadOnlyList<LinearSite> sites, Func<double, JsonNode> number)
    {
        var (ranks, alphas) = (Own(layout, Ranks), Own(layout, Alphas));
        var (sortedRanks, sortedAlphas) = (Sorted(ranks), Sorted(alphas));
        if (!sites.All(s => Name(s) is var name && sortedRanks.For(name, None) == ranks.For(s.Path, None) && sortedAlphas.For(name, None) == alphas.For(s.Path, None)
            && Alike(sortedRanks, sortedAlphas, name)))
        {
            // The same keys in both, so that it does not matter whose is found.
            var told = sites.Where(s => ranks.For(s.Path, None) != None || alphas.For(s.Path, None) != None).ToList();
            sortedRanks = new PathNumbers(told.Select(s => KeyValuePair.Create(Tail(s), ranks.For(s.Path, layout.Number("rank")))));
            sortedAlphas = new PathNumbers(told.Select(s => KeyValuePair.Create(Tail(s), alphas.For(s.Path, layout.Number("alpha")))));
        }

        fields[Ranks] = Json(sortedRanks.Pairs, number);
        fields[Alphas] = Json(sortedAlphas.Pairs, number);

        string Name(LinearSite site) => layout.Modules.Prefix + site.Path;

        // Versions before 0.14 want something before the key, so the first name is left out where the rest says enough.
        string Tail(LinearSite site)
        {
            var rest = Name(site)[(Name(site).IndexOf('.', StringComparison.Ordinal) + 1)..];
            return layout.Modules.Backbone.Sites.Linear(SiteRole.AllLinear).Count(s => SiteSelection.EndsWith(Name(s), rest)) == 1 ? rest : Name(site);
        }
    }

    private static JsonObject Kept(IReadOnlyList<KeyValuePair<string, double>> pairs, IReadOnlyList<LinearSite> sites, Func<LinearSite, double> wanted)
    {
        var fits = pairs.Select(p => p.Key).Distinct(StringComparer.Ordinal).Count() == pairs.Count
            && new PathNumbers(pairs) is var numbers && sites.All(s => numbers.For(s.Path, None) == wanted(s));
        return Json(fits ? pairs : [.. sites.Where(s => wanted(s) != None).Select(s => KeyValuePair.Create(s.Path, wanted(s)))], n => n);
    }

    // Whether looking up both numbers by the first matching key of either pattern gives what looking them up apart gives.
    private static bool Alike(PathNumbers ranks, PathNumbers alphas, string name)
    {
        var first = ranks.Pairs.Concat(alphas.Pairs).Select(p => p.Key).FirstOrDefault(key => new PathNumbers([KeyValuePair.Create(key, 1.0)]).For(name, None) != None);
        return first is null || (At(ranks, first) == ranks.For(name, None) && At(alphas, first) == alphas.For(name, None));

        static double At(PathNumbers numbers, string key) => numbers.Pairs.Where(p => p.Key == key).Select(p => p.Value).FirstOrDefault(None);
    }

    private static PathNumbers Parsed(PeftConfigFile config, string field)
    {
        try
        {
            return new PathNumbers(config.Numbers(field));
        }
        catch (ArgumentException e)
        {
            throw config.Refused(field, e.Message.Split(" (Parameter", 2)[0]);
        }
    }

    private static PathNumbers Own(PeftLayout layout, string setting) =>
        new(layout.Config[setting]!.AsObject().Select(p => KeyValuePair.Create(p.Key, p.Value!.GetValue<double>())));

    private static PathNumbers Sorted(PathNumbers numbers) => new(numbers.Pairs.OrderBy(p => p.Key, StringComparer.Ordinal));

    private static JsonObject Json(IEnumerable<KeyValuePair<string, double>> pairs, Func<double, JsonNode> number) =>
        new(pairs.Select(p => KeyValuePair.Create(p.Key, (JsonNode?)number(p.Value))));
}
