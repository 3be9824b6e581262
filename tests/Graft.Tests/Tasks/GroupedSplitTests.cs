using FsCheck;
using FsCheck.Fluent;
using Graft.Tasks;
using Xunit;

namespace Graft.Tests.Tasks;

public sealed class GroupedSplitTests
{
    [Fact]
    public void Strata_are_cut_in_proportion()
    {
        string[] strata = [.. Enumerable.Range(0, 150).Select(i => i % 3 == 0 ? "rare" : "common")];

        var splits = GroupedSplit.Of([.. Enumerable.Range(0, 150).Select(i => $"text {i}")], strata, 0);

        foreach (var (stratum, rows) in new[] { ("rare", 50), ("common", 100) })
        {
            var own = splits.Where((_, i) => strata[i] == stratum).ToList();
            Assert.Equal(
                (rows * 6 / 10, rows * 2 / 10, rows * 2 / 10), (own.Count(s => s == Split.Train), own.Count(s => s == Split.Dev), own.Count(s => s == Split.Test)));
        }
    }

    [Fact]
    public void Many_small_strata_leave_neither_dev_nor_test_short()
    {
        // Three rows of each of thirty labels: one of them is left for dev or test, which take turns.
        var splits = GroupedSplit.Of([.. Enumerable.Range(0, 90).Select(i => $"text {i}")], [.. Enumerable.Range(0, 90).Select(i => $"label {i / 3}")], 0);

        Assert.All(splits.Chunk(3), label => Assert.Contains(Split.Train, label));
        Assert.InRange(splits.Count(s => s == Split.Dev) - splits.Count(s => s == Split.Test), -1, 1);
    }

    [Fact]
    public void Rows_of_one_text_are_never_on_two_sides_and_all_shares_are_near() => Prop.ForAll(
        ArbMap.Default.ArbFor<int[]>().Filter(n => n.Length >= 10), ArbMap.Default.ArbFor<int>(),
        (numbers, seed) =>
        {
            string[] texts = [.. numbers.Select(n => n % 2 == 0 ? $"Text  {n % 50} " : $"text {n % 50}")];
            string[] strata = [.. numbers.Select(n => $"{n % 3}")];
            var splits = GroupedSplit.Of(texts, strata, seed);
            var sides = texts.Zip(splits).GroupBy(p => GroupedSplit.Plain(p.First)).ToList();
            var largest = sides.Max(g => g.Count());
            return sides.TrueForAll(g => g.DistinctBy(p => p.Second).Count() == 1)
                && splits.SequenceEqual(GroupedSplit.Of(texts, strata, seed))
                && Math.Abs(splits.Count(s => s == Split.Test) - (0.2 * texts.Length)) <= largest + 3;
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("  Where is\tmy  order? ", "where is my order?")]
    [InlineData("\n", "")]
    public void Letter_case_and_blanks_make_no_other_text(string text, string plain) => Assert.Equal(plain, GroupedSplit.Plain(text));
}
