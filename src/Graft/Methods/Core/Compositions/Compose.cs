using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Methods.Core.Compositions;

/// <summary>
/// Adapters made of adapters, to be used wherever an adapter is: a whole batch, or any row of it. A composition reads its adapters and owns
/// nothing: they must outlive it, and training them changes it. Compositions nest. What a composition cannot compute exactly is an
/// error when it is made. Thread contract: that of its adapters.
/// </summary>
public static class Compose
{
    /// <summary>
    /// Adapters on top of each other: each acts on the model that those before it adapted. At one linear map low-rank updates add up, bottlenecks follow
    /// one another, virtual tokens stand in a row.
    /// </summary>
    /// <param name="adapters">The adapters, the lowest first.</param>
    /// <returns>The composition, or the adapter itself where there is one.</returns>
    /// <exception cref="GraftException">Adapters of different backbones or tasks, or one that cannot act on top of another at some place.</exception>
    public static Adapter Stack(params IReadOnlyList<Adapter> adapters)
    {
        Check("stack", adapters);
        if (adapters.Count == 1)
        {
            return adapters[0];
        }

        var stack = Create("stack", adapters);
        foreach (var site in stack.Parts.Sites.All)
        {
            Stacking.Check(site, adapters);
            foreach (var part in adapters.SelectMany(a => a.Parts.At(site).ToArray()))
            {
                stack.Parts.Add(site, part);
            }
        }

        return stack;
    }

    /// <summary>The mean of adapters, each with the same weight.</summary>
    /// <inheritdoc cref="Average(IReadOnlyList{ValueTuple{Adapter, double}})"/>
    public static Adapter Average(params IReadOnlyList<Adapter> adapters) => Average([.. adapters.Select(a => (a, 1.0))]);

    /// <summary>
    /// The weighted mean of what adapters do at each place: of the updates of a linear map, of the outputs of a sublayer, of virtual tokens, of
    /// replaced parameters. An adapter that does nothing at a place counts with what the backbone does.
    /// </summary>
    /// <param name="adapters">The adapters and their weights, which are divided by their sum.</param>
    /// <returns>The composition, or the adapter itself where there is one.</returns>
    /// <exception cref="GraftException">
    /// Adapters of different backbones or tasks, weights without a finite sum other than zero, or adapters without a mean at some place.
    /// </exception>
    public static Adapter Average(IReadOnlyList<(Adapter Adapter, double Weight)> adapters)
    {
        Check("average", [.. adapters.Select(a => a.Adapter)]);
        var sum = adapters.Sum(a => a.Weight);
        if (!double.IsFinite(sum) || sum == 0)
        {
            throw new GraftException($"The weights of an average add up to {sum}, and they are divided by their sum; give finite weights with another sum.");
        }

        var terms = adapters.GroupBy(a => a.Adapter, a => a.Weight).Select(g => new Term(g.Key, g.Sum() / sum)).Where(t => t.Weight != 0).ToList();
        if (terms.Count == 1)
        {
            return terms[0].Adapter;
        }

        var average = Create("average", [.. terms.Select(t => t.Adapter)]);
        foreach (var site in average.Parts.Sites.All.Where(s => terms.Exists(t => !t.Adapter.Parts.At(s).IsEmpty)))
        {
            average.Parts.Add(site, Averaging.Part(site, terms));
        }

        return average;
    }

    /// <summary>
    /// Adapters side by side: every row that uses the composition is computed once per adapter, and the output has as many rows for it,
    /// next to each other in the adapters' order.
    /// </summary>
    /// <param name="adapters">The adapters.</param>
    /// <returns>The composition, or the adapter itself where there is one.</returns>
    /// <exception cref="GraftException">Adapters of different backbones or tasks.</exception>
    public static Adapter Parallel(params IReadOnlyList<Adapter> adapters)
    {
        IReadOnlyList<Adapter> flat = [.. adapters.SelectMany(a => a.Branches.Count > 0 ? a.Branches : [a])];
        Check("parallel", flat);
        if (flat.Count == 1)
        {
            return flat[0];
        }

        return Create("parallel", flat);
    }

    /// <summary>
    /// Trained adapters under an attention that learns which of them to follow (AdapterFusion, arXiv 2005.00247). Other than the compositions above
    /// the result has parameters to train, holds frozen copies of the adapters, and can be saved.
    /// </summary>
    /// <param name="backbone">The backbone of the adapters.</param>
    /// <param name="name">The name of the result.</param>
    /// <param name="rng">The generator of the attention's initial values.</param>
    /// <param name="adapters">Trained bottleneck adapters.</param>
    /// <exception cref="GraftException">Adapters of different backbones, or without a form that can be fused.</exception>
    public static Adapter Fuse(Backbone backbone, string name, Rng rng, params IReadOnlyList<Adapter> adapters)
    {
        Check("fuse", adapters);
        var method = PeftMethods.Get("fusion");
        var builds = (IBuildsOnAdapters)method;
        var fusion = method.Attach(backbone, name, builds.Describe(method.Defaults, adapters), rng);
        builds.TakeOver(fusion, adapters);
        return fusion;
    }

    private static Adapter Create(string kind, IReadOnlyList<Adapter> adapters)
    {
        var method = new Composition(kind, adapters);
        var tasks = adapters.Select(a => a.Tasks).FirstOrDefault(t => t.Count > 0) ?? [];
        var parts = new PartMap(adapters[0].Parts.Sites, [.. adapters.Select(a => a.Parts)])
        {
            IsMean = kind == "average" || adapters.Any(a => a.Parts.IsMean),
        };
        return new Adapter($"{kind}({string.Join(", ", adapters.Select(a => a.Name))})", method, method.Defaults, tasks, parts)
        {
            Children = adapters,
            Branches = kind == "parallel" ? adapters : [],
        };
    }

    private static void Check(string kind, IReadOnlyList<Adapter> adapters)
    {
        if (adapters.FirstOrDefault(a => a.Method.SharesAcrossTasks) is { } several)
        {
            throw new GraftException(
                $"'{several.Name}' of {several.Method.Name} holds tasks that share its parts, and a {kind} takes adapters of one task; export a task's own adapter first (graft convert PACKAGE#TASK).");
        }

        if (adapters.Count == 0)
        {
            throw new GraftException($"The composition '{kind}' has no adapters; give at least one.");
        }

        if (adapters.FirstOrDefault(a => !ReferenceEquals(a.Parts.Sites, adapters[0].Parts.Sites)) is { } foreign)
        {
            throw new GraftException($"The adapters '{adapters[0].Name}' and '{foreign.Name}' are attached to different backbones; compose adapters of one.");
        }

        if (adapters.FirstOrDefault(a => a.Branches.Count > 0) is { } branching)
        {
            throw new GraftException($"'{branching.Name}' gives several outputs a row, which cannot be part of '{kind}'; put the parallel composition outermost.");
        }

        var tasks = adapters.Where(a => a.Tasks.Count > 0).Select(a => a.Tasks.ToHashSet(StringComparer.Ordinal)).ToList();
        if (tasks.Exists(t => !t.SetEquals(tasks[0])))
        {
            throw new GraftException($"The adapters of '{kind}' hold different tasks ({string.Join("; ", tasks.Select(t => string.Join(", ", t)))}); compose adapters of the same.");
        }
    }
}

/// <summary>An adapter within an average.</summary>
/// <param name="Adapter">The adapter.</param>
/// <param name="Weight">Its share; the shares of an average add up to 1.</param>
internal sealed record Term(Adapter Adapter, double Weight);
