using Graft.Evaluation.Comparisons;
using Graft.Evaluation.Reports;
using Xunit;

namespace Graft.Tests.Evaluation.Comparisons;

public sealed class HypothesisTests
{
    private static readonly string[] s_tasks = ["x", "y"];
    private static readonly long[] s_seeds = [0, 1, 2];

    [Theory]
    [InlineData(0.05, 0.001, Verdict.Supported)]
    [InlineData(-0.05, 0.001, Verdict.Refuted)]
    [InlineData(0.001, 0.05, Verdict.Undecided)]
    public void Better_is_decided_by_the_interval_of_the_paired_difference(double lead, double noise, Verdict expected)
    {
        var test = Test(new Hypothesis("a leads", "a", HypothesisKind.Better, ["b"]), (method, _, seed) => method == "a" ? 0.7 + lead + (noise * (seed - 1)) : 0.7);

        Assert.Equal(expected, test.Verdict);
        Assert.Equal([100, 500], test.Checks.Select(c => c.Size));
        Assert.All(test.Checks, c => Assert.Equal(lead, c.Difference!.Mean, 1e-12));
    }

    [Theory]
    [InlineData(0.005, Verdict.Supported)]
    [InlineData(0.02, Verdict.Refuted)]
    [InlineData(0.01, Verdict.Undecided)]
    public void As_good_allows_a_margin(double behind, Verdict expected) => Assert.Equal(
        expected,
        Test(new Hypothesis("a keeps up", "a", HypothesisKind.AsGood, ["b"]), (method, _, seed) => method == "a" ? 0.7 - behind + (0.001 * (seed - 1)) : 0.7).Verdict);

    [Theory]
    [InlineData(0.03, 0.01, Verdict.Supported)]
    [InlineData(0.01, 0.03, Verdict.Refuted)]
    public void A_lead_that_grows_is_the_difference_of_two_leads(double few, double many, Verdict expected)
    {
        var test = Test(
            new Hypothesis("less is more", "a", HypothesisKind.LeadsMoreWithLess, ["b"]),
            (method, size, seed) => method == "a" ? 0.7 + (size == 100 ? few : many) + (0.001 * (seed - 1)) : 0.7);

        Assert.Equal(expected, test.Verdict);
        Assert.Equal(few - many, Assert.Single(test.Checks).Difference!.Mean, 1e-12);
    }

    [Theory]
    [InlineData(0.2, Verdict.Supported)]
    [InlineData(0.05, Verdict.Refuted)]
    public void A_package_that_is_too_large_refutes(double ratio, Verdict expected)
    {
        var test = Test(
            new Hypothesis("a is small", "a", HypothesisKind.AsGood, ["b"]) { StorageRatio = ratio },
            (method, _, seed) => 0.7 + (0.001 * seed), method => method == "a" ? 1_000 : 10_000);

        Assert.Equal(expected, test.Verdict);
        Assert.All(test.Checks, c => Assert.Equal(0.1, c.StorageRatio!.Value, 1e-12));
    }

    [Fact]
    public void Every_other_method_counts_and_one_that_refutes_is_enough()
    {
        var hypothesis = new Hypothesis("a leads", "a", HypothesisKind.Better, ["b", "c"]);
        double Score(string method, int? size, long seed) => method switch { "a" => 0.7, "b" => 0.6, _ => 0.8 } + (0.001 * seed * (method == "a" ? 1 : 2));

        var test = Test(hypothesis, Score);

        Assert.Equal(Verdict.Refuted, test.Verdict);
        Assert.Equal([Verdict.Supported, Verdict.Supported, Verdict.Refuted, Verdict.Refuted], test.Checks.Select(c => c.Verdict));
        Assert.Equal(Verdict.Supported, Test(hypothesis with { Than = ["b"], Sizes = [500], Task = "y" }, Score).Verdict);
    }

    [Fact]
    public void Without_runs_or_seeds_it_stays_untested()
    {
        var hypothesis = new Hypothesis("a leads", "a", HypothesisKind.Better, ["b"]);
        var plan = MadeRuns.Plan(["a", "b"], s_tasks, [100], 0) with { Hypotheses = [hypothesis] };
        var none = HypothesisTest.Of(MadeRuns.Of(plan, [])).Single();
        var one = HypothesisTest.Of(MadeRuns.Of(plan, plan.Runs.Select(r => MadeRuns.Run(r.Method.Name, r.Task.Name, r.Seed, r.Method.Name == "a" ? 0.9 : 0.5, r.Size)))).Single();

        Assert.Equal((Verdict.Untested, null), (none.Verdict, none.Checks[0].Difference));
        Assert.Equal(Verdict.Untested, one.Verdict);
        Assert.Equal(0.4, one.Checks[0].Difference!.Mean, 1e-12);
    }

    [Fact]
    public void A_plan_keeps_its_hypotheses_and_the_report_shows_their_verdicts()
    {
        var plan = ComparisonPlan.Read(StrictJson.Parse("""
            {"methods": ["lora", "head"], "tasks": ["x", "y"], "sizes": [100, 500],
             "hypotheses": [{"text": "LoRA beats a head", "method": "lora", "is": "better", "than": ["head"], "sizes": [500], "task": "x", "storage_ratio": 0.5}]}
            """u8.ToArray(), "plan.json"), "plan");
        var again = ComparisonPlan.Read(StrictJson.From(plan.ToJson(), "again"), "again");
        var runs = again.Runs.Select(r => MadeRuns.Run(r.Method.Name, r.Task.Name, r.Seed, (r.Method.Name == "lora" ? 0.9 : 0.5) + (0.001 * r.Seed), r.Size));

        var report = MarkdownReport.Of(MadeRuns.Of(again, runs), storage: null);

        Assert.Equal(plan.ToJson().ToJsonString(), again.ToJson().ToJsonString());
        Assert.Contains("**LoRA beats a head: refuted** (lora scores higher than head, on x, with at most 0.5 of the adapter's bytes)", report, StringComparison.Ordinal);
        Assert.Contains("| head | 500 | +40.0 [+40.0, +40.0] | 1 of its | refuted |", report, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_plan_has_not_is_a_fault_and_all_are_listed()
    {
        var fault = Assert.Throws<ComparisonPlanException>(() => ComparisonPlan.Read(StrictJson.Parse("""
            {"methods": ["lora", "head"], "tasks": ["x"], "sizes": [100],
             "hypotheses": [
               {"text": "1", "method": "lora", "is": "better", "than": ["heads"]},
               {"text": "2", "method": "lora", "is": "beter", "than": ["head"]},
               {"text": "3", "method": "lora", "is": "better", "than": ["lora"]},
               {"text": "4", "method": "lora", "is": "leads_more_with_less", "than": ["head"]},
               {"text": "5", "method": "lora", "is": "better", "than": ["head"], "sizes": [500]},
               {"text": "6", "method": "lora", "is": "better", "than": ["head"], "task": "z"},
               {"text": "7", "method": "lora", "is": "as_good", "than": ["head"], "margin": -1}]}
            """u8.ToArray(), "plan.json"), "plan"));

        Assert.Equal(7, fault.Faults.Count);
        Assert.Contains("the plan has no method called 'heads'", fault.Faults[0], StringComparison.Ordinal);
        Assert.Contains("'better'", fault.Faults[1], StringComparison.Ordinal);
        Assert.Contains("against itself", fault.Faults[2], StringComparison.Ordinal);
        Assert.Contains("two numbers of training rows", fault.Faults[3], StringComparison.Ordinal);
        Assert.Contains("no size 500", fault.Faults[4], StringComparison.Ordinal);
        Assert.Contains("no task called 'z'", fault.Faults[5], StringComparison.Ordinal);
        Assert.Contains("'margin' is -1", fault.Faults[6], StringComparison.Ordinal);
    }

    private static HypothesisTest Test(Hypothesis hypothesis, Func<string, int?, long, double> score, Func<string, long>? bytes = null)
    {
        var plan = MadeRuns.Plan(["a", "b", "c"], s_tasks, [100, 500], s_seeds) with { Hypotheses = [hypothesis] };
        return HypothesisTest.Of(MadeRuns.Of(plan, plan.Runs.Select(r =>
            MadeRuns.Run(r.Method.Name, r.Task.Name, r.Seed, score(r.Method.Name, r.Size, r.Seed), r.Size, bytes?.Invoke(r.Method.Name) ?? 10_000)))).Single();
    }
}
