using FsCheck;
using FsCheck.Fluent;
using Graft.Evaluation.Comparisons;
using Graft.Evaluation.Statistics;
using Xunit;

namespace Graft.Tests.Evaluation.Comparisons;

public sealed class ComparisonSummaryTests
{
    // Demšar 2006, table 6: AUC of C4.5, C4.5+m, C4.5+cf, C4.5+m+cf on 14 data sets.
    private static readonly string[] s_trees = ["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"];
    private static readonly double[][] s_auc =
    [
        [0.763, 0.768, 0.771, 0.798], [0.599, 0.591, 0.590, 0.569], [0.954, 0.971, 0.968, 0.967], [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898], [0.936, 0.931, 0.916, 0.931], [0.661, 0.668, 0.609, 0.685], [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875], [1.000, 1.000, 1.000, 1.000], [0.940, 0.962, 0.965, 0.962], [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975], [0.957, 0.978, 0.946, 0.970],
    ];

    private static Comparison Trees() => MadeRuns.Of(
        MadeRuns.Plan(s_trees, s_auc.Select((_, set) => $"set{set}"), seeds: [0]),
        s_auc.SelectMany((row, set) => row.Select((auc, tree) => MadeRuns.Run(s_trees[tree], $"set{set}", 0, auc))));

    [Fact]
    public void Ranks_wins_and_the_signed_rank_statistic_are_those_of_Demsars_example()
    {
        var summary = ComparisonSummary.Of(Trees());

        Assert.Equal([3.143, 2.000, 2.893, 1.964], summary.Methods.Select(m => Math.Round(m.Rank!.Value, 3)));
        Assert.All(summary.Methods, m => Assert.Equal((14, 14), (m.RankedOver, m.Tasks)));
        // His ranks of the two losses are 7 and 3.5 where the two equal pairs have places 1 and 2; without them they are 5 and 1.5.
        var test = summary.Pair("C4.5+m", "C4.5", 100)!.Test;
        Assert.Equal((10, 2, 2, 6.5), (test.Wins, test.Ties, test.Losses, test.Statistic));
    }

    [Fact]
    public void One_seed_gives_a_mean_and_no_interval()
    {
        var score = ComparisonSummary.Of(Trees()).Methods[0].Score;

        Assert.Equal(s_auc.Average(row => row[0]), score.Mean, 1e-12);
        Assert.Equal((score.Mean, score.Mean, 14, false), (score.Low, score.High, score.Runs, score.HasInterval));
        Assert.Null(score.Deviation);
    }

    [Fact]
    public void Mean_deviation_and_interval_are_those_computed_by_hand()
    {
        // Means of seeds: (0.6 + 0.9) / 2 = 0.75 and (0.8 + 0.8) / 2 = 0.8. One draw of two in each task: 0.7, 0.75, 0.8, 0.85, a quarter each.
        var estimate = Estimate.Of([("a", 0, 0.6), ("a", 1, 0.8), ("b", 0, 0.9), ("b", 1, 0.8)]);

        Assert.Equal(0.775, estimate.Mean, 1e-12);
        Assert.Equal(0.05 / Math.Sqrt(2), estimate.Deviation!.Value, 1e-12);
        Assert.Equal((0.7, 0.85, 4), (Math.Round(estimate.Low, 12), Math.Round(estimate.High, 12), estimate.Runs));
    }

    [Fact]
    public void A_task_with_more_seeds_counts_no_more_than_another()
    {
        var estimate = Estimate.Of([("a", 0, 0.2), ("a", 1, 0.2), ("a", 2, 0.2), ("b", 0, 0.8)]);

        Assert.Equal(0.5, estimate.Mean, 1e-12);
        Assert.False(estimate.HasInterval, "one seed alone has both tasks");
    }

    [Fact]
    public void The_interval_of_two_tasks_with_three_seeds_is_that_of_all_equally_likely_draws()
    {
        double[][] tasks = [[0.70, 0.74, 0.81], [0.55, 0.52, 0.60]];
        // Two of three are drawn with replacement: nine ways a task, 81 together.
        var means = tasks.Select(t => from x in t from y in t select (x + y) / 2).ToArray();
        double[] all = [.. (from a in means[0] from b in means[1] select (a + b) / 2).Order()];

        var (low, high) = Sample.Bootstrap95(tasks);

        Assert.InRange(low, all[0], Sample.Quantile(all, 0.04));
        Assert.InRange(high, Sample.Quantile(all, 0.96), all[^1]);
        // The reason for drawing one less: the variance of the draws is the unbiased one of the mean, the sum of s² / 3 over 2².
        var unbiased = tasks.Sum(t => Math.Pow(Sample.Deviation(t), 2) / 3) / 4;
        Assert.Equal(unbiased, all.Average(m => m * m) - Math.Pow(all.Average(), 2), 1e-12);
    }

    [Fact]
    public void What_is_missing_is_listed_and_means_over_fewer_tasks_are_not_compared()
    {
        var plan = MadeRuns.Plan(["lora", "bitfit"], ["a", "b"], [100, null], 0, 1);
        var summary = ComparisonSummary.Of(MadeRuns.Of(plan,
        [
            MadeRuns.Run("lora", "a", 0, 0.5), MadeRuns.Run("lora", "a", 1, 0.7), MadeRuns.Run("lora", "b", 0, 0.9), MadeRuns.Run("lora", "b", 1, 0.9),
            MadeRuns.Run("bitfit", "b", 1, 0.95, bytes: 100), MadeRuns.Run("stranger", "b", 1, 0.99),
        ]));

        Assert.Equal(3 + 8, summary.Missing.Count);
        Assert.Equal(new MissingRun("bitfit", "a", 100, 0), summary.Missing[0]);
        Assert.Equal([("lora", true, true), ("bitfit", false, false)], summary.Methods.Select(m => (m.Method, m.IsComparable, m.IsOnFront)));
        Assert.Equal([("lora", "a"), ("lora", "b"), ("bitfit", "b")], summary.Tasks.Select(t => (t.Method, t.Task)));
        var pair = Assert.Single(summary.Pairs);
        Assert.Equal((1, 0, 1), (pair.Test.Losses, pair.Test.Wins, pair.Difference.Runs));
        Assert.Equal((2.0, 1), (summary.Methods[0].Rank, summary.Methods[0].RankedOver));
    }

    [Fact]
    public void A_pair_seen_from_the_other_side_has_the_opposite_difference()
    {
        var summary = ComparisonSummary.Of(MadeRuns.Of(
            MadeRuns.Plan(["lora", "bitfit"], ["a"], null, 0, 1, 2),
            [.. Enumerable.Range(0, 3).SelectMany(s => new[] { MadeRuns.Run("lora", "a", s, 0.8 + (0.01 * s)), MadeRuns.Run("bitfit", "a", s, 0.8 - (0.02 * s)) })]));

        var (there, back) = (summary.Pair("lora", "bitfit", 100)!, summary.Pair("bitfit", "lora", 100)!);

        Assert.Equal(0.03, there.Difference.Mean, 1e-12);
        Assert.Equal((-there.Difference.Mean, -there.Difference.High, -there.Difference.Low), (back.Difference.Mean, back.Difference.Low, back.Difference.High));
        Assert.Equal((2, 1, 0), (there.Test.Wins, there.Test.Ties, there.Test.Losses));
        Assert.Equal((0, 1, 2), (back.Test.Wins, back.Test.Ties, back.Test.Losses));
        Assert.Equal(there, back.Turned());
    }

    [Fact]
    public void Sizes_are_judged_by_themselves()
    {
        var plan = MadeRuns.Plan(["lora", "bitfit"], ["a"], [100, 500], 0, 1);
        ComparisonRun[] runs =
        [
            .. from size in plan.Sizes from seed in plan.Seeds
               from method in new[] { ("lora", 0.5, 9000), ("bitfit", 0.4, 900) }
               select MadeRuns.Run(method.Item1, "a", seed, method.Item2 + (size == 500 ? 0.3 : 0) + (0.01 * seed), size, method.Item3),
        ];

        var both = ComparisonSummary.Of(MadeRuns.Of(plan, runs));
        var one = ComparisonSummary.Of(MadeRuns.Of(plan with { Sizes = [500] }, runs));

        Assert.Equal(both.Methods.Where(m => m.Size == 500), one.Methods);
        Assert.Equal(both.Pairs.Where(p => p.Size == 500), one.Pairs);
        Assert.All(one.Methods, m => Assert.True(m.IsOnFront));
        Assert.Equal((1.5, 2_000_000L), (one.Methods[0].Seconds, one.Methods[0].PeakMemory));
    }

    [Fact]
    public void The_order_of_the_runs_does_not_matter()
    {
        var comparison = Trees();
        var expected = ComparisonSummary.Of(comparison);
        Prop.ForAll(Gen.Shuffle(comparison.Runs.ToArray()).ToArbitrary(), runs =>
        {
            var summary = ComparisonSummary.Of(comparison with { Runs = runs });
            return summary.Methods.SequenceEqual(expected.Methods) && summary.Pairs.SequenceEqual(expected.Pairs);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(5));
    }

    [Theory]
    [InlineData(new[] { 0.01, 0.04, 0.03, 0.005 }, new[] { 0.03, 0.06, 0.06, 0.02 })] // R's p.adjust(..., "holm")
    [InlineData(new[] { 0.016, 0.019, 0.607 }, new[] { 0.048, 0.048, 0.607 })] // Demšar 2006, section 3.2.2: the first two are rejected at 0.05
    [InlineData(new[] { 0.9, 0.8 }, new[] { 1.0, 1.0 })]
    [InlineData(new double[0], new double[0])]
    public void Holms_correction_is_that_of_worked_examples(double[] probabilities, double[] expected) =>
        Assert.Equal(expected, Holm.Adjust(probabilities).Select(p => Math.Round(p, 12)));

    [Fact]
    public void The_front_holds_what_nothing_else_beats() =>
        Assert.Equal([true, false, true, false, true, true], ParetoFront.Of([(1, 1), (2, 1), (2, 3), (3, 2), (5, 5), (5, 5)]));
}
