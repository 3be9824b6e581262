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

    /// <summary>The number of rows of the groups that come first, as many as fit, the first in any case; rows of a group lie beside each other.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="most">The most rows.</param>
    public static int Lead(IReadOnlyList<Example> rows, int most)
    {
        var groups = Of(rows);
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
}
