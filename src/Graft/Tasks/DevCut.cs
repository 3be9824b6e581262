using Graft.Torch;

namespace Graft.Tasks;

/// <summary>Cuts a dev split off the train rows of a task that names none: a tenth, at least 1 row and at most 1,000. Stateless.</summary>
internal static class DevCut
{
    private const int MostRows = 1000;

    /// <summary>
    /// Train and dev, each in the order of the file. A classification is cut per class in proportion (largest remainders first);
    /// each class keeps at least one train row. Rows that belong together stay together. Questions are cut by whole contexts, as many as it takes to have the rows, so
    /// that none is in both.
    /// </summary>
    public static (List<Example> Train, List<Example> Dev) From(List<Example> rows, TaskDefinition task, long seed, string source)
    {
        if (rows.Count < 2)
        {
            throw new GraftException($"{source}: a dev split cannot be cut from {rows.Count} training row, expected at least 2; add rows, or name dev files.");
        }

        var wanted = Math.Clamp((int)Math.Round(rows.Count / 10.0, MidpointRounding.AwayFromZero), 1, MostRows);
        var groups = RowGroups.Of(rows);
        if (task.IsGrouped && groups.Count < 2)
        {
            throw new GraftException($"{source}: a dev split cannot be cut from training rows that all belong together; add rows, or name dev files.");
        }

        var order = SeededOrder.Permutation(groups.Count, seed, "dev");
        HashSet<int> chosen = task.Kind switch
        {
            TaskKind.Classification when !task.IsGrouped => Stratified(rows, order, wanted),
            TaskKind.Span => Contexts(rows, order, wanted),
            _ => [.. RowGroups.Draw(groups, order.Take(groups.Count - 1), wanted)],
        };
        if (chosen.Count == 0)
        {
            throw new GraftException(task.Kind == TaskKind.Span
                ? $"{source}: a dev split cannot be cut as all questions are about one context; add rows, or name dev files."
                : $"{source}: a dev split cannot be cut as no class has two training rows; add rows, or name dev files.");
        }

        var indices = Enumerable.Range(0, rows.Count).ToList();
        return ([.. indices.Where(row => !chosen.Contains(row)).Select(row => rows[row])], [.. indices.Where(chosen.Contains).Select(row => rows[row])]);
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

    private static HashSet<int> Stratified(List<Example> rows, int[] order, int wanted)
    {
        var classes = order.GroupBy(row => rows[row].Label).OrderBy(group => group.Key).Select(group => group.ToList()).ToList();
        var exact = classes.ConvertAll(group => (double)group.Count * wanted / rows.Count);
        var quota = exact.ConvertAll(share => (int)Math.Floor(share));
        var left = wanted - quota.Sum();
        foreach (var at in Enumerable.Range(0, classes.Count).OrderByDescending(at => exact[at] - quota[at]).ThenByDescending(at => classes[at].Count).ThenBy(at => at))
        {
            if (left > 0 && quota[at] < classes[at].Count - 1)
            {
                quota[at]++;
                left--;
            }
        }

        return [.. classes.SelectMany((group, at) => group.Take(quota[at]))];
    }
}
