using Graft.Evaluation.Comparisons;
using Xunit;

namespace Graft.Tests.Evaluation.Comparisons;

public sealed class RecommendationTests
{
    private static readonly double[] s_noise = [-0.02, 0, 0.02];

    /// <summary>Methods on one task with three seeds: a mean, how much of the noise it has, and bytes.</summary>
    private static Recommendation Of(params (string Method, double Mean, double Noise, long Bytes)[] methods) => Recommendation.Of(ComparisonSummary.Of(MadeRuns.Of(
        MadeRuns.Plan(methods.Select(m => m.Method), ["a"], [300], 0, 1, 2),
        methods.SelectMany(m => s_noise.Select((noise, seed) => MadeRuns.Run(m.Method, "a", seed, m.Mean + (m.Noise * noise), 300, m.Bytes)))))).Single();

    [Fact]
    public void The_smallest_method_that_is_not_worse_than_the_best_is_recommended()
    {
        var recommendation = Of(("houlsby", 0.82, 1, 210_000), ("lora", 0.815, -1, 41_000), ("pfeiffer", 0.81, -1, 93_000), ("bitfit", 0.70, 1, 9_000));

        Assert.Equal(("lora", "houlsby"), (recommendation.Choice.Method, recommendation.Best.Method));
        Assert.Equal(["pfeiffer"], recommendation.AsGood.Select(m => m.Method));
        Assert.Equal(["bitfit"], recommendation.Worse.Select(m => m.Method));
        Assert.Equal(
            "For 300 training rows: lora, 81.5 ± 2.0 (accuracy on test, 3 runs, 95 % interval 79.5 to 83.5), 41.0 kB per task. "
            + "houlsby has the highest mean, 82.0 ± 2.0, but its lead of 0.5 points (95 % interval -3.5 to 4.5, 3 pairs) is within the noise, "
            + "and it takes 210.0 kB per task. As good within the noise: pfeiffer (81.0 ± 2.0; 93.0 kB). "
            + "Worse than houlsby beyond the noise: bitfit (70.0 ± 2.0). Three seeds tell large differences from chance, not small ones.",
            recommendation.Text);
    }

    [Fact]
    public void A_small_lead_that_every_seed_shows_is_no_noise()
    {
        var recommendation = Of(("houlsby", 0.82, 1, 210_000), ("lora", 0.815, 1, 41_000));

        Assert.Equal("houlsby", recommendation.Choice.Method);
        Assert.Equal(
            "For 300 training rows: houlsby, 82.0 ± 2.0 (accuracy on test, 3 runs, 95 % interval 80.0 to 84.0), 210.0 kB per task. "
            + "It has the highest mean. Worse than houlsby beyond the noise: lora (81.5 ± 2.0). "
            + "Three seeds tell large differences from chance, not small ones.",
            recommendation.Text);
    }

    [Fact]
    public void One_seed_recommends_the_best_mean_and_says_what_it_does_not_know()
    {
        var recommendation = Recommendation.Of(ComparisonSummary.Of(MadeRuns.Of(
            MadeRuns.Plan(["lora", "bitfit"], ["a", "b"], [null], 0),
            [
                MadeRuns.Run("lora", "a", 0, 0.8, null, onDev: true), MadeRuns.Run("lora", "b", 0, 0.7, null, onDev: true),
                MadeRuns.Run("bitfit", "a", 0, 0.7, null, 100, onDev: true), MadeRuns.Run("bitfit", "b", 0, 0.7, null, 100, onDev: true),
            ]))).Single();

        Assert.Equal("lora", recommendation.Choice.Method);
        Assert.Equal(
            "For all 250 training rows: lora, 75.0 (accuracy on dev, mean of 2 tasks, 2 runs), 10.0 kB per task. It has the highest mean. "
            + "Not to be told from lora without two common seeds of every task: bitfit (70.0). "
            + "Dev also chose the step and the learning rate that were kept, so expect a little less on new rows.",
            recommendation.Text);
    }

    [Fact]
    public void A_method_that_lacks_a_task_is_not_recommended()
    {
        var recommendations = Recommendation.Of(ComparisonSummary.Of(MadeRuns.Of(
            MadeRuns.Plan(["lora", "bitfit"], ["a", "b"], [100, 500], 0, 1),
            [
                .. from seed in new[] { 0, 1 } from task in new[] { "a", "b" } select MadeRuns.Run("lora", task, seed, 0.5 + (0.1 * seed)),
                .. from seed in new[] { 0, 1 } select MadeRuns.Run("bitfit", "b", seed, 0.9, bytes: 10),
            ])));

        var recommendation = Assert.Single(recommendations);
        Assert.Equal("lora", recommendation.Choice.Method);
        Assert.Equal(
            "For 100 training rows per task: lora, 55.0 ± 7.1 (accuracy on test, mean of 2 tasks, 4 runs, 95 % interval 50.0 to 60.0), "
            + "10.0 kB per task. No other method can be compared with it yet. "
            + "Two seeds tell large differences from chance, not small ones. 2 runs are missing.",
            recommendation.Text);
    }

    [Fact]
    public void Of_equal_bytes_the_higher_mean_is_recommended() =>
        Assert.Equal("b", Of(("a", 0.80, 1, 100), ("b", 0.81, -1, 100), ("c", 0.805, -1, 100)).Choice.Method);

    [Fact]
    public void Nothing_is_recommended_before_the_first_run() =>
        Assert.Empty(Recommendation.Of(ComparisonSummary.Of(MadeRuns.Of(MadeRuns.Plan(["lora"], ["a"], null, 0), []))));
}
