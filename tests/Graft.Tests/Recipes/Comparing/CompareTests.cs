using System.Text.Json.Nodes;
using Graft.Evaluation.Comparisons;
using Graft.Formats.Packages;
using Graft.Recipes;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Recipes.Comparing;

public sealed class CompareTests : IDisposable
{
    private readonly TinyModelFolder _tiny = new();

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public void A_matrix_is_run_recorded_and_not_run_again()
    {
        var settings = CompareSettings.Of(Plan(), Out("out"));
        var before = LeakCheck.Settled();

        var report = Compare.Run(settings);

        Assert.Equal(before, LiveTensors.Count);
        Assert.Equal((8, 8, 8), (report.Done, report.Comparison.Runs.Count, report.Comparison.Planned));
        Assert.Empty(report.Failures);
        Assert.All(report.Comparison.Runs, run => Check(run, settings.Out));
        Assert.Equal(Plan().Runs.Select(r => r.Label), report.Comparison.Runs.Select(Label));
        Assert.Equal(
            report.Comparison.Runs.Select(r => r.ToJson()), ComparisonFolder.Load(settings.Out).Runs.Select(r => r.ToJson()));
        Assert.Equal(report.Comparison.Runs.Select(r => r.Id).Order(StringComparer.Ordinal), Entries(settings.Out));

        Assert.Equal(["lora", "head", "full copies"], StorageAccount.Load(Path.Combine(settings.Out, "storage.json")).Methods.Select(m => m.Method));

        var again = Compare.Run(settings);
        Assert.Equal(0, again.Done);
        Assert.Equal(report.Comparison.Runs.Select(r => r.ToJson()), again.Comparison.Runs.Select(r => r.ToJson()));
    }

    [Fact]
    public void The_first_seed_searches_the_learning_rate_and_the_others_take_it()
    {
        var runs = Compare.Run(CompareSettings.Of(Plan(), Out("out"))).Comparison.Runs;

        foreach (var cell in runs.GroupBy(r => (r.Method, r.Task, r.Size)))
        {
            var (first, second) = (cell.Single(r => r.Seed == 0), cell.Single(r => r.Seed == 1));
            Assert.Equal(2, first.Trials.Count);
            Assert.Equal(first.Trials.Max(t => t.Dev), first.Trials.Single(t => t.LearningRate == first.LearningRate).Dev);
            Assert.Equal(first.LearningRate, second.LearningRate);
            Assert.Empty(second.Trials);
        }
    }

    [Fact]
    public void A_run_is_what_training_with_its_settings_gives_and_test_is_that_of_its_package()
    {
        var plan = Plan() with { Seeds = [3], Sizes = [40], Methods = [new PlannedMethod("lora", "lora")], LearningRateFactors = [1] };
        var run = Compare.Run(CompareSettings.Of(plan, Out("out"))).Comparison.Runs.Single();

        var trained = Train.Run(new TrainSettings
        {
            Backbone = plan.Backbone, Tasks = plan.Tasks[0].Tasks, Method = "lora", Examples = 40, Steps = 12, Batch = 8, Evaluations = 3, Seed = 3, Out = Out("train"),
        }).Tasks.Single();

        Assert.Equal(trained.Dev, run.Scores[0].Dev);
        Assert.Equal(trained.Test, run.Scores[0].Test);
        Assert.Equal(trained.BestStep, run.Scores[0].BestStep);
        Assert.Equal([4, 8, 12], run.Scores[0].Curve.Select(p => p.Step));
    }

    [Fact]
    public void A_mixture_is_a_row_with_a_score_and_a_package_for_each_task()
    {
        var plan = Plan() with
        {
            Tasks = [new PlannedTask("both", [_tiny.WriteTask("letters"), _tiny.WriteTask("others", seed: 5)])],
            Methods = [new PlannedMethod("lora", "lora")],
            Sizes = [40],
            Seeds = [0],
        };

        var run = Compare.Run(CompareSettings.Of(plan, Out("out"))).Comparison.Runs.Single();

        Assert.Equal(["letters", "others"], run.Scores.Select(s => s.Task));
        Assert.Equal(2, run.Sizes.Tasks);
        Assert.Equal(run.Scores.Average(s => s.Score), run.Score);
        Assert.Equal(run.Trials.Max(t => t.Dev), run.Scores.Average(s => s.Dev["accuracy"]));
        Assert.All(run.Scores, s => AdapterPackage.Open(Path.Combine(Out("out"), "runs", run.Id, "packages", s.Task)).CheckFiles());
    }

    [Theory]
    [InlineData("pha", false)]
    [InlineData("pfeiffer", true)]
    [InlineData("pfeiffer", false)]
    public void A_mixture_is_forecast_by_what_all_its_tasks_cost(string method, bool share)
    {
        var (letters, others) = (_tiny.WriteTask("letters"), _tiny.WriteTask("others", seed: 5));
        var plan = Plan() with
        {
            Tasks = [new PlannedTask("letters", [letters]), new PlannedTask("both", [letters, others])], Methods = [new PlannedMethod(method, method, Share: share)], Sizes = [40], Seeds = [0],
        };
        var settings = CompareSettings.Of(plan, Out("out"));
        var forecast = Compare.Forecast(settings);

        var run = Compare.Run(settings).Comparison.Runs.Single(r => r.Task == "both");

        var cost = forecast.Methods.Single();
        Assert.Equal((2, run.Sizes.Trained, run.Sizes.Stored), (cost.Tasks, cost.Trained, cost.Stored));
        Assert.InRange(cost.PackageBytes / (double)run.Sizes.PackageBytes, 0.8, 1.2);
        Assert.True(cost.StepSeconds > 0 && cost.SecondsLeft > 0);
    }

    [Fact]
    public void A_schedule_has_to_fit_every_training_of_a_mixture()
    {
        var adalora = new PlannedMethod("adalora", "adalora", new JsonObject { ["warmup"] = 15, ["final"] = 5 });
        var plan = Plan() with
        {
            Tasks = [new PlannedTask("both", [_tiny.WriteTask("letters"), _tiny.WriteTask("few", train: 10, seed: 5)])], Sizes = [null], Seeds = [0], Steps = null, Epochs = 5,
        };

        var fault = Assert.Throws<ComparisonPlanException>(() => Compare.Forecast(CompareSettings.Of(plan with { Methods = [adalora] }, Out("out"))));
        var together = Compare.Forecast(CompareSettings.Of(plan with { Methods = [adalora with { Share = true }] }, Out("out")));

        Assert.Contains("the run's 10", Assert.Single(fault.Faults), StringComparison.Ordinal);
        Assert.Equal(((96 + 10) * 5 + 7) / 8, together.Groups.Single().Steps);
    }

    [Fact]
    public void A_package_is_evaluated_on_the_dev_rows_that_it_was_chosen_by_whatever_the_seed_of_its_run()
    {
        var task = _tiny.WriteTask("letters");
        var file = JsonNode.Parse(File.ReadAllText(task))!.AsObject();
        file["files"]!.AsObject().Remove("dev");
        File.WriteAllText(task, file.ToJsonString());
        var plan = Plan() with { Tasks = [new PlannedTask("letters", [task])], Seeds = [3], Sizes = [40], Methods = [new PlannedMethod("lora", "lora")], LearningRateFactors = [1] };
        var settings = CompareSettings.Of(plan, Out("out"));

        var run = Compare.Run(settings).Comparison.Runs.Single();
        var again = Evaluate.Run(new EvaluateSettings { Package = Path.Combine(settings.Out, "runs", run.Id, "packages", "letters"), Task = task, Backbone = _tiny.Model });

        Assert.Equal(run.Scores[0].Dev, again.Dev);
    }

    [Fact]
    public void More_seeds_or_methods_add_runs_to_those_that_are_there()
    {
        var settings = CompareSettings.Of(Plan(), Out("out"));
        var first = Compare.Run(settings).Comparison.Runs;

        var more = Compare.Run(CompareSettings.Of(Plan() with { Seeds = [0, 1, 2], Methods = [new PlannedMethod("lora-renamed", "lora"), Plan().Methods[1]] }, settings.Out));

        Assert.Equal((4, 12), (more.Done, more.Comparison.Runs.Count));
        Assert.Equal(first.Select(r => r.Id).Order(StringComparer.Ordinal), more.Comparison.Runs.Where(r => r.Seed < 2).Select(r => r.Id).Order(StringComparer.Ordinal));
        Assert.Contains(more.Comparison.Runs, r => r.Method == "lora-renamed" && r.Seed == 0);
    }

    [Fact]
    public void A_method_that_diverges_fails_alone_with_the_runs_that_wait_for_it()
    {
        var plan = Plan() with { Sizes = [40], Methods = [new PlannedMethod("wild", "lora", null, 1e30), new PlannedMethod("head", "head")] };
        List<string> notes = [];

        var report = Compare.Run(CompareSettings.Of(plan, Out("out")), state => { if (state.Note is { } note) { notes.Add(note); } });

        Assert.Equal(["wild/letters/40/0", "wild/letters/40/1"], report.Failures.Select(f => f.Run));
        Assert.Contains("diverged with every learning rate", report.Failures[0].Reason, StringComparison.Ordinal);
        Assert.Contains("finds its learning rate", report.Failures[1].Reason, StringComparison.Ordinal);
        Assert.Equal(["head", "head"], report.Comparison.Runs.Select(r => r.Method));
        Assert.Contains(notes, n => n.StartsWith("wild/letters/40/0 failed", StringComparison.Ordinal));
    }

    [Fact]
    public void One_training_that_diverges_is_a_trial_without_a_score()
    {
        var plan = Plan() with { Sizes = [40], Seeds = [0], Methods = [new PlannedMethod("lora", "lora")], LearningRateFactors = [1, 1e33] };

        var run = Compare.Run(CompareSettings.Of(plan, Out("out"))).Comparison.Runs.Single();

        Assert.Null(run.Trials[1].Dev);
        Assert.Equal(run.Trials[0].LearningRate, run.LearningRate);
    }

    [Fact]
    public void Only_does_what_it_names_and_what_that_needs()
    {
        var settings = CompareSettings.Of(Plan(), Out("out")) with { Only = ["head/*/40/1"] };

        var report = Compare.Run(settings);

        Assert.Equal(["head/letters/40/0", "head/letters/40/1"], report.Comparison.Runs.Select(Label));
        Assert.Contains("takes none of the plan's 8 runs", Assert.Throws<GraftException>(() => Compare.Run(settings with { Only = ["lora/letters"] })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_cancelled_run_is_given_back()
    {
        using var stop = new CancellationTokenSource();
        var settings = CompareSettings.Of(Plan(), Out("out"));

        Assert.ThrowsAny<OperationCanceledException>(() => Compare.Run(settings, state => { if (state is { Finished: 2, Training.Step: 3 }) { stop.Cancel(); } }, stop.Token));

        Assert.Equal(2, Entries(settings.Out).Count());
        Assert.Equal(6, Compare.Run(settings).Done);
    }

    [Fact]
    public void A_damaged_result_names_its_file()
    {
        var settings = CompareSettings.Of(Plan() with { Seeds = [0], Sizes = [40] }, Out("out"));
        var run = Compare.Run(settings).Comparison.Runs[0];
        File.WriteAllText(Path.Combine(settings.Out, "runs", run.Id, "result.json"), "{");

        var fault = Assert.Throws<GraftException>(() => Compare.Run(settings));

        Assert.Contains(run.Id, fault.Message, StringComparison.Ordinal);
        Assert.Contains("to do the run 'lora/letters/40/0' again", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_most_training_rows_are_the_same_for_every_seed_and_method()
    {
        var plan = Plan() with { TrainRows = 30, Sizes = [null], LearningRateFactors = [1], Steps = 2, Evaluations = 1 };

        var runs = Compare.Run(CompareSettings.Of(plan, Out("out"))).Comparison.Runs;

        Assert.Equal(4, runs.Count);
        Assert.All(runs, run => Assert.Equal(30, run.Scores.Single().TrainRows));
        var trained = runs.Select(run => JsonNode.Parse(File.ReadAllText(Path.Combine(Out("out"), "runs", run.Id, "run.json")))!["tasks"]![0]!["train"]!.ToJsonString());
        Assert.Single(trained.Distinct(StringComparer.Ordinal));
        Assert.Contains("30", Assert.Single(Assert.Throws<ComparisonPlanException>(() => Compare.Run(CompareSettings.Of(plan with { Sizes = [40] }, Out("more")))).Faults), StringComparison.Ordinal);
        var again = ComparisonPlan.Read(StrictJson.From(plan.ToJson(), "plan"), "plan");
        Assert.Equal(30, again.TrainRows);
    }

    [Fact]
    public void Impossible_entries_are_refused_together_before_anything_is_run()
    {
        var plan = new JsonObject
        {
            ["backbone"] = _tiny.Model,
            ["methods"] = new JsonArray("lroa", new JsonObject { ["method"] = "lora", ["set"] = new JsonObject { ["rnak"] = 2 } }, "compacter",
                "head", new JsonObject { ["name"] = "again", ["method"] = "head" }),
            ["tasks"] = new JsonArray(_tiny.WriteTask(), "no-such-task"),
            ["sizes"] = new JsonArray(40, 5000),
            ["batch"] = 0,
        };
        var path = Path.Combine(_tiny.Root, "plan.json");
        File.WriteAllText(path, plan.ToJsonString());

        var faults = Assert.Throws<ComparisonPlanException>(() => Compare.Run(CompareSettings.OfFile(path))).Faults;

        Assert.Equal(
            ["'batch' is 0", "no task 'no-such-task'", "5000 is beyond the 96 training rows", "no method 'lroa'", "'rnak' is not a setting", "the method 'compacter': ", "'head' and 'again' are the same"],
            faults, (expected, actual) => actual.Contains(expected, StringComparison.Ordinal));
        Assert.False(Directory.Exists(Path.Combine(_tiny.Root, "plan")));
    }

    private string Out(string name) => Path.Combine(_tiny.Root, name);

    private ComparisonPlan Plan() => new()
    {
        Name = "tiny",
        Backbone = _tiny.Model,
        Methods = [new PlannedMethod("lora", "lora"), new PlannedMethod("head", "head")],
        Tasks = [new PlannedTask("letters", [_tiny.WriteTask()])],
        Sizes = [40, null],
        Seeds = [0, 1],
        Steps = 12,
        Batch = 8,
        Evaluations = 3,
        LearningRateFactors = [1, 3],
    };

    private static string Label(ComparisonRun run) => $"{run.Method}/{run.Task}/{(run.Size is { } size ? $"{size}" : "all")}/{run.Seed}";

    private static IEnumerable<string> Entries(string folder) =>
        Directory.EnumerateFileSystemEntries(Path.Combine(folder, "runs")).Select(p => Path.GetFileName(p)).Order(StringComparer.Ordinal);

    private static void Check(ComparisonRun run, string folder)
    {
        var score = run.Scores.Single();
        Assert.Equal(("letters", "accuracy", "test"), (score.Task, score.Metric, score.Split));
        Assert.Equal(run.Size ?? 96, score.TrainRows);
        Assert.Equal(12, score.Steps);
        Assert.Equal(3, score.Curve.Count);
        Assert.Equal(score.Dev["accuracy"], score.Curve.Single(p => p.Step == score.BestStep).Dev);
        Assert.All(score.Curve, p => Assert.True(double.IsFinite(p.Loss)));
        Assert.True(run.Seconds > 0 && run.TokensPerSecond > 0);
        Assert.True(!OperatingSystem.IsLinux() || run.PeakMemory > 1_000_000);
        Assert.Equal(run.Method == "head" ? 0 : run.Sizes.TrainedByFormula, run.Sizes.Stored);
        Assert.Equal((16 * 3) + 3, run.Sizes.Head);
        var package = Path.Combine(folder, "runs", run.Id, "packages", "letters");
        Assert.Equal(new DirectoryInfo(package).EnumerateFiles().Sum(f => f.Length), run.Sizes.PackageBytes);
        Assert.Contains($"--only {Label(run)}", run.Command, StringComparison.Ordinal);
        Assert.Equal(run.Id, RunIdentityOf(folder, run));
        Assert.Equal(run.Trials.Count == 0 ? 1 : 2, Directory.EnumerateFiles(Path.Combine(folder, "runs", run.Id, "training"), "letters.jsonl", SearchOption.AllDirectories).Count());
    }

    private static string RunIdentityOf(string folder, ComparisonRun run) => Graft.Recipes.Comparing.RunIdentity.Hash(
        JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "runs", run.Id, "run.json")))!.AsObject());
}
