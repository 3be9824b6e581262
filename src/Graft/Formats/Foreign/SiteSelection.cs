using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Backbones.Sites;

namespace Graft.Formats.Foreign;

/// <summary>
/// Says in Graft's settings which maps of a backbone an adapter acts at: by roles and blocks left out where that names them exactly, else by
/// the modules' paths. Stateless.
/// </summary>
public static class SiteSelection
{
    private static readonly SiteRole[] s_sublayers = [SiteRole.SelfAttention, SiteRole.CrossAttention, SiteRole.FeedForward];

    /// <summary>Writes the settings for one or two groups of maps, such as (IA)3's outputs and inputs.</summary>
    /// <param name="config">Where they are written: a setting of roles for each group, <c>leave_out</c> and <c>modules</c>.</param>
    /// <param name="backbone">The backbone.</param>
    /// <param name="groups">The setting and the maps of each group.</param>
    /// <returns>Whether they could be written; a role in two groups at once cannot.</returns>
    public static bool Describe(JsonObject config, Backbone backbone, params IReadOnlyList<(string Setting, IReadOnlyCollection<LinearSite> Sites)> groups)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(backbone);
        ArgumentNullException.ThrowIfNull(groups);
        var all = backbone.Sites.Linear(SiteRole.AllLinear).ToList();
        var chosen = groups.SelectMany(g => g.Sites).ToHashSet();
        var leftOut = all.Select(s => s.Layer).Where(l => l >= 0).Distinct().Where(l => !chosen.Any(s => s.Layer == l)).Order().ToList();
        foreach (var narrowed in new[] { false, true })
        {
            var roles = groups.Select(g => Roles(g.Sites, narrowed)).ToList();
            if (groups.Index().All(g => all.Where(s => s.Matches(roles[g.Index]) && !leftOut.Contains(s.Layer)).ToHashSet().SetEquals(g.Item.Sites)))
            {
                Write(roles, leftOut, []);
                return true;
            }
        }

        var plain = groups.Select(g => Roles(g.Sites, narrowed: false)).ToList();
        var names = ShortestNames(chosen.Select(s => s.Path), [.. all.Where(s => !chosen.Contains(s)).Select(s => s.Path)]);
        Write(plain, [], names);
        return groups.Index().All(g => chosen.Where(s => s.Matches(plain[g.Index])).ToHashSet().SetEquals(g.Item.Sites));

        void Write(IReadOnlyList<SiteRole> roles, IReadOnlyList<int> layers, IReadOnlyList<string> modules)
        {
            foreach (var (index, group) in groups.Index())
            {
                config[group.Setting] = SiteRoleJson.Text(roles[index]);
            }

            config["leave_out"] = new JsonArray([.. layers.Select(l => (JsonNode?)l)]);
            config["modules"] = string.Join(", ", modules);
        }
    }

    /// <summary>The shortest ends of paths, whole names only, that no avoided path has; in ordinal order.</summary>
    /// <param name="paths">The paths to name.</param>
    /// <param name="avoided">The paths that no name may end.</param>
    public static IReadOnlyList<string> ShortestNames(IEnumerable<string> paths, IReadOnlyCollection<string> avoided)
    {
        ArgumentNullException.ThrowIfNull(paths);
        return [.. paths.Select(path => Ends(path).First(end => end == path || !avoided.Any(a => EndsWith(a, end)))).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    /// <summary>Whether a path is a name or ends with it, whole names only.</summary>
    /// <param name="path">The path.</param>
    /// <param name="name">The name.</param>
    public static bool EndsWith(string path, string name)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(name);
        return path == name || (path.Length > name.Length && path.EndsWith(name, StringComparison.Ordinal) && path[^(name.Length + 1)] == '.');
    }

    private static SiteRole Roles(IReadOnlyCollection<LinearSite> sites, bool narrowed)
    {
        var roles = sites.Aggregate(SiteRole.None, (sum, s) => sum | s.Role);
        return narrowed ? sites.Aggregate(roles, (sum, s) => sum | (s_sublayers.Contains(s.Sublayer) ? s.Sublayer : SiteRole.None)) : roles;
    }

    private static IEnumerable<string> Ends(string path)
    {
        for (var at = path.LastIndexOf('.'); at > 0; at = path.LastIndexOf('.', at - 1))
        {
            yield return path[(at + 1)..];
        }

        yield return path;
    }
}
