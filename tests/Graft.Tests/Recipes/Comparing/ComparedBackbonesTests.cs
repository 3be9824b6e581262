using System.Text.Json.Nodes;
using Graft.Evaluation.Comparisons;
using Graft.Evaluation.Reports;
using Graft.Recipes;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Recipes.Comparing;

/// <summary>Methods of a plan that tune a backbone of their own, as a pretrained one.</summary>
public sealed class ComparedBackbonesTests : IDisposable
{
    private readonly TinyModelFolder _tiny = new();

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public void A_method_tunes_its_own_backbone_for_each_task()
    {
        var tuned = Pretrained("tapt");
        var plan = Plan() with
        {
            Methods =
            [
                new PlannedMethod("full", "full"),
                new PlannedMethod("tapt", "full") { BackboneByTask = new Dictionary<string, string> { ["letters"] = tuned, ["others"] = _tiny.Model } },
                new PlannedMethod("dapt", "full") { Backbone = tuned },
            ],
        };
        var before = LeakCheck.Settled();

        var report = Compare.Run(CompareSettings.Of(plan, Out("out")));

        Assert.Equal(before, LiveTensors.Count);
        Assert.Empty(report.Failures);
        var runs = report.Comparison.Runs;
        Assert.Equal(6, report.Comparison.Planned);

        // Four trainings: full and tapt are the same thing on the second task, dapt and tapt on the first.
        Assert.Equal(4, runs.Select(r => r.Id).Distinct(StringComparer.Ordinal).Count());
        Assert.Equal(Of("tapt", "letters").Id, Of("dapt", "letters").Id);
        Assert.Equal(Of("tapt", "others").Id, Of("full", "others").Id);
        Assert.Equal(4, Directory.GetDirectories(Path.Combine(Out("out"), "runs")).Length);
        Assert.NotEqual(Of("full", "letters").Scores[0].Curve[0].Loss, Of("dapt", "letters").Scores[0].Curve[0].Loss);
        var own = JsonNode.Parse(File.ReadAllText(Path.Combine(Out("out"), "runs", Of("full", "letters").Id, "run.json")))!;
        var other = JsonNode.Parse(File.ReadAllText(Path.Combine(Out("out"), "runs", Of("dapt", "letters").Id, "run.json")))!;
        Assert.NotEqual((string?)own["backbone"], (string?)other["backbone"]);
        Assert.Equal(0, Compare.Run(CompareSettings.Of(plan, Out("out"))).Done);
        Assert.Contains("tapt for letters", new ReportWords(report.Comparison).Facts[0][1], StringComparison.Ordinal);

        ComparisonRun Of(string method, string task) => runs.Single(r => r.Method == method && r.Task == task);
    }

    [Fact]
    public void A_plan_says_backbones_as_a_name_or_by_task_and_is_written_so()
    {
        var json = """
            {"methods": ["full", {"name": "d", "method": "full", "backbone": "dapt"}, {"name": "t", "method": "full", "backbone": {"rte": "tapt/rte", "cola": "tapt/cola"}}],
             "tasks": ["rte", "cola"]}
            """;

        var plan = ComparisonPlan.Read(StrictJson.Parse(json, "plan.json"), "plan");

        Assert.Equal(["minilm", "dapt", "tapt/rte"], plan.Methods.Select(m => m.BackboneFor(plan.Tasks[0], plan.Backbone)));
        var again = ComparisonPlan.Read(StrictJson.From(plan.ToJson(), "plan.json"), "plan");
        Assert.Equal(plan.ToJson().ToJsonString(), again.ToJson().ToJsonString());
        Assert.Equal("full", (string?)plan.ToJson()["methods"]![0]);
    }

    [Theory]
    [InlineData("""{"method": "full", "backbone": {"letters": "MODEL"}}""", "not for others")]
    [InlineData("""{"method": "full", "backbone": {"letters": "MODEL", "others": "MODEL", "leters": "MODEL"}}""", "did you mean 'letters'")]
    [InlineData("""{"method": "full", "backbone": "no/such/model"}""", "no/such/model")]
    [InlineData("""{"method": "full", "backbone": 3}""", "expected a model folder")]
    [InlineData("""{"method": "full", "backbone": {"letters": ""}}""", "letters")]
    [InlineData("""{"name": "again", "method": "head", "backbone": "MODEL"}""", "are the same with the same settings")]
    public void A_backbone_that_is_not_there_or_a_task_that_has_none_is_a_fault_of_the_plan(string method, string word)
    {
        var plan = Plan().ToJson();
        plan["methods"] = new JsonArray("head", JsonNode.Parse(method.Replace("MODEL", _tiny.Model, StringComparison.Ordinal)));

        var file = Path.Combine(_tiny.Root, "plan.json");
        File.WriteAllText(file, plan.ToJsonString());

        var fault = Assert.Throws<ComparisonPlanException>(() => Compare.Run(CompareSettings.OfFile(file, Out("out"))));

        Assert.Contains(word, Assert.Single(fault.Faults), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Out("out")));
    }

    private string Out(string name) => Path.Combine(_tiny.Root, name);

    private string Pretrained(string name)
    {
        Pretrain.Run(
            new PretrainSettings { Backbone = _tiny.Model, Task = _tiny.WriteTask(), Out = Out(name), Steps = 3, Batch = 8, MaxTokens = 24, DevItems = 0 },
            cancellation: TestContext.Current.CancellationToken);
        return Out(name);
    }

    private ComparisonPlan Plan() => new()
    {
        Name = "tiny",
        Backbone = _tiny.Model,
        Methods = [new PlannedMethod("full", "full")],
        Tasks = [new PlannedTask("letters", [_tiny.WriteTask()]), new PlannedTask("others", [_tiny.WriteTask("others", seed: 5)])],
        Sizes = [40],
        Seeds = [0],
        Steps = 4,
        Batch = 8,
        Evaluations = 2,
        LearningRateFactors = [1],
    };
}
