using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Packages;
using Graft.Recipes;
using Graft.Tasks.Heads;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Recipes;

public sealed class TrainTests : IDisposable
{
    private readonly TinyModelFolder _tiny = new();

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public void Two_tasks_train_one_after_the_other_into_a_package_each()
    {
        var settings = Settings(tasks: [_tiny.WriteTask("first"), _tiny.WriteTask("second", seed: 2)]);
        var seen = new List<TrainProgress>();

        var report = Train.Run(settings, seen.Add);

        Assert.Equal(["first", "second"], report.Tasks.Select(t => t.Task));
        Assert.All(report.Tasks, t =>
        {
            Assert.Equal(["accuracy", "macro_f1"], t.Dev.Keys);
            Assert.Equal(["accuracy", "macro_f1"], t.Test.Keys);
            Assert.True(File.Exists(Path.Combine(t.Package, "graft.json")));
            Assert.Equal(new FileInfo(Path.Combine(t.Package, "adapter.safetensors")).Length, t.AdapterBytes);
            Assert.Equal(new FileInfo(Path.Combine(t.Package, "head.safetensors")).Length, t.HeadBytes);
            Assert.False(File.Exists(Path.Combine(settings.Out, "training", t.Task + ".checkpoint.safetensors")));
        });
        Assert.Equal(2, seen.Count(p => p.Phase == TrainPhase.Done));
        Assert.Equal((2L * 2 * 8 * 32) + (3 * 17), report.Tasks[0].TrainedParameters);
    }

    [Theory]
    [InlineData("lora", "second")]
    [InlineData("pha", "joint")]
    public void What_stands_where_a_package_will_be_is_refused_before_training(string method, string place)
    {
        var settings = Settings(tasks: [_tiny.WriteTask("first"), _tiny.WriteTask("second", seed: 2)]) with { Method = method, Set = null, Overwrite = true };
        var foreign = Path.Combine(Directory.CreateDirectory(Path.Combine(settings.Out, place)).FullName, "thesis.txt");
        File.WriteAllText(foreign, "years of work");

        var error = Assert.Throws<GraftException>(() => Train.Run(settings));

        Assert.Contains("thesis.txt", error.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(foreign));
        Assert.False(Directory.Exists(Path.Combine(settings.Out, "training")));
    }

    [Fact]
    public void The_head_is_the_one_asked_for()
    {
        var report = Train.Run(Settings() with { HeadPooling = Pooling.First, HeadLayers = 2, HeadDropout = 0.2 });

        var head = Assert.IsType<PooledHeadConfig>(TaskModelPackage.Head(AdapterPackage.Open(report.Tasks[0].Package)));
        Assert.Equal((Pooling.First, 2, 0.2), (head.Pooling, head.Layers, head.Dropout));
        Assert.Equal((2L * 2 * 8 * 32) + (16 * 17) + (3 * 17), report.Tasks[0].TrainedParameters);
    }

    [Fact]
    public void Fusion_trains_over_packages_and_its_own_package_loads_without_them()
    {
        string[] tasks = [_tiny.WriteTask("first"), _tiny.WriteTask("second", seed: 2)];
        var trained = Train.Run(Settings("children", tasks) with { Method = "pfeiffer", Set = new() { ["reduction_factor"] = 4 }, Steps = 2, Epochs = null });
        var places = string.Join(',', trained.Tasks.Select(t => t.Package));

        var report = Train.Run(Settings("fused") with { Method = "fusion", Set = new() { ["adapters"] = places } }).Tasks[0];

        Assert.Equal((2L * ((3 * 16 * 16) + (2 * 16))) + (3 * 17), report.TrainedParameters);
        using var children = SafetensorsFile.Open(Path.Combine(trained.Tasks[1].Package, "adapter.safetensors"));
        using var held = SafetensorsFile.Open(Path.Combine(report.Package, "adapter.safetensors"));
        using (var scope = new TensorScope())
        {
            Assert.All(children.Keys, k => TensorAssert.BitwiseEqual(children.Load(k), held.Load("shared.adapters.second." + k)));
        }

        Directory.Delete(Path.Combine(_tiny.Root, "children"), recursive: true);
        using var model = GraftModel.Load(report.Package, _tiny.Model);
        Assert.Equal(3, model.Predict("good film").Outputs.Count);
        var error = Assert.Throws<GraftException>(() => Train.Run(Settings("again") with { Method = "fusion", Set = new() { ["adapters"] = places } }));
        Assert.Contains("There is no package folder", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_log_is_one_object_a_line_with_every_step()
    {
        var settings = Settings();

        var report = Train.Run(settings).Tasks[0];

        var lines = File.ReadAllLines(Path.Combine(settings.Out, "training", "letters.jsonl")).Select(l => JsonNode.Parse(l)!).ToList();
        Assert.Equal("start", lines[0]["event"]!.GetValue<string>());
        Assert.Equal("end", lines[^1]["event"]!.GetValue<string>());
        Assert.Equal(Enumerable.Range(1, report.Steps), lines.Where(l => l["event"]!.GetValue<string>() == "step").Select(l => l["step"]!.GetValue<int>()));
    }

    [Fact]
    public void Gates_are_told_at_each_evaluation_and_packages_hold_the_flat_prefix()
    {
        var settings = Settings() with { Method = "unipelt", Set = new JsonObject { ["length"] = 2, ["prefix_bottleneck"] = 4 } };

        var trained = Train.Run(settings).Tasks[0];
        var report = Evaluate.Run(new EvaluateSettings { Package = trained.Package, Backbone = settings.Backbone, Task = settings.Tasks[0] });

        var dev = File.ReadAllLines(Path.Combine(settings.Out, "training", "letters.jsonl")).Select(l => JsonNode.Parse(l)!)
            .Where(l => l["event"]!.GetValue<string>() == "dev").ToList();
        Assert.NotEmpty(dev);
        Assert.All(dev, l => Assert.Equal(8, l["observed"]!.AsObject().Count));
        Assert.Equal(8, report.DevObserved.Count);
        Assert.All(report.DevObserved, g => Assert.InRange(g.Value.Mean, 0.001, 0.999));
        Assert.Equal(trained.Dev, report.Dev);
        Assert.True(AdapterPackage.Open(trained.Package).Manifest.Config["prefix_flat"]!.GetValue<bool>());
    }

    [Fact]
    public void Virtual_tokens_that_leave_no_room_for_a_text_are_refused()
    {
        var settings = Settings() with { Method = "p-tuning-v2", Set = new JsonObject { ["length"] = 100 } };

        var error = Assert.Throws<GraftException>(() => Train.Run(settings));

        Assert.Contains("p-tuning-v2 takes 100 of the backbone's", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_interrupted_run_resumed_ends_with_the_same_bytes_and_the_same_log()
    {
        var undisturbed = Settings("a");
        Train.Run(undisturbed);
        var disturbed = Settings("b");
        foreach (var stop in new[] { 3, 8, 17 })
        {
            using var cancel = new CancellationTokenSource();
            var interrupted = Assert.Throws<TrainingInterruptedException>(() => Train.Run(
                disturbed with { Resume = stop > 3 },
                p =>
                {
                    if (p.Step >= stop)
                    {
                        cancel.Cancel();
                    }
                },
                cancel.Token));
            Assert.Contains("--resume", interrupted.Message, StringComparison.Ordinal);
            Assert.Equal(stop, interrupted.Step);
        }

        Train.Run(disturbed with { Resume = true });

        foreach (var file in new[] { "letters/adapter.safetensors", "letters/head.safetensors" })
        {
            Assert.Equal(File.ReadAllBytes(Path.Combine(undisturbed.Out, file)), File.ReadAllBytes(Path.Combine(disturbed.Out, file)));
        }

        Assert.Equal(StepLines(undisturbed), StepLines(disturbed));
    }

    [Fact]
    public void A_finished_run_resumed_returns_its_report_without_training()
    {
        var settings = Settings();
        var first = Train.Run(settings).ToJson();
        var steps = 0;

        var second = Train.Run(settings with { Resume = true }, p => steps += p.Phase == TrainPhase.Training ? 1 : 0).ToJson();

        Assert.Equal(first.ToJsonString(), second.ToJsonString());
        Assert.Equal(0, steps);
    }

    [Fact]
    public void Resuming_with_other_settings_names_what_differs()
    {
        var settings = Settings();
        Train.Run(settings);

        var error = Assert.Throws<GraftException>(() => Train.Run(settings with { Resume = true, Lr = 0.5, Batch = 4 }));

        Assert.Contains("lr (was unset, now 0.5)", error.Message, StringComparison.Ordinal);
        Assert.Contains("batch (was 16, now 4)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Resuming_on_other_rows_is_refused()
    {
        var settings = Settings();
        using var cancel = new CancellationTokenSource();
        Assert.Throws<TrainingInterruptedException>(() => Train.Run(
            settings,
            p =>
            {
                if (p.Step > 2)
                {
                    cancel.Cancel();
                }
            },
            cancel.Token));
        _tiny.WriteTask(seed: 9);

        var error = Assert.Throws<GraftException>(() => Train.Run(settings with { Resume = true }));

        Assert.Contains("other settings or other data", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_finished_on_other_rows_is_not_replaced_by_resuming()
    {
        var settings = Settings() with { Steps = 2 };
        var package = Path.Combine(Train.Run(settings).Tasks[0].Package, "adapter.safetensors");
        var bytes = File.ReadAllBytes(package);
        Assert.Equal(bytes, File.ReadAllBytes(Path.Combine(Train.Run(settings with { Resume = true }).Tasks[0].Package, "adapter.safetensors")));
        _tiny.WriteTask(seed: 9);

        var error = Assert.Throws<GraftException>(() => Train.Run(settings with { Resume = true }));

        Assert.Contains("'letters' in ", error.Message, StringComparison.Ordinal);
        Assert.Contains("was finished with other settings or other data", error.Message, StringComparison.Ordinal);
        Assert.Equal(bytes, File.ReadAllBytes(package));
        Assert.NotEqual(bytes, File.ReadAllBytes(Path.Combine(Train.Run(settings with { Overwrite = true }).Tasks[0].Package, "adapter.safetensors")));
    }

    [Fact]
    public void A_task_stops_when_dev_has_not_improved_for_the_evaluations_of_its_patience()
    {
        var settings = Settings() with { Epochs = 30, EvaluateEvery = 1, Patience = 3, Lr = 1e-9 };

        var report = Train.Run(settings).Tasks[0];
        var resumed = Train.Run(settings with { Resume = true }).Tasks[0];

        Assert.Equal(1, report.BestStep);
        Assert.Equal(4, report.Steps);
        Assert.Equal(4, resumed.Steps);
    }

    [Fact]
    public void A_run_that_is_there_is_not_overwritten_unasked()
    {
        var settings = Settings();
        Train.Run(settings);

        var error = Assert.Throws<GraftException>(() => Train.Run(settings));
        Assert.Contains("--overwrite", error.Message, StringComparison.Ordinal);

        Train.Run(settings with { Overwrite = true });
    }

    [Fact]
    public void Nothing_to_resume_is_said()
    {
        var error = Assert.Throws<GraftException>(() => Train.Run(Settings() with { Resume = true }));

        Assert.Contains("no run to resume", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Texts_longer_than_the_model_are_truncated_and_counted()
    {
        var words = string.Join(' ', Enumerable.Repeat(TinyModelFolder.Words[3], 80));
        var task = _tiny.WriteTask();
        File.AppendAllText(Path.Combine(_tiny.Root, "letters.train.tsv"), $"{words}\tlabel0\n{words}\tlabel0\n");
        var notes = new List<string>();

        var report = Train.Run(Settings(tasks: [task]) with { Steps = 8, Epochs = null }, p => notes.AddRange(p.Note is { } note ? [note] : []));

        Assert.Equal(2, report.Tasks[0].TruncatedRows);
        Assert.Contains(notes, n => n.StartsWith("2 of 98 training rows are longer than 32 tokens", StringComparison.Ordinal));
    }

    [Fact]
    public void A_task_named_twice_is_refused()
    {
        var task = _tiny.WriteTask();

        var error = Assert.Throws<GraftException>(() => Train.Run(Settings(tasks: [task, task])));

        Assert.Contains("'letters' is named twice", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(40)]
    [InlineData(56)]
    public void A_full_disk_is_one_sentence_and_the_run_goes_on_when_there_is_space(int kilobytes)
    {
        var settings = Settings() with { CheckpointEvery = 2 };
        Train.Run(settings with { Out = Path.Combine(_tiny.Root, "undisturbed") });
        using (var disk = TinyDisk.Mount(settings.Out, kilobytes))
        {
            Assert.SkipWhen(disk is null, "file systems cannot be mounted here");

            var error = Assert.Throws<GraftException>(() => Train.Run(settings));

            Assert.Contains("space", error.Message, StringComparison.Ordinal);
            Assert.Empty(Directory.GetFiles(settings.Out, "*.tmp", SearchOption.AllDirectories));
            Copy(settings.Out, Path.Combine(_tiny.Root, "larger"));
        }

        var larger = settings with { Out = Path.Combine(_tiny.Root, "larger") };
        Train.Run(larger with { Resume = File.Exists(Path.Combine(larger.Out, "run.json")) });
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(_tiny.Root, "undisturbed/letters/adapter.safetensors")),
            File.ReadAllBytes(Path.Combine(larger.Out, "letters/adapter.safetensors")));
    }

    [Fact]
    public void An_output_place_that_is_a_file_is_one_sentence()
    {
        var path = Path.Combine(_tiny.Root, "file");
        File.WriteAllText(path, "x");

        var error = Assert.Throws<GraftException>(() => Train.Run(Settings() with { Out = path }));

        Assert.Contains("cannot be written", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_regression_and_a_multilabel_task_train_too()
    {
        File.WriteAllLines(
            Path.Combine(_tiny.Root, "r.jsonl"),
            Enumerable.Range(0, 60).Select(i => $$"""{"text": "{{TinyModelFolder.Words[i % 50]}} {{TinyModelFolder.Words[i * 7 % 50]}}", "score": {{i % 5}}, "tags": [{{(i % 2 == 0 ? "\"even\"" : "")}}]}"""));
        File.WriteAllText(
            Path.Combine(_tiny.Root, "score.task.json"),
            """{"name": "score", "kind": "regression", "format": "jsonl", "text": "text", "label": "score", "files": {"train": "r.jsonl"}}""");
        File.WriteAllText(
            Path.Combine(_tiny.Root, "tags.task.json"),
            """{"name": "tags", "kind": "multilabel", "format": "jsonl", "text": "text", "label": "tags", "labels": ["even", "odd"], "files": {"train": "r.jsonl"}}""");
        string[] tasks = ["score.task.json", "tags.task.json"];

        var report = Train.Run(Settings(tasks: [.. tasks.Select(t => Path.Combine(_tiny.Root, t))]) with { Epochs = 8, Lr = 5e-3, Baselines = true });

        Assert.Equal(["pearson", "spearman"], report.Tasks[0].Dev.Keys);
        Assert.Contains("micro_f1", report.Tasks[1].Dev.Keys);
        Assert.Empty(report.Tasks[0].Test);
        Assert.NotNull(report.Tasks[0].LinearProbe);
    }

    [Fact]
    public void The_papers_AdamW_is_a_setting_with_steps_of_its_own()
    {
        var recipe = new JsonObject
        {
            ["backbone"] = _tiny.Model, ["tasks"] = new JsonArray(_tiny.WriteTask()), ["steps"] = 3, ["weight_decay"] = 0.1, ["optimizer"] = "hugging_face", ["out"] = Path.Combine(_tiny.Root, "papers"),
        };
        var settings = TrainSettings.Read(StrictJson.From(recipe, "test"));
        var (papers, own) = (Train.Run(settings), Train.Run(settings with { Optimizer = AdamWVariant.Torch, Out = Path.Combine(_tiny.Root, "own") }));

        Assert.Equal("hugging_face", (string?)settings.ToJson()["optimizer"]);
        Assert.NotEqual(File.ReadAllBytes(Path.Combine(own.Tasks[0].Package, "adapter.safetensors")), File.ReadAllBytes(Path.Combine(papers.Tasks[0].Package, "adapter.safetensors")));
        using var backbone = Backbone.Load(_tiny.Model);
        using var one = AdapterPackage.Open(own.Tasks[0].Package).LoadAdapter(backbone);
        using var other = AdapterPackage.Open(papers.Tasks[0].Package).LoadAdapter(backbone);
        using var scope = new TensorScope();
        Assert.All(one.NamedParameters().Zip(other.NamedParameters()), p => TensorAssert.Close(p.First.Parameter.Value, p.Second.Parameter.Value, 0.05, 1e-3));
    }

    [Fact]
    public void Runs_with_other_seeds_have_the_same_dev_rows()
    {
        var task = JsonNode.Parse(File.ReadAllText(_tiny.WriteTask()))!;
        task["files"]!.AsObject().Remove("dev");
        File.WriteAllText(Path.Combine(_tiny.Root, "letters.task.json"), task.ToJsonString());
        var settings = Settings(tasks: [Path.Combine(_tiny.Root, "letters.task.json")]) with { Steps = 1, Lr = 1e-30, WeightDecay = 0, Method = "bitfit" };

        var runs = new long[] { 0, 7 }.Select(seed => AdapterPackage.Open(Train.Run(settings with { Seed = seed, Out = Path.Combine(_tiny.Root, $"{seed}") }).Tasks[0].Package)).ToList();

        Assert.All(runs, run => Assert.Equal(0, (long)run.Manifest.Training["splits"]!["cut_seed"]!));
        var evaluated = runs.Select(run => Evaluate.Run(new EvaluateSettings { Package = run.Folder, Task = settings.Tasks[0], Backbone = _tiny.Model })).ToList();
        Assert.Equal(runs.Select(r => (double)r.Manifest.Training["dev"]!["accuracy"]!), evaluated.Select(e => e.Dev["accuracy"]));
    }

    private static void Copy(string from, string to)
    {
        foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }

    private static IEnumerable<string> StepLines(TrainSettings settings) =>
        File.ReadAllLines(Path.Combine(settings.Out, "training", "letters.jsonl"))
            .Where(l => l.Contains("\"event\":\"step\"", StringComparison.Ordinal) || l.Contains("\"event\":\"dev\"", StringComparison.Ordinal));

    private TrainSettings Settings(string folder = "out", IReadOnlyList<string>? tasks = null) => new()
    {
        Backbone = _tiny.Model,
        Tasks = tasks ?? [_tiny.WriteTask()],
        Epochs = 4,
        Batch = 16,
        EvaluateEvery = 5,
        Out = Path.Combine(_tiny.Root, folder),
    };
}
