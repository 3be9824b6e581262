using Graft.Evaluation.Comparisons;
using Graft.Torch;

namespace Graft.Recipes.Comparing;

/// <summary>Chooses runs by <c>METHOD/TASK/SIZE/SEED</c>, where <c>*</c> is any. Stateless.</summary>
internal static class RunSelection
{
    private const string Any = "*";
    private const int Parts = 4;

    /// <summary>The runs that one of the patterns takes, and those that they need for their learning rates, in the order of the plan.</summary>
    /// <param name="runs">The runs.</param>
    /// <param name="patterns">The patterns; none for all runs.</param>
    /// <exception cref="GraftException">A pattern has not four parts, or takes no run.</exception>
    public static List<IdentifiedRun> Of(IReadOnlyList<IdentifiedRun> runs, IReadOnlyList<string> patterns)
    {
        if (patterns.Count == 0)
        {
            return [.. runs];
        }

        HashSet<IdentifiedRun> chosen = [];
        foreach (var pattern in patterns)
        {
            var taken = runs.Where(r => Takes(pattern, r.Plan)).ToList();
            if (taken.Count == 0)
            {
                throw new GraftException(
                    $"--only '{pattern}' takes none of the plan's {runs.Count} runs; write METHOD/TASK/SIZE/SEED with names of the plan or '*', as in '{runs[0].Plan.Label}'.");
            }

            chosen.UnionWith(taken);
            chosen.UnionWith(taken.Select(r => r.SearchedBy).OfType<IdentifiedRun>());
        }

        return [.. runs.Where(chosen.Contains)];
    }

    private static bool Takes(string pattern, PlannedRun run)
    {
        var parts = pattern.Split('/');
        return parts.Length == Parts && parts.Zip(run.Label.Split('/')).All(p => p.First == Any || p.First == p.Second);
    }
}
