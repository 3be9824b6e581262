using Graft.Evaluation.Comparisons;
using Xunit;

namespace Graft.Tests.Evaluation.Comparisons;

public sealed class ComparisonPlanTests
{
    private const string Whole = """
        {
          "name": "small", "backbone": "minilm", "data": "data",
          "methods": ["lora", {"name": "lora-2", "method": "lora", "set": {"rank": 2}, "learning_rate": 0.002}],
          "tasks": ["sst-2", "tickets/urgent.task.json", {"name": "pair", "tasks": ["mrpc", "rte"]}],
          "sizes": [100, "all"], "seeds": [3, 4], "steps": 60, "evaluations": 3, "batch": 8, "learning_rate_factors": [1],
          "dev_rows": 200, "test_rows": 300, "max_tokens": 64, "precision": "bf16", "device": "cuda:1"
        }
        """;

    [Fact]
    public void A_plan_is_read_with_every_key()
    {
        var plan = Read(Whole);

        Assert.Equal(("small", "minilm", "data"), (plan.Name, plan.Backbone, plan.Data));
        Assert.Equal(["lora", "lora-2"], plan.Methods.Select(m => m.Name));
        Assert.Equal(2, (int)plan.Methods[1].Set!["rank"]!);
        Assert.Equal(0.002, plan.Methods[1].LearningRate);
        Assert.Equal(["sst-2", "urgent", "pair"], plan.Tasks.Select(t => t.Name));
        Assert.Equal(["mrpc", "rte"], plan.Tasks[2].Tasks);
        Assert.Equal([100, null], plan.Sizes);
        Assert.Equal([3L, 4L], plan.Seeds);
        Assert.Equal((60, null), (plan.Steps, plan.Epochs));
        Assert.Equal((3, 8, 200, 300, 64), (plan.Evaluations, plan.Batch, plan.DevRows, plan.TestRows, plan.MaxTokens));
        Assert.Equal([1.0], plan.LearningRateFactors);
        Assert.Equal(("bf16", "cuda:1"), (plan.Precision, plan.Device));
    }

    [Fact]
    public void What_is_left_out_has_its_default()
    {
        var plan = Read("""{"methods": "lora", "tasks": "sst-2"}""");

        Assert.Equal("plan", plan.Name);
        Assert.Equal([null], plan.Sizes);
        Assert.Equal([0L, 1L, 2L], plan.Seeds);
        Assert.Equal((5.0, null), (plan.Epochs, plan.Steps));
        Assert.Equal([0.3, 1.0, 3.0], plan.LearningRateFactors);
    }

    [Fact]
    public void Written_and_read_again_a_plan_is_the_same()
    {
        var written = Read(Whole).ToJson();

        var again = ComparisonPlan.Read(StrictJson.From(written, "again"), "again");

        Assert.Equal(written.ToJsonString(), again.ToJson().ToJsonString());
        Assert.Equal(ComparisonPlan.Keys.Order(StringComparer.Ordinal), written.Select(p => p.Key).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void All_faults_are_listed_at_once_with_their_lines()
    {
        var fault = Assert.Throws<ComparisonPlanException>(() => Read("""
            {
              "methods": ["lora", {"method": "lora"}, {"method": "pfeiffer", "sett": {}}, 7],
              "tasks": [{"tasks": ["rte", "rte"]}],
              "sizes": [100, 0, "most"],
              "seeds": [1, 1],
              "epochs": 2, "steps": 10,
              "batch": -1,
              "learning_rate_factors": [],
              "precision": "f16",
              "device": "gpu",
              "metods": []
            }
            """));

        Assert.Equal(
            [
                "line 11: unknown key 'metods'",
                "line 6: both epochs and steps",
                "line 2: unknown key 'sett'",
                "line 2: 'methods[3]' is the number 7",
                "line 2: 'methods' has 'lora' twice",
                "line 3: 'tasks[0].tasks' names a task twice",
                "line 4: 'sizes[1]' is the number 0",
                "line 4: 'sizes[2]' is the string \"most\"",
                "line 5: 'seeds' has '1' twice",
                "line 7: 'batch' is -1",
                "line 8: 'learning_rate_factors' is an empty list",
                "line 9: 'precision' is 'f16'",
                "line 10:",
            ],
            fault.Faults.Select(f => f["plan.json, ".Length..]).ToList(),
            (expected, actual) => actual.StartsWith(expected, StringComparison.Ordinal));
        Assert.Contains("13 faults, and nothing was run", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"tasks": ["rte"]}""", "'methods' is missing")]
    [InlineData("""{"methods": [], "tasks": ["rte"]}""", "'methods' is missing or empty")]
    [InlineData("""{"methods": [{"method": "lora", "name": "a/b"}], "tasks": ["rte"]}""", "'a/b' does not do")]
    [InlineData("""{"methods": [{"method": "lora", "learning_rate": 0}], "tasks": ["rte"]}""", "expected a number above 0")]
    [InlineData("""{"methods": ["lora"], "tasks": ["a/rte.task.json", "rte"]}""", "'tasks' has 'rte' twice")]
    [InlineData("""{"methods": ["lora"], "tasks": ["rte"], "learning_rate_factors": [1e999]}""", "expected a number above 0")]
    public void One_fault_is_one_sentence(string json, string expected)
    {
        var fault = Assert.Throws<ComparisonPlanException>(() => Read(json));

        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', fault.Message);
    }

    [Fact]
    public void Runs_go_seed_by_seed_and_every_cell_once()
    {
        var runs = Read(Whole).Runs.ToList();

        Assert.Equal(2 * 3 * 2 * 2, runs.Select(r => r.Label).Distinct(StringComparer.Ordinal).Count());
        Assert.Equal("lora/sst-2/100/3", runs[0].Label);
        Assert.Equal("lora-2/pair/all/4", runs[^1].Label);
        Assert.True(runs.FindLastIndex(r => r.Seed == 3) < runs.FindIndex(r => r.Seed == 4));
    }

    private static ComparisonPlan Read(string json) => ComparisonPlan.Read(StrictJson.Parse(json, "plan.json"), "plan");
}
