using FsCheck;
using FsCheck.Fluent;
using Graft.Evaluation.Statistics;
using Xunit;

namespace Graft.Tests.Evaluation;

public sealed class StatisticsTests
{
    // Darwin's crossed and self-fertilized maize, eighths of an inch (Fisher 1935, section 17; the example of scipy.stats.wilcoxon).
    private static readonly double[] s_maize = [6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75];

    [Fact]
    public void Wilcoxon_of_Darwins_maize_is_exact()
    {
        var result = Wilcoxon.Compare(s_maize, new double[15]);

        Assert.Equal((13, 0, 2), (result.Wins, result.Ties, result.Losses));
        Assert.Equal(24, result.Statistic);
        Assert.Equal(0.041259765625, result.P, 1e-15);
    }

    [Theory]
    [InlineData(5, 0.0625)] // 2 / 2^5: five wins can never reach 0.05
    [InlineData(6, 0.03125)]
    [InlineData(10, 0.001953125)]
    public void Wins_alone_have_the_smallest_probability_of_their_number(int pairs, double expected) =>
        Assert.Equal(expected, Wilcoxon.Compare([.. Enumerable.Range(1, pairs).Select(i => (double)i)], new double[pairs]).P, 1e-15);

    [Fact]
    public void Ties_share_ranks_and_equal_pairs_are_left_out()
    {
        // |d| = 1, 1, 2, 3 with ranks 1.5, 1.5, 3, 4; one negative of rank 1.5: sums at most 1.5 are {}, {1.5}, {1.5}: 3 of 16.
        var result = Wilcoxon.Compare([1, -1, 2, 3, 0], [0, 0, 0, 0, 0]);

        Assert.Equal((3, 1, 1, 1.5), (result.Wins, result.Ties, result.Losses, result.Statistic));
        Assert.Equal(2 * 3 / 16.0, result.P, 1e-15);
    }

    [Fact]
    public void Beyond_fifty_pairs_the_normal_approximation_is_near_the_exact_probability()
    {
        // The exact share of the 2^60 signs was counted once in whole numbers.
        var result = Wilcoxon.Compare([.. Enumerable.Range(1, 60).Select(i => i % 3 == 0 ? -i : (double)i)], new double[60]);

        Assert.Equal(0.03556317378476646, result.P, 0.001);
        Assert.Equal(1, Wilcoxon.Compare([.. Enumerable.Repeat(0.0, 60)], new double[60]).P);
    }

    [Fact]
    public void Swapping_the_sides_swaps_wins_and_losses_only() => Prop.ForAll(
        ArbMap.Default.ArbFor<int[]>(),
        numbers =>
        {
            double[] first = [.. numbers.Select(n => (double)(n % 5))];
            double[] second = [.. numbers.Select(n => (double)(n % 3))];
            var (there, back) = (Wilcoxon.Compare(first, second), Wilcoxon.Compare(second, first));
            return there == back with { Wins = back.Losses, Losses = back.Wins } && there.P is > 0 and <= 1;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Ranks_of_ties_are_shared()
    {
        Assert.Equal([1.0, 2.5, 2.5, 4], Ranks.Of([10, 20, 20, 30]));
        Assert.Equal([4.0, 2.5, 2.5, 1], Ranks.Of([10, 20, 20, 30], descending: true));
    }

    [Fact]
    public void Mean_ranks_are_those_of_Demsars_table()
    {
        // Demšar 2006, table 6: AUC of C4.5, C4.5+m, C4.5+cf, C4.5+m+cf on 14 data sets; mean ranks 3.143, 2.000, 2.893, 1.964.
        double[][] auc =
        [
            [0.763, 0.768, 0.771, 0.798], [0.599, 0.591, 0.590, 0.569], [0.954, 0.971, 0.968, 0.967], [0.628, 0.661, 0.654, 0.657],
            [0.882, 0.888, 0.886, 0.898], [0.936, 0.931, 0.916, 0.931], [0.661, 0.668, 0.609, 0.685], [0.583, 0.583, 0.563, 0.625],
            [0.775, 0.838, 0.866, 0.875], [1.000, 1.000, 1.000, 1.000], [0.940, 0.962, 0.965, 0.962], [0.619, 0.666, 0.614, 0.669],
            [0.972, 0.981, 0.9751, 0.975], [0.957, 0.978, 0.946, 0.970],
        ];

        Assert.Equal([3.143, 2.000, 2.893, 1.964], Ranks.Mean(auc).Select(r => Math.Round(r, 3)));
    }

    [Fact]
    public void Mean_and_deviation_are_those_of_a_sample()
    {
        Assert.Equal(5, Sample.Mean([2, 4, 4, 4, 5, 5, 7, 9]));
        Assert.Equal(Math.Sqrt(32 / 7.0), Sample.Deviation([2, 4, 4, 4, 5, 5, 7, 9]), 1e-15);
        Assert.True(double.IsNaN(Sample.Deviation([3])));
    }

    [Fact]
    public void The_bootstrap_of_two_values_has_the_ends_that_can_be_counted()
    {
        // Means of two draws from {0, 1} are 0, 0.5 and 1 with shares 1/4, 1/2, 1/4: both 2.5 % cuts lie in the outer quarters.
        Assert.Equal(new ConfidenceInterval(0, 1), Sample.Bootstrap95([0, 1]));
        Assert.Equal(new ConfidenceInterval(0.75, 0.75), Sample.Bootstrap95([0.75, 0.75, 0.75]));
        Assert.Equal(Sample.Bootstrap95([1, 2, 4], seed: 3), Sample.Bootstrap95([1, 2, 4], seed: 3));
    }

    [Fact]
    public void The_bootstrap_of_many_values_nears_the_normal_interval()
    {
        double[] values = [.. Enumerable.Range(0, 400).Select(i => (double)(i % 20))];
        var half = 1.96 * Sample.Deviation(values) / 20;

        var (low, high) = Sample.Bootstrap95(values);

        Assert.InRange(low, 9.5 - (1.05 * half), 9.5 - (0.95 * half));
        Assert.InRange(high, 9.5 + (0.95 * half), 9.5 + (1.05 * half));
    }
}
