using System.Text.Json.Nodes;
using Graft.Evaluation.Comparisons;
using Graft.Methods.Core;
using Graft.Recipes.Comparing;
using Graft.Tasks;
using Graft.Tasks.TextToText;
using Graft.TestKit;
using Xunit;

namespace Graft.Tests.Recipes.Comparing;

public sealed class RunIdentityTests
{
    private static readonly TaskDefinition s_task = TinyModels.Task(TaskKind.Classification);
    private static readonly ComparisonPlan s_plan = new() { Name = "n", Methods = [new PlannedMethod("lora", "lora")], Tasks = [new PlannedTask("t", ["t"])], Epochs = 5 };
    private static readonly PlannedRun s_run = new(s_plan.Methods[0], s_plan.Tasks[0], 2, 0);

    public static TheoryData<string> Determining =>
        ["backbone", "method", "setting", "adapters built on", "learning rate", "factors", "searched by", "epochs", "steps", "evaluations", "batch", "max tokens", "precision", "device",
         "size", "seed", "train text", "train label", "train order", "pair", "dev", "test", "no test", "labels", "metrics", "text format", "task name", "tasks"];

    public static TheoryData<string> Harmless => ["plan name", "method name", "task name in the plan", "data folder", "other seeds", "other sizes", "file and line", "held-out limits"];

    [Theory, MemberData(nameof(Determining))]
    public void What_determines_a_run_changes_its_hash(string what) => Assert.NotEqual(Hash(""), Hash(what));

    [Theory, MemberData(nameof(Harmless))]
    public void What_does_not_determine_a_run_leaves_its_hash(string what) => Assert.Equal(Hash(""), Hash(what));

    [Fact]
    public void The_hash_does_not_depend_on_the_order_of_keys()
    {
        var one = new JsonObject { ["a"] = 1, ["b"] = new JsonObject { ["c"] = 2, ["d"] = null } };
        var other = new JsonObject { ["b"] = new JsonObject { ["d"] = null, ["c"] = 2 }, ["a"] = 1 };

        Assert.Equal(RunIdentity.Hash(one), RunIdentity.Hash(other));
        Assert.Matches("^[0-9a-f]{16}$", RunIdentity.Hash(one));
    }

    private static string Hash(string what)
    {
        List<Example> train = [new("one text") { Label = 0 }, new("another") { Label = 1 }];
        List<Example> dev = [new("dev") { Label = 0 }];
        IReadOnlyList<Example>? test = [new("test") { Label = 1 }];
        var (plan, run, task, fingerprint, method, searchedBy) = (s_plan, s_run, s_task, "f", Lora(8), (string?)null);
        switch (what)
        {
            case "backbone": fingerprint = "g"; break;
            case "text format": task = task with { Text = new TextNames(Targets: ["no", "yes", "maybe"]) }; break;
            case "method": method = new PreparedMethod(PeftMethods.Get("dora"), PeftMethods.Get("dora").Defaults, 1e-3); break;
            case "setting": method = Lora(4); break;
            case "adapters built on": method = method with { BuildsOn = ["a hash"] }; break;
            case "learning rate": method = method with { LearningRate = 2e-3 }; break;
            case "factors": plan = plan with { LearningRateFactors = [1] }; break;
            case "searched by": searchedBy = "0123456789abcdef"; break;
            case "epochs": plan = plan with { Epochs = 6 }; break;
            case "steps": plan = plan with { Epochs = null, Steps = 5 }; break;
            case "evaluations": plan = plan with { Evaluations = 4 }; break;
            case "batch": plan = plan with { Batch = 8 }; break;
            case "max tokens": plan = plan with { MaxTokens = 64 }; break;
            case "precision": plan = plan with { Precision = "bf16" }; break;
            case "device": plan = plan with { Device = "cuda" }; break;
            case "size": run = run with { Size = null }; break;
            case "seed": run = run with { Seed = 1 }; break;
            case "train text": train[0] = train[0] with { Text = "one  text" }; break;
            case "train label": train[0] = train[0] with { Label = 1 }; break;
            case "train order": train.Reverse(); break;
            case "pair": train[0] = train[0] with { Text = "one", Pair = " text" }; break;
            case "dev": dev.Add(dev[0]); break;
            case "test": test = [new("test") { Label = 0 }]; break;
            case "no test": test = null; break;
            case "labels": task = task with { Labels = ["sad", "glad", "other"] }; break;
            case "metrics": task = task with { MetricNames = ["macro_f1", "accuracy"] }; break;
            case "task name": task = task with { Name = "temper" }; break;
            case "plan name": plan = plan with { Name = "other" }; break;
            case "method name": run = run with { Method = run.Method with { Name = "mine" } }; break;
            case "task name in the plan": run = run with { Task = run.Task with { Name = "mine" } }; break;
            case "data folder": plan = plan with { Data = "elsewhere" }; break;
            case "other seeds": plan = plan with { Seeds = [0, 7] }; break;
            case "other sizes": plan = plan with { Sizes = [2, 9] }; break;
            case "file and line": train[0] = train[0] with { File = "x.tsv", Line = 7 }; break;
            case "held-out limits": plan = plan with { DevRows = 900, TestRows = 900 }; break;
            default: break;
        }

        List<TaskData> tasks = [new TaskData(task, train, dev, test)];
        if (what == "tasks")
        {
            tasks.Add(new TaskData(task with { Name = "second" }, train, dev, test));
        }

        return RunIdentity.Hash(new RunIdentity(plan).Of(run, fingerprint, method, tasks, searchedBy));
    }

    private static PreparedMethod Lora(int rank) =>
        new(PeftMethods.Get("lora"), PeftMethods.Get("lora").ReadConfig(new JsonObject { ["rank"] = rank }, "test"), 1e-3);
}
