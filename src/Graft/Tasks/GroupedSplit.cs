namespace Graft.Tasks;

/// <summary>
/// Cuts rows into train, dev and test, 60 : 20 : 20, so that test is honest: rows with the same text (letter case and blanks aside) come to one
/// side, and every stratum is cut in proportion as far as its rows allow. Depends on rows and seed alone. Stateless.
/// </summary>
internal static class GroupedSplit
{
    private static readonly (Split Split, double Share)[] s_shares = [(Split.Train, 0.6), (Split.Test, 0.2), (Split.Dev, 0.2)];

    /// <summary>Decides the split of each row.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="strata">What to keep in proportion, one for each text, such as its label.</param>
    /// <param name="seed">The seed.</param>
    /// <returns>One split a row.</returns>
    public static Split[] Of(IReadOnlyList<string> texts, IReadOnlyList<string> strata, long seed)
    {
        var groups = Enumerable.Range(0, texts.Count).GroupBy(row => Plain(texts[row]), StringComparer.Ordinal).Select(g => g.ToList()).ToList();
        var shuffled = SeededOrder.Permutation(groups.Count, seed, "csv").Select(i => groups[i]);
        var splits = new Split[texts.Count];
        var (all, allRows) = (new Counts(), 0);
        foreach (var stratum in shuffled.GroupBy(g => Commonest(g, strata), StringComparer.Ordinal).OrderBy(s => s.Key, StringComparer.Ordinal))
        {
            var (own, ownRows) = (new Counts(), stratum.Sum(g => g.Count));
            allRows += ownRows;

            // The largest first: what is left then evens out. Each goes where its stratum lacks most, of equals where all strata together do.
            foreach (var group in stratum.OrderByDescending(g => g.Count))
            {
                var chosen = s_shares
                    .OrderByDescending(s => Math.Round((s.Share * ownRows) - own[s.Split], 6))
                    .ThenByDescending(s => Math.Round((s.Share * allRows) - all[s.Split], 6))
                    .First().Split;
                own[chosen] += group.Count;
                all[chosen] += group.Count;
                group.ForEach(row => splits[row] = chosen);
            }
        }

        return splits;
    }

    /// <summary>A text without what makes no other text of it: letter case, and blanks at its ends and beyond one between words.</summary>
    /// <param name="text">The text.</param>
    public static string Plain(string text) =>
        string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)).ToLowerInvariant();

    private static string Commonest(List<int> group, IReadOnlyList<string> strata) =>
        group.GroupBy(row => strata[row], StringComparer.Ordinal).MaxBy(s => s.Count())!.Key;

    /// <summary>Rows by split.</summary>
    private sealed class Counts
    {
        private readonly int[] _rows = new int[s_shares.Length];

        public int this[Split split]
        {
            get => _rows[(int)split];
            set => _rows[(int)split] = value;
        }
    }
}
