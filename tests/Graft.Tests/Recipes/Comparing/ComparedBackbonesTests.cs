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
        var tuned = Pretrained("tapt").Folder;
        var plan = Plan() with
        {
            Methods =
            [
                new PlannedMethod("full", "full"),
                new PlannedMethod("tapt", "full") { Backbone = new(new Dictionary<string, string> { ["letters"] = tuned, ["others"] = _tiny.Model }) },
                new PlannedMethod("dapt", "full") { Backbone = new(tuned) },
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
    public void A_method_begins_at_an_adapter_that_was_pretrained()
    {
        var set = new JsonObject { ["reduction_factor"] = 4 };
        var start = Pretrained("tapt", "houlsby", set).Adapter!;
        var plan = Plan() with
        {
            Methods = [new PlannedMethod("fresh", "houlsby", set), new PlannedMethod("tapt", "houlsby") { Start = new(start) }],
            Tasks = [Plan().Tasks[0]],
        };
        var before = LeakCheck.Settled();

        var report = Compare.Run(CompareSettings.Of(plan, Out("out")));

        Assert.Equal(before, LiveTensors.Count);
        Assert.Empty(report.Failures);
        var (fresh, tapt) = (report.Comparison.Runs.Single(r => r.Method == "fresh"), report.Comparison.Runs.Single(r => r.Method == "tapt"));
        Assert.Equal(fresh.Config.GetRawText(), tapt.Config.GetRawText());
        Assert.NotEqual(fresh.Scores[0].Curve[0].Loss, tapt.Scores[0].Curve[0].Loss);
        var trained = Train.Run(new TrainSettings
        {
            Backbone = plan.Backbone, Tasks = plan.Tasks[0].Tasks, Method = "houlsby", Start = start, Examples = 40, Steps = 4, Batch = 8, Evaluations = 2, Lr = tapt.LearningRate, Out = Out("train"),
        });
        Assert.Equal(trained.Tasks[0].Dev, tapt.Scores[0].Dev);
        Assert.Contains($"tapt begins at {start}", new ReportWords(report.Comparison).Facts[0][1], StringComparison.Ordinal);

        // Another adapter in the same place makes its run open again, and only that.
        Pretrained("tapt", "houlsby", set, seed: 1);
        Assert.Equal(1, Compare.Run(CompareSettings.Of(plan, Out("out"))).Done);
    }

    [Fact]
    public void A_start_that_does_not_fit_is_a_fault_of_the_plan()
    {
        var start = Pretrained("tapt", "houlsby", new JsonObject { ["reduction_factor"] = 4 }).Adapter!;

        Assert.Contains("name the method houlsby", Fault(new PlannedMethod("a", "lora") { Start = new(start) }), StringComparison.Ordinal);
        Assert.Contains("'reduction_factor'", Fault(new PlannedMethod("a", "houlsby", new JsonObject { ["reduction_factor"] = 8 }) { Start = new(start) }), StringComparison.Ordinal);
        Assert.Contains("no/such/package", Fault(new PlannedMethod("a", "houlsby") { Start = new("no/such/package") }), StringComparison.Ordinal);
        Assert.Contains("its start is given by task and not for others", Fault(new PlannedMethod("a", "houlsby") { Start = new(new Dictionary<string, string> { ["letters"] = start }) }), StringComparison.Ordinal);
        Assert.Contains("and the one loaded is another", Fault(new PlannedMethod("a", "houlsby") { Start = new(start), Backbone = new(Pretrained("dapt").Folder) }), StringComparison.Ordinal);

        string Fault(PlannedMethod method) =>
            Assert.Single(Assert.Throws<ComparisonPlanException>(() => Compare.Run(CompareSettings.Of(Plan() with { Methods = [method] }, Out("out")))).Faults);
    }

    [Fact]
    public void A_plan_says_backbones_as_a_name_or_by_task_and_is_written_so()
    {
        var json = """
            {"methods": ["full", {"name": "d", "method": "full", "backbone": "dapt"}, {"name": "t", "method": "full", "backbone": {"rte": "tapt/rte", "cola": "tapt/cola"}},
              {"name": "s", "method": "unipelt", "start": "tapt/adapter"}],
             "tasks": ["rte", "cola"]}
            """;

        var plan = ComparisonPlan.Read(StrictJson.Parse(json, "plan.json"), "plan");

        Assert.Equal(["minilm", "dapt", "tapt/rte", "minilm"], plan.Methods.Select(m => m.Backbone?.Of(plan.Tasks[0]) ?? plan.Backbone));
        Assert.Equal("tapt/adapter", plan.Methods[3].Start!.Of(plan.Tasks[1]));
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

    private PretrainReport Pretrained(string name, string method = PretrainSettings.AllWeights, JsonObject? set = null, long seed = 0) => Pretrain.Run(
        new PretrainSettings
        {
            Backbone = _tiny.Model, Task = _tiny.WriteTask(), Method = method, Set = set?.DeepClone().AsObject(), Seed = seed, Out = Out(name), Overwrite = true,
            Steps = 3, Batch = 8, MaxTokens = 24, DevItems = 0,
        },
        cancellation: TestContext.Current.CancellationToken);

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
