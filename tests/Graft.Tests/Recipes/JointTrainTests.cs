using System.Text.Json.Nodes;
using Graft.Evaluation.Comparisons;
using Graft.Formats.Packages;
using Graft.Methods.Core;
using Graft.Recipes;
using Graft.Tasks.Mixtures;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Recipes;

/// <summary>Tasks that are trained together on one adapter, from files to files.</summary>
public sealed class JointTrainTests : IDisposable
{
    private readonly TinyModelFolder _tiny = new();
    private readonly string[] _tasks;

    public JointTrainTests() => _tasks = [_tiny.WriteTask("first"), _tiny.WriteTask("second", train: 40, seed: 2), _tiny.WriteTask("third", train: 20, seed: 3)];

    public void Dispose() => _tiny.Dispose();

    [Theory]
    [InlineData("test-sharing", false, 2, 2 * 2 * 2 * 16)]
    [InlineData("lora", true, 0, 2 * 2 * 8 * 32)]
    public void Tasks_train_together_into_one_package(string method, bool share, int own, int shared)
    {
        var settings = Settings() with { Method = method, Share = share };
        var seen = new List<TrainProgress>();

        var report = Train.Run(settings, seen.Add);

        var package = JointPackage.Open(Path.Combine(settings.Out, "joint"));
        Assert.Equal(["first", "second", "third"], package.Tasks);
        Assert.Equal(package.Tasks, report.Tasks.Select(t => t.Task));
        Assert.Equal([96, 40, 20], report.Tasks.Select(t => t.TrainRows));
        Assert.All(report.Tasks, t => Assert.Equal(own + (3 * 17), t.TrainedParameters));
        Assert.Equal(shared, report.Joint!.SharedParameters);
        Assert.Equal(report.Tasks.Average(t => t.Dev["accuracy"]), report.Joint.Dev);
        Assert.Equal(report.Tasks.Average(t => t.Test["accuracy"]), report.Joint.Test);
        Assert.Equal(report.Joint.Seconds, report.Tasks.Sum(t => t.Seconds), 1e-9);
        Assert.Equal(4 * 10, report.Joint.Steps);
        Assert.All(seen, p => Assert.Equal(("joint", "average"), (p.Task, p.PrimaryMetric)));
        Assert.False(File.Exists(Path.Combine(settings.Out, "training", "joint.checkpoint.safetensors")));
        Assert.All(report.Tasks, t => Assert.Equal(
            new FileInfo(Path.Combine(package.FolderOf(t.Task), "head.safetensors")).Length, t.HeadBytes));
    }

    [Theory]
    [InlineData("pfeiffer", true)]
    [InlineData("pha", false)]
    [InlineData("propetl-adapter", false)]
    public void A_regression_and_classifications_train_together(string method, bool share)
    {
        File.WriteAllLines(
            Path.Combine(_tiny.Root, "r.jsonl"),
            Enumerable.Range(0, 60).Select(i => $$"""{"text": "{{string.Join(' ', Enumerable.Repeat(TinyModelFolder.Words[i % 12], 2 + (i % 7)))}}", "score": {{i % 12}}.5}"""));
        var scores = Path.Combine(_tiny.Root, "score.task.json");
        File.WriteAllText(scores, """{"name": "score", "kind": "regression", "format": "jsonl", "text": "text", "label": "score", "files": {"train": "r.jsonl"}}""");
        var settings = Settings() with { Method = method, Share = share, Tasks = [scores, .. Settings().Tasks], Steps = 160, Lr = 1e-2 };

        var report = Train.Run(settings);

        Assert.Equal(report.Tasks.Average(t => t.Dev[t.PrimaryMetric]), report.Joint!.Dev);
        Assert.Equal(("score", "pearson"), (report.Tasks[0].Task, report.Tasks[0].PrimaryMetric));
        Assert.InRange(report.Tasks[0].Dev["pearson"], 0.3, 1);
        using var model = GraftModel.Load(JointPackage.Open(report.Joint.Package).Places, _tiny.Model);
        var answers = model.Predict([new("score", TinyModelFolder.Words[11]), new("first", TinyModelFolder.Words[0]), new("score", TinyModelFolder.Words[0])]);
        Assert.True(answers[0].Outputs[0] > answers[2].Outputs[0], "A score of 11.5 is not above one of 0.5.");
        Assert.Equal(1, answers[1].Outputs.Sum(), 1e-5f);
    }

    [Fact]
    public void The_log_has_every_tasks_loss_and_metrics_and_the_best_step_is_of_the_average()
    {
        var settings = Settings();
        var report = Train.Run(settings);

        var lines = File.ReadAllLines(Path.Combine(settings.Out, "training", "joint.jsonl")).Select(l => JsonNode.Parse(l)!).ToList();
        var steps = lines.Where(l => (string?)l["event"] == "step").ToList();
        var dev = lines.Where(l => (string?)l["event"] == "dev").ToList();

        Assert.Equal(["first", "second", "third"], lines[0]["tasks"]!.AsArray().Select(t => (string?)t));
        Assert.Equal(40, (int)lines[0]["train_rows"]!["second"]!);
        Assert.All(steps, s => Assert.Equal((int)s["rows"]!, s["tasks"]!.AsObject().Sum(t => (int)t.Value!["rows"]!)));
        Assert.Equal(["first", "second", "third"], steps.SelectMany(s => s["tasks"]!.AsObject().Select(t => t.Key)).Distinct().Order());
        Assert.All(dev, d => Assert.Equal((double)d["average"]!, d["metrics"]!.AsObject().Average(t => (double)t.Value!["accuracy"]!), 1e-12));
        Assert.Equal(report.Joint!.BestStep, (int)dev.MaxBy(d => (double)d["average"]!)!["step"]!);
        Assert.Equal(report.Joint.Dev, dev.Max(d => (double)d["average"]!));
    }

    [Fact]
    public void An_interrupted_joint_run_resumed_ends_with_the_same_bytes_and_the_same_log()
    {
        var undisturbed = Settings("a");
        var expected = Train.Run(undisturbed);
        var disturbed = Settings("b");
        foreach (var stop in new[] { 3, 17 })
        {
            using var cancel = new CancellationTokenSource();
            Assert.Throws<TrainingInterruptedException>(() => Train.Run(
                disturbed with { Resume = stop > 3 },
                p =>
                {
                    if (p.Step >= stop)
                    {
                        cancel.Cancel();
                    }
                },
                cancel.Token));
        }

        var found = Train.Run(disturbed with { Resume = true });
        var again = Train.Run(disturbed with { Resume = true });

        foreach (var file in new[] { "adapter.safetensors", "tasks/second/adapter.safetensors", "tasks/second/head.safetensors" })
        {
            Assert.Equal(File.ReadAllBytes(Path.Combine(undisturbed.Out, "joint", file)), File.ReadAllBytes(Path.Combine(disturbed.Out, "joint", file)));
        }

        Assert.Equal(Lines(undisturbed), Lines(disturbed));
        Assert.Equal(expected.Tasks.Select(t => t.Test["accuracy"]), found.Tasks.Select(t => t.Test["accuracy"]));
        Assert.Equal(found.ToJson().ToJsonString(), again.ToJson().ToJsonString());
    }

    [Fact]
    public void Predict_eval_and_inspect_name_a_task_of_the_package()
    {
        var settings = Settings();
        var report = Train.Run(settings);
        var place = report.Tasks[1].Package;

        var measured = Evaluate.Run(new EvaluateSettings { Package = place, Backbone = _tiny.Model, Task = _tasks[1] });
        Assert.Equal(report.Tasks[1].Dev, measured.Dev);
        Assert.Equal(report.Tasks[1].Test, measured.Test);
        Assert.Equal(place, measured.Package);

        var answers = new List<PredictedRow>();
        Predict.Run(new PredictSettings { Packages = [.. report.Tasks.Select(t => t.Package)], Backbone = _tiny.Model, Texts = [("aa ba ca", null)] }, answers.Add);
        Assert.Equal(["first", "second", "third"], answers.Select(a => a.Answer.Task.Name));

        using var alone = GraftModel.Load(place, _tiny.Model);
        Assert.Equal(alone.Predict("aa ba ca").Outputs, answers[1].Answer.Outputs, (a, b) => Math.Abs(a - b) < 1e-6);

        var whole = Inspect.Run(report.Joint!.Package);
        Assert.Empty(whole.Faults);
        Assert.Equal(["first", "second", "third"], whole.Facts["tasks"]!.AsObject().Select(t => t.Key));
        Assert.Contains(whole.Tensors, t => t is { File: "tasks/second/adapter.safetensors", Key: "tasks.second.part.scales" });
        Assert.Empty(Inspect.Run(place).Faults);
    }

    [Fact]
    public void A_task_converts_to_an_adapter_of_its_own_that_answers_the_same()
    {
        var report = Train.Run(Settings());
        var place = report.Tasks[2].Package;

        var converted = ConvertAdapter.Run(new ConvertSettings(place, Path.Combine(_tiny.Root, "alone"), "graft") { Backbone = _tiny.Model });
        ConvertAdapter.Run(new ConvertSettings(place, Path.Combine(_tiny.Root, "peft"), "peft") { Backbone = _tiny.Model });

        Assert.Equal(("third", "lora"), (converted.Name, converted.Method));
        using var joint = GraftModel.Load(place, _tiny.Model);
        using var alone = GraftModel.Load(converted.Destination, _tiny.Model);
        foreach (var text in new[] { "aa", "ba ca da", "za yb" })
        {
            Assert.Equal(joint.Predict(text).Outputs, alone.Predict(text).Outputs, (a, b) => Math.Abs(a - b) < 1e-6);
        }

        var error = Assert.Throws<GraftException>(() => ConvertAdapter.Run(
            new ConvertSettings(report.Joint!.Package, Path.Combine(_tiny.Root, "all"), "peft") { Backbone = _tiny.Model }));
        Assert.Contains("name one, as in", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pha", false)]
    [InlineData("hyperformer++", false)]
    [InlineData("propetl-adapter", false)]
    [InlineData("propetl-prefix", false)]
    [InlineData("lora", true)]
    public void Tasks_of_a_T5_are_trained_together_as_text_and_resumed_with_the_same_bits(string method, bool share)
    {
        using var tiny = new TinyModelFolder(t5: true);
        var settings = Settings("a") with
        {
            Backbone = tiny.Model,
            Tasks = [tiny.WriteTask("first"), tiny.WriteTask("second", train: 40, seed: 2)],
            Method = method,
            Share = share,
            Epochs = null,
            Steps = 8,
            EvaluateEvery = 4,
        };
        var expected = Train.Run(settings);
        using var cancel = new CancellationTokenSource();
        Assert.Throws<TrainingInterruptedException>(() => Train.Run(
            settings with { Out = Path.Combine(_tiny.Root, "b") },
            p =>
            {
                if (p.Step >= 5)
                {
                    cancel.Cancel();
                }
            },
            cancel.Token));

        var found = Train.Run(settings with { Out = Path.Combine(_tiny.Root, "b"), Resume = true });

        foreach (var file in Directory.EnumerateFiles(expected.Joint!.Package, "*.safetensors", SearchOption.AllDirectories))
        {
            Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(Path.Combine(found.Joint!.Package, Path.GetRelativePath(expected.Joint.Package, file))));
        }

        Assert.All(found.Tasks.Zip(expected.Tasks), t => Assert.Equal(t.Second.Dev, t.First.Dev));
        using var model = GraftModel.Load([.. found.Tasks.Select(t => t.Package)], tiny.Model);
        Assert.Equal(3, model.Predict(new Graft.Evaluation.PredictionRow("second", "aa ba")).Outputs.Count);
    }

    /// <summary>Every method of the library whose adapters hold several tasks.</summary>
    public static TheoryData<string> Sharing =>
        [.. PeftMethods.All.Where(m => m.SharesAcrossTasks && m.GetType().Assembly == typeof(PeftMethod).Assembly).Select(m => m.Name)];

    [Theory, MemberData(nameof(Sharing))]
    public void A_task_of_every_method_converts_to_an_adapter_of_its_own(string method)
    {
        var report = Train.Run(Settings() with { Method = method, Epochs = null, Steps = 3 });

        var converted = ConvertAdapter.Run(new ConvertSettings(report.Tasks[1].Package, Path.Combine(_tiny.Root, "alone"), "graft") { Backbone = _tiny.Model });

        Assert.False(PeftMethods.Get(converted.Method).SharesAcrossTasks);
        using var joint = GraftModel.Load(report.Tasks[1].Package, _tiny.Model);
        using var alone = GraftModel.Load(converted.Destination, _tiny.Model);
        foreach (var text in new[] { "aa", "ba ca da", "za yb" })
        {
            Assert.Equal(joint.Predict(text).Outputs, alone.Predict(text).Outputs, (a, b) => Math.Abs(a - b) < 1e-5);
        }
    }

    [Fact]
    public void A_task_merges_into_the_backbone()
    {
        var report = Train.Run(Settings());

        var merged = Merge.Run(report.Tasks[0].Package, Path.Combine(_tiny.Root, "merged"), _tiny.Model);

        Assert.InRange(merged.MaxRelativeDifference, 0, 1e-4);
        using var model = GraftModel.Load(merged.HeadPackage, merged.Folder);
        using var joint = GraftModel.Load(report.Tasks[0].Package, _tiny.Model);
        Assert.Equal(joint.Predict("aa ba").Outputs, model.Predict("aa ba").Outputs, (a, b) => Math.Abs(a - b) < 1e-4);
    }

    [Fact]
    public void A_comparison_trains_a_mixture_together_with_the_rows_that_its_tasks_see_alone()
    {
        var plan = new ComparisonPlan
        {
            Name = "mixtures",
            Backbone = _tiny.Model,
            Methods = [new PlannedMethod("sharing", "test-sharing"), new PlannedMethod("shared", "lora", Share: true), new PlannedMethod("apart", "lora")],
            Tasks = [new PlannedTask("all", _tasks), new PlannedTask("first", [_tasks[0]])],
            Seeds = [0],
            Epochs = 2,
            Evaluations = 2,
            LearningRateFactors = [1],
            Mixture = new MixtureSettings(TaskSampling.Uniform),
        };
        var place = Path.Combine(_tiny.Root, "compared");

        var report = Compare.Run(CompareSettings.Of(plan, place));

        Assert.Empty(report.Failures);
        var runs = report.Comparison.Runs.ToDictionary(r => $"{r.Method}/{r.Task}", StringComparer.Ordinal);
        Assert.All(runs.Values, r => Assert.Equal(r.Sizes.Trained, r.Sizes.TrainedByFormula));
        Assert.Equal((20, 20), (runs["sharing/all"].Scores[0].Steps, runs["shared/all"].Scores[2].Steps)); // two epochs of 96 + 40 + 20 rows, 16 a step
        Assert.Equal(12 + 6 + 4, runs["apart/all"].Scores.Sum(s => s.Steps));
        Assert.Equal(12, runs["sharing/first"].Scores.Single().Steps);
        Assert.Equal((3, 128 + (3 * 2), 2 * 2 * 8 * 32), (runs["sharing/all"].Sizes.Tasks, (int)runs["sharing/all"].Sizes.Trained, (int)runs["shared/all"].Sizes.Trained));
        Assert.Equal(3 * runs["shared/all"].Sizes.Trained, runs["apart/all"].Sizes.Trained);
        Assert.All(runs.Values, r => Assert.All(r.Scores, s => Assert.Equal(2, s.Curve.Count)));
        Assert.Equal(["first", "second", "third"], JointPackage.Open(Path.Combine(place, "runs", runs["sharing/all"].Id, "packages", "joint")).Tasks);
        Assert.Equal(0, Compare.Run(CompareSettings.Of(plan, place)).Done);

        var account = StorageAccount.Load(Path.Combine(place, "storage.json")).Methods.ToDictionary(m => m.Method, StringComparer.Ordinal);
        Assert.All(account.Values, m => Assert.Equal(0, m.Difference));
        Assert.True(account["sharing"].SharedBytes > 128 * 4 && account["apart"].SharedBytes == 0);
        Assert.Equal((2, 0), (account["sharing"].Parameters, account["shared"].Parameters));
        Assert.Equal(plan.ToJson().ToJsonString(), ComparisonPlan.Read(StrictJson.From(plan.ToJson(), "plan"), "plan").ToJson().ToJsonString());
    }

    [Fact]
    public void Settings_of_mixtures_are_read_and_checked()
    {
        var read = TrainSettings.Read(StrictJson.From(
            new JsonObject { ["tasks"] = new JsonArray("a"), ["out"] = "o", ["share"] = true, ["sampling"] = "temperature", ["temperature"] = 4, ["one_task_batches"] = true }, "recipe"));

        Assert.Equal(new MixtureSettings(TaskSampling.Temperature, 4, OneTaskBatches: true), read.Loop(1e-3).Mixture);
        Assert.True(read.Share);
        Assert.Equal(read.ToJson().ToJsonString(), TrainSettings.Read(StrictJson.From(Recipe(read), "recipe")).ToJson().ToJsonString());
        var error = Assert.Throws<GraftException>(() => TrainSettings.Read(StrictJson.From(
            new JsonObject { ["tasks"] = new JsonArray("a"), ["out"] = "o", ["temperature"] = 0.5 }, "recipe")));
        Assert.Contains("at least 1", error.Message, StringComparison.Ordinal);

        static JsonObject Recipe(TrainSettings settings)
        {
            var json = settings.ToJson();
            json["out"] = settings.Out;
            return json;
        }
    }

    [Fact]
    public void A_task_that_is_trained_alone_keeps_its_own_settings_and_tasks_together_keep_them_once()
    {
        var together = Train.Run(Settings());
        var alone = Train.Run(Settings("alone") with { Tasks = [_tasks[0]], Seed = 5 });

        var joint = JointPackage.Open(together.Joint!.Package);
        Assert.NotNull(joint.Manifest.Training["settings"]);
        Assert.All(joint.Tasks, t => Assert.False(joint.Task(t).Manifest.Training.ContainsKey("settings")));
        Assert.Equal(5, (int)JointPackage.Open(alone.Joint!.Package).Task("first").Manifest.Training["settings"]!["seed"]!);
    }

    private static IEnumerable<string> Lines(TrainSettings settings) =>
        File.ReadAllLines(Path.Combine(settings.Out, "training", "joint.jsonl")).Where(l => !l.Contains("\"event\":\"end\"", StringComparison.Ordinal));

    private TrainSettings Settings(string folder = "out") => new()
    {
        Backbone = _tiny.Model,
        Tasks = _tasks,
        Method = "test-sharing",
        Epochs = 4,
        Batch = 16,
        EvaluateEvery = 5,
        Out = Path.Combine(_tiny.Root, folder),
    };
}
