namespace Graft.Tasks;

/// <summary>Rows that belong together, so that no draw tears them apart. Stateless.</summary>
internal static class RowGroups
{
    /// <summary>The numbers of the rows of each group, in the order of the rows; a row that stands alone is a group.</summary>
    /// <param name="rows">The rows.</param>
    public static List<int[]> Of(IReadOnlyList<Example> rows)
    {
        var known = new Dictionary<int, List<int>>();
        var groups = new List<List<int>>();
        for (var row = 0; row < rows.Count; row++)
        {
            if (rows[row].Group is { } group && known.TryGetValue(group, out var members))
            {
                members.Add(row);
                continue;
            }

            groups.Add([row]);
            if (rows[row].Group is { } first)
            {
                known.Add(first, groups[^1]);
            }
        }

        return groups.ConvertAll(g => g.ToArray());
    }

    /// <summary>
    /// The numbers of the rows that belong on one side of a split: the questions about one context, groups whose rows have a text in common, such as MultiRC's passage, and rows
    /// that stand alone each by itself.
    /// </summary>
    /// <param name="rows">The rows.</param>
    /// <param name="task">The task that they are of.</param>
    public static List<int[]> Sides(IReadOnlyList<Example> rows, TaskDefinition task) =>
        task.Kind == TaskKind.Span ? Joined(Of(rows), group => rows[group[0]].Pair)
        : task.IsGrouped ? Joined(Of(rows), group => Shared(group, row => rows[row].Pair) ?? Shared(group, row => rows[row].Text))
        : Of(rows);

    /// <summary>As <see cref="Sides"/>, and rows of one text (both texts of a pair; letter case and blanks aside) belong on one side too.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="task">The task that they are of.</param>
    public static List<int[]> SidesOfTexts(IReadOnlyList<Example> rows, TaskDefinition task) =>
        task.Kind == TaskKind.Span || task.IsGrouped ? Sides(rows, task) : Joined(Of(rows), group => $"{rows[group[0]].Text} \0 {rows[group[0]].Pair}");

    /// <summary>The number of rows of the sides that come first, as many as fit, the first in any case; rows of a side lie beside each other.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="task">The task that they are of.</param>
    /// <param name="most">The most rows.</param>
    public static int Lead(IReadOnlyList<Example> rows, TaskDefinition task, int most)
    {
        var groups = Sides(rows, task);
        return Draw(groups, Enumerable.Range(0, groups.Count), most).Count;
    }

    /// <summary>The rows of whole groups, as many as fit, and those of the first group in any case.</summary>
    /// <param name="groups">The groups.</param>
    /// <param name="order">The order in which they are drawn.</param>
    /// <param name="most">The most rows.</param>
    public static List<int> Draw(List<int[]> groups, IEnumerable<int> order, int most)
    {
        var drawn = new List<int>();
        foreach (var group in order.Select(i => groups[i]))
        {
            if (drawn.Count > 0 && drawn.Count + group.Length > most)
            {
                break;
            }

            drawn.AddRange(group);
        }

        return drawn;
    }

    private static string? Shared(int[] group, Func<int, string?> text) => Array.TrueForAll(group, row => text(row) == text(group[0])) ? text(group[0]) : null;

    // Groups without a key stand alone; the order is that of each key's first group.
    private static List<int[]> Joined(List<int[]> groups, Func<int[], string?> key) =>
    [
        .. groups.Select((group, at) => (Group: group, Key: key(group) is { } text ? GroupedSplit.Plain(text) : $"\0{at}"))
            .GroupBy(one => one.Key, StringComparer.Ordinal)
            .Select(one => one.SelectMany(g => g.Group).ToArray()),
    ];
}
