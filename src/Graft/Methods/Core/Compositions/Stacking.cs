using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Methods.Core.Compositions;

/// <summary>
/// What can stand on top of what. A site runs the hooks of all its parts in one fixed order, which is the order of a stack only where this
/// holds.
/// </summary>
internal static class Stacking
{
    /// <summary>Refuses adapters that a site cannot run on top of each other.</summary>
    /// <param name="site">The site.</param>
    /// <param name="adapters">The adapters, the lowest first.</param>
    /// <exception cref="GraftException">The site's order of hooks is not the order of the stack.</exception>
    public static void Check(Site site, IReadOnlyList<Adapter> adapters)
    {
        var acting = adapters.Where(a => !a.Parts.At(site).IsEmpty).ToList();
        for (var upper = 1; upper < acting.Count; upper++)
        {
            for (var lower = 0; lower < upper; lower++)
            {
                if (Conflict(site, acting[lower], acting[upper]) is { } conflict)
                {
                    throw new GraftException(
                        $"'{acting[upper].Name}' ({acting[upper].Method.Name}) cannot act on top of '{acting[lower].Name}' ({acting[lower].Method.Name}) at '{site.Path}': {conflict}.");
                }
            }
        }
    }

    private static string? Conflict(Site site, Adapter lower, Adapter upper) => site switch
    {
        ParameterSite => "both put their own values in the parameter's place; merge one of them into the backbone first",
        LinearSite => Linear(Places.Hooks((LinearSite)site, lower), Places.Hooks((LinearSite)site, upper)),
        HiddenSite => Hidden(lower.Parts.At(site), upper.Parts.At(site)),
        _ => null,
    };

    private static string? Linear(LinearHooks lower, LinearHooks upper)
    {
        const LinearHooks Scales = LinearHooks.BeforeBias | LinearHooks.Output;
        if (Weighs(lower) || Weighs(upper))
        {
            return "one of them rescales the map by the size of its own update; merge the lower one into the backbone first";
        }

        return (lower & Scales) != 0 && (upper & (LinearHooks.Delta | LinearHooks.BeforeBias)) != 0
            ? "the map scales after it adds, so the upper update would be scaled too; put the one that scales on top"
            : null;

        static bool Weighs(LinearHooks hooks) => (hooks & LinearHooks.Delta) != 0 && (hooks & Scales) != 0;
    }

    private static string? Hidden(ReadOnlySpan<Part> lower, ReadOnlySpan<Part> upper)
    {
        if (lower is [.., HiddenPart { EndsSublayer: true }])
        {
            return "the lower one ends the sublayer";
        }

        if ((Places.Hooks(upper) & HiddenHooks.Inner) != 0 && (Places.Hooks(lower) & (HiddenHooks.Parallel | HiddenHooks.After)) != 0)
        {
            return "what changes a sublayer's output before dropout comes before what is added to it; put that one below";
        }

        return (Places.Hooks(lower) & HiddenHooks.After) != 0 && (Places.Hooks(upper) & HiddenHooks.Parallel) != 0
            ? "what is parallel to a sublayer is added before what follows it; put the parallel one below"
            : null;
    }
}

/// <summary>What adapters do at a place.</summary>
internal static class Places
{
    /// <summary>The hooks of an adapter's parts at a linear map.</summary>
    public static LinearHooks Hooks(LinearSite site, Adapter adapter)
    {
        var hooks = LinearHooks.None;
        foreach (var part in adapter.Parts.At(site))
        {
            hooks |= ((LinearPart)part).Hooks;
        }

        return hooks;
    }

    /// <summary>The hooks of parts at a sublayer.</summary>
    public static HiddenHooks Hooks(ReadOnlySpan<Part> parts)
    {
        var hooks = HiddenHooks.None;
        foreach (var part in parts)
        {
            hooks |= ((HiddenPart)part).Hooks;
        }

        return hooks;
    }
}
