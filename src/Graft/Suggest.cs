namespace Graft;

/// <summary>Finds the known name that a mistyped one most likely meant. Thread-safe.</summary>
public static class Suggest
{
    /// <summary>The known name nearest to <paramref name="name"/>, or null when none is near enough to be a slip of the keys.</summary>
    /// <param name="name">What the user wrote.</param>
    /// <param name="known">The names there are.</param>
    public static string? Nearest(string name, IEnumerable<string> known) => NearestFew(name, known, 1) is [var near, ..] ? near : null;

    /// <summary>At most <paramref name="count"/> known names near to <paramref name="name"/>, nearest first, equals in ordinal order.</summary>
    /// <param name="name">What the user wrote.</param>
    /// <param name="known">The names there are.</param>
    /// <param name="count">The most names wanted.</param>
    public static IReadOnlyList<string> NearestFew(string name, IEnumerable<string> known, int count)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(known);
        var wanted = Plain(name);
        var reach = Math.Min(wanted.Length / 2, 4);
        return known
            .Select(candidate => (Name: candidate, Far: Distance(wanted, Plain(candidate))))
            .Where(pair => pair.Far <= reach)
            .OrderBy(pair => pair.Far)
            .ThenBy(pair => pair.Name, StringComparer.Ordinal)
            .Select(pair => pair.Name)
            .Take(count)
            .ToList();
    }

    /// <summary>The end of an error sentence: <c>did you mean 'rank'?</c> when a known name is near, else the list of what there is.</summary>
    /// <param name="name">What the user wrote.</param>
    /// <param name="known">The names there are.</param>
    public static string Hint(string name, IEnumerable<string> known)
    {
        ArgumentNullException.ThrowIfNull(known);
        var names = known as IReadOnlyCollection<string> ?? known.ToList();
        var near = NearestFew(name, names, 3);
        return near.Count > 0
            ? $"did you mean {string.Join(" or ", near.Select(one => $"'{one}'"))}?"
            : names.Count == 0 ? "there are none." : $"use one of {List(names)}.";
    }

    /// <summary>Names joined by commas, cut after twenty with the number left out.</summary>
    /// <param name="names">The names, in the order to print.</param>
    public static string List(IReadOnlyCollection<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        const int Most = 20;
        var shown = string.Join(", ", names.Take(Most));
        return names.Count > Most ? $"{shown} and {names.Count - Most} more" : shown;
    }

    private static string Plain(string name) =>
        string.Concat(name.Where(c => c is not ('-' or '_' or ' '))).ToLowerInvariant();

    /// <summary>Edits that turn one name into the other, a swap of neighbours counting one; a long enough part of a name counts as near.</summary>
    private static int Distance(string a, string b)
    {
        var (shorter, longer) = a.Length <= b.Length ? (a, b) : (b, a);
        if (shorter.Length >= 3 && longer.Contains(shorter, StringComparison.Ordinal))
        {
            return shorter.Length == longer.Length ? 0 : 1;
        }

        var rows = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
        {
            rows[i, 0] = i;
        }

        for (var j = 0; j <= b.Length; j++)
        {
            rows[0, j] = j;
        }

        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                var best = rows[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                best = Math.Min(best, Math.Min(rows[i - 1, j], rows[i, j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    best = Math.Min(best, rows[i - 2, j - 2] + 1);
                }

                rows[i, j] = best;
            }
        }

        return rows[a.Length, b.Length];
    }
}
