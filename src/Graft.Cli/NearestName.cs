namespace Graft.Cli;

/// <summary>Finds the known name that a mistyped one was probably meant to be.</summary>
internal static class NearestName
{
    /// <summary>
    /// The candidate with the fewest edits from <paramref name="word"/> (insert, delete, replace, swap neighbours), or
    /// one that begins with it; null when none is close.
    /// </summary>
    public static string? Of(string word, IEnumerable<string> candidates)
    {
        string[] known = [.. candidates.Distinct(StringComparer.Ordinal)];
        string? nearest = known.MinBy(name => Edits(word, name));
        if (nearest is not null && Edits(word, nearest) <= Math.Max(1, Math.Min(word.Length, nearest.Length) / 3))
        {
            return nearest;
        }

        return known.FirstOrDefault(name => word.Length > 2 && name.StartsWith(word, StringComparison.OrdinalIgnoreCase));
    }

    private static int Edits(string a, string b)
    {
        var cost = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++)
        {
            for (int j = 0; j <= b.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    cost[i, j] = i + j;
                    continue;
                }

                int replace = cost[i - 1, j - 1] + (char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) ? 0 : 1);
                cost[i, j] = Math.Min(replace, Math.Min(cost[i - 1, j], cost[i, j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    cost[i, j] = Math.Min(cost[i, j], cost[i - 2, j - 2] + 1);
                }
            }
        }

        return cost[a.Length, b.Length];
    }
}
