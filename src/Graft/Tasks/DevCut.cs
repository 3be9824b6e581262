using Graft.Torch;

namespace Graft.Tasks;

/// <summary>Cuts a dev split off the train rows of a task that names none: a tenth, at least 1 row and at most 1,000. Stateless.</summary>
internal static class DevCut
{
    private const int MostRows = 1000;

    /// <summary>
    /// Train and dev, each in the order of the file. A classification is cut per class in proportion (largest remainders first);
    /// each class keeps at least one train row. Rows that belong together stay together, and so do rows of one text (<see cref="RowGroups.SidesOfTexts"/>), so that dev rows
    /// are none that are trained on. Questions are cut by whole contexts, as many as it takes to have the rows.
    /// </summary>
    public static (List<Example> Train, List<Example> Dev) From(List<Example> rows, TaskDefinition task, long seed, string source)
    {
        if (rows.Count < 2)
        {
            throw new GraftException($"{source}: a dev split cannot be cut from {rows.Count} training row, expected at least 2; add rows, or name dev files.");
        }

        var wanted = Math.Clamp((int)Math.Round(rows.Count / 10.0, MidpointRounding.AwayFromZero), 1, MostRows);
        var groups = RowGroups.SidesOfTexts(rows, task);
        if (task.Kind != TaskKind.Span && groups.Count < 2)
        {
            throw new GraftException($"{source}: a dev split cannot be cut from training rows that all belong together or have one text; add rows, or name dev files.");
        }

        HashSet<int> chosen = task.Kind switch
        {
            TaskKind.Classification when !task.IsGrouped => Stratified(rows, groups, Order(rows.Count), wanted),
            TaskKind.Span => Contexts(rows, Order(rows.Count), wanted),
            _ => [.. RowGroups.Draw(groups, Order(groups.Count).Take(groups.Count - 1), wanted)],
        };
        if (chosen.Count == 0)
        {
            throw new GraftException(task.Kind == TaskKind.Span
                ? $"{source}: a dev split cannot be cut as all questions are about one context; add rows, or name dev files."
                : $"{source}: a dev split cannot be cut as no class has two training rows; add rows, or name dev files.");
        }

        var indices = Enumerable.Range(0, rows.Count).ToList();
        return ([.. indices.Where(row => !chosen.Contains(row)).Select(row => rows[row])], [.. indices.Where(chosen.Contains).Select(row => rows[row])]);

        int[] Order(int count) => SeededOrder.Permutation(count, seed, "dev");
    }

    private static HashSet<int> Contexts(List<Example> rows, int[] order, int wanted)
    {
        var chosen = new HashSet<int>();
        foreach (var context in order.GroupBy(row => rows[row].Pair, StringComparer.Ordinal))
        {
            var own = context.ToList();
            if (chosen.Count < wanted && chosen.Count + own.Count < rows.Count)
            {
                chosen.UnionWith(own);
            }
        }

        return chosen;
    }

    // Rows of one text count for the class of the one that comes first in the order, and a group goes to dev where at least half of it fits.
    private static HashSet<int> Stratified(List<Example> rows, List<int[]> groups, int[] order, int wanted)
    {
        var groupOf = new int[rows.Count];
        foreach (var (at, group) in groups.Index())
        {
            Array.ForEach(group, row => groupOf[row] = at);
        }

        var classes = order.DistinctBy(row => groupOf[row]).GroupBy(row => rows[row].Label).OrderBy(c => c.Key).Select(c => c.Select(row => groups[groupOf[row]]).ToList()).ToList();
        var left = rows.CountBy(row => row.Label).ToDictionary();
        var quotas = Quotas(classes.ConvertAll(c => c.Sum(group => group.Length)), rows.Count, wanted);
        var chosen = new HashSet<int>();
        foreach (var (groupsOfClass, quota) in classes.Zip(quotas))
        {
            var taken = 0;
            foreach (var group in groupsOfClass.Where(group => taken + (group.Length / 2.0) <= quota && Leaves(group)))
            {
                taken += Take(group);
            }
        }

        // All groups may be larger than what their class gives.
        if (chosen.Count == 0 && classes.SelectMany(c => c).Where(Leaves).MinBy(group => group.Length) is { } smallest)
        {
            Take(smallest);
        }

        return chosen;

        bool Leaves(int[] group) => group.CountBy(row => rows[row].Label).All(own => left[own.Key] > own.Value);

        int Take(int[] group)
        {
            Array.ForEach(group, row => left[rows[row].Label]--);
            chosen.UnionWith(group);
            return group.Length;
        }
    }

    private static List<int> Quotas(List<int> counts, int rows, int wanted)
    {
        var exact = counts.ConvertAll(count => (double)count * wanted / rows);
        var quotas = exact.ConvertAll(share => (int)Math.Floor(share));
        var left = wanted - quotas.Sum();
        foreach (var at in Enumerable.Range(0, counts.Count).OrderByDescending(at => exact[at] - quotas[at]).ThenByDescending(at => counts[at]).ThenBy(at => at))
        {
            if (left > 0 && quotas[at] < counts[at] - 1)
            {
                quotas[at]++;
                left--;
            }
        }

        return quotas;
    }
}
