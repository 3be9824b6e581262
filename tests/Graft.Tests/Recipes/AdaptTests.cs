using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Graft.Formats.Packages;
using Graft.Methods.Core;
using Graft.Recipes;
using Graft.Tasks.Heads;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Recipes;

public sealed class AdaptTests : IDisposable
{
    private readonly TinyModelFolder _tiny = new(dropout: 0);

    private string Joint => Path.Combine(_tiny.Root, "out", "joint");

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public void A_task_joins_a_package_without_a_change_of_any_other_file()
    {
        TrainTwo("pha");
        var before = Files();
        using var known = GraftModel.Load($"{Joint}#first", _tiny.Model);
        var answer = known.Predict("aa ba ca").ToString();

        var report = Adapt.Run(Settings("third", 8));

        Assert.Equal((TaskStart.Nearest, $"{Joint}#third", $"{Joint}#third"), (report.Start, report.Package, report.Task.Package));
        Assert.Equal(["first", "second"], report.Similarities.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(1, Assert.Single(report.Weights, w => w.Value > 0).Value);
        Assert.Equal(report.Similarities.First().Key, report.Weights.First().Key);
        Assert.Equal((8, 64 + (16 * 3) + 3L), (report.Task.TrainRows, report.Trained));
        Assert.Equal(["first", "second", "third"], JointPackage.Open(Joint).Tasks);
        Assert.All(before, file => Assert.Equal(file.Value, Files()[file.Key]));
        using var all = GraftModel.Load($"{Joint}#first", _tiny.Model);
        Assert.Equal(answer, all.Predict("aa ba ca").ToString());
        using var added = GraftModel.Load($"{Joint}#third", _tiny.Model);
        Assert.NotEmpty(added.Predict("aa ba ca").ToString());
    }

    [Fact]
    public void A_part_that_is_not_there_is_refused_before_a_folder_is_made()
    {
        TrainTwo("pha");
        var settings = Settings("third", 8) with { Tune = ["own", "hypernetwrk"], Join = false };

        var error = Assert.Throws<GraftException>(() => Adapt.Run(settings));

        Assert.Contains("'hypernetwork'", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(settings.Training.Out));
    }

    // Packages keep masks as bits, from which a new task's could not be learnt: it has scores again, and its bits join the others.
    [Fact]
    public void A_task_with_masks_joins_a_package_that_keeps_bits()
    {
        TrainTwo("propetl-adapter");
        var before = Files();

        var report = Adapt.Run(Settings("third", 8) with { From = "second" });

        Assert.Equal((2 * 16 * 4) + (16 * 3) + 3L, report.Trained);
        Assert.All(before, file => Assert.Equal(file.Value, Files()[file.Key]));
        using var file = SafetensorsFile.Open(JointPackage.Open(Joint).Task("third").AdapterPath);
        Assert.Equal([1, 2 * 16 * 4 / 8], file.Info(Assert.Single(file.Keys)).Shape);
        using var added = GraftModel.Load($"{Joint}#third", _tiny.Model);
        Assert.NotEmpty(added.Predict("aa ba ca").ToString());
    }

    [Theory]
    [InlineData("pha", "own,hypernetwork")]
    [InlineData("hyperformer++", "all")]
    public void What_tasks_share_trains_only_into_a_package_of_its_own(string method, string tune)
    {
        TrainTwo(method);
        var before = Files();
        var settings = Settings("third", 8) with { Tune = tune.Split(',') };

        Assert.Contains("--out", Assert.Throws<GraftException>(() => Adapt.Run(settings)).Message, StringComparison.Ordinal);
        var report = Adapt.Run(settings with { Join = false });

        Assert.Equal(before, Files());
        Assert.Equal(method == "pha" ? TaskStart.Nearest : TaskStart.Best, report.Start);
        Assert.Equal(method == "pha" ? [] : ["first", "second"], report.Scores.Keys.Order(StringComparer.Ordinal));
        var alone = JointPackage.Open(Path.Combine(_tiny.Root, "adapted", "third"));
        Assert.Equal(["third"], alone.Tasks);
        Assert.NotEqual(JointPackage.Open(Joint).Manifest.AdapterFile.Sha256, alone.Manifest.AdapterFile.Sha256);
        Assert.True(report.Trained > 1000);
        using var model = GraftModel.Load(report.Package, _tiny.Model);
        Assert.NotEmpty(model.Predict("aa ba ca").ToString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData(HeadKind.Pooled)]
    public void A_task_of_an_encoder_decoder_is_answered_as_the_known_ones_are(HeadKind? head)
    {
        using var t5 = new TinyModelFolder(t5: true);
        var training = new TrainSettings
        {
            Backbone = t5.Model,
            Tasks = [t5.WriteTask("first"), t5.WriteTask("second", train: 40, seed: 2)],
            Method = "pha",
            Set = new JsonObject { ["bottleneck"] = 4, ["ordinary_bottleneck"] = 3 },
            Head = head,
            Steps = 4,
            Evaluations = 1,
            Batch = 8,
            Out = Path.Combine(t5.Root, "out"),
        };
        var package = Train.Run(training).Joint!.Package;

        var report = Adapt.Run(new AdaptSettings(
            package, training with { Tasks = [t5.WriteTask("third", seed: 7)], Examples = 8, Head = null, Out = Path.Combine(t5.Root, "adapted") }) { Backbone = t5.Model });

        Assert.Equal(TaskStart.Nearest, report.Start);
        Assert.Equal(head is null ? 64 : 64 + (16 * 3) + 3, report.Trained);
        using var model = GraftModel.Load(report.Package, t5.Model);
        Assert.Equal(1, model.Predict("aa ba ca").Outputs.Sum(), 1e-5f);
    }

    [Fact]
    public void Beams_and_reduction_of_an_encoder_decoder_are_the_known_tasks_ones()
    {
        using var t5 = new TinyModelFolder(t5: true);
        var training = new TrainSettings
        {
            Backbone = t5.Model, Tasks = [t5.WriteTask("first"), t5.WriteTask("second", train: 40, seed: 2)], Method = "hyperformer++", Beams = 2,
            LossReduction = LossReduction.Sum, Steps = 2, Evaluations = 1, Batch = 8, Out = Path.Combine(t5.Root, "out"),
        };
        var package = Train.Run(training).Joint!.Package;
        var third = training with
        {
            Tasks = [t5.WriteTask("third", seed: 7)], Examples = 8, Beams = 1, LossReduction = LossReduction.Mean, Out = Path.Combine(t5.Root, "adapted"),
        };

        var report = Adapt.Run(new AdaptSettings(package, third) { Backbone = t5.Model, Given = ["loss_reduction"] });

        var head = (TextHeadConfig)TaskModelPackage.Head(AdapterPackage.Open(report.Package));
        Assert.Equal((2, LossReduction.Mean), (head.Beams, head.Reduction));
        Assert.Equal(TaskStart.Best, report.Start);
        Assert.All(report.Scores, s => Assert.True(s.Value < 0, $"{s.Key}: {s.Value}"));
        Assert.Equal(report.Scores.MaxBy(s => s.Value).Key, report.Weights.Single(w => w.Value == 1).Key);
    }

    [Fact]
    public void The_head_and_the_longest_row_are_those_of_the_known_tasks_unless_they_are_said()
    {
        TrainTwo("pha", t => t with { HeadPooling = Pooling.First, HeadLayers = 2, HeadDropout = 0.3, MaxTokens = 11 });

        var plain = Adapt.Run(Settings("third", 8));
        var said = Adapt.Run(Overwrite(Settings("fourth", 8) with { Given = ["head_pooling"] }));

        var (head, manifest) = (Head(plain), AdapterPackage.Open(plain.Package).Manifest);
        Assert.Equal((Pooling.First, 2, 0.3, 11), (head.Pooling, head.Layers, head.Dropout, manifest.MaxTokens));
        Assert.Equal((Pooling.Mean, 2), (Head(said).Pooling, Head(said).Layers));

        static PooledHeadConfig Head(AdaptReport report) => (PooledHeadConfig)TaskModelPackage.Head(AdapterPackage.Open(report.Package));
    }

    // The classes' head and longest row say nothing about places in a text, and how well those are told cannot be read off pooled states.
    [Theory]
    [InlineData("pha", TaskStart.Nearest)]
    [InlineData("hyperformer++", TaskStart.Fresh)]
    public void Questions_about_a_text_join_tasks_of_labels(string method, TaskStart start)
    {
        TrainTwo(method, t => t with { HeadPooling = Pooling.First, MaxTokens = 11 });
        var settings = Settings("unused", 8);
        settings = settings with { Training = settings.Training with { Tasks = [TinyQuestions.Write(_tiny, longest: 12)] } };

        var report = Adapt.Run(settings);

        Assert.Equal(start, report.Start);
        var package = AdapterPackage.Open(report.Package);
        Assert.IsType<SpanHeadConfig>(TaskModelPackage.Head(package));
        Assert.True(package.Manifest.MaxTokens > 11);
        Assert.Contains("--from", Assert.Throws<GraftException>(() => Adapt.Run(Overwrite(settings with { Start = TaskStart.Best, Package = Joint }) with
        {
            Training = settings.Training with { Overwrite = true, Tasks = [TinyQuestions.Write(_tiny, "more", longest: 12)] },
        })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Package_and_run_say_how_the_task_came_about()
    {
        TrainTwo("hyperformer++");
        var settings = Settings("third", 8);

        var report = Adapt.Run(settings);

        var training = JointPackage.Open(Joint).Task("third").Manifest.Training;
        var run = JsonNode.Parse(File.ReadAllText(Path.Combine(settings.Training.Out, "run.json")))!;
        Assert.True(JsonNode.DeepEquals(training["adapted"], run["adapted"]));
        var adapted = training["adapted"]!;
        Assert.Equal((Joint, JointPackage.Open(Joint).Manifest.AdapterFile.Sha256, "best"), ((string)adapted["package"]!, (string)adapted["shared"]!, (string)adapted["start"]!));
        Assert.Equal(report.Weights.Single(w => w.Value == 1).Key, adapted["weights"]!.AsObject().Single(w => (double)w.Value! == 1).Key);
        var rate = PeftMethods.Get("hyperformer++").DefaultLearningRate;
        Assert.Equal(AdaptSettings.UsualOwnRate, rate * (double)adapted["own_factor"]!, 1e-5);
        Assert.Equal(AdaptSettings.UsualHeadRate, rate * (double)training["settings"]!["head_factor"]!, 1e-5);
        Assert.Equal(("own", false, 8, 0), ((string)adapted["tune"]![0]!, (bool)adapted["own_losses"]!, (int)training["settings"]!["examples"]!, (int)training["settings"]!["seed"]!));
        var log = File.ReadLines(Path.Combine(settings.Training.Out, "training", "third.jsonl")).First();
        Assert.Equal(report.Trained, (long)JsonNode.Parse(log)!["trained_parameters"]!);
    }

    [Fact]
    public void An_own_vector_moves_at_a_rate_of_its_own_and_without_the_methods_losses()
    {
        TrainTwo("pha");

        var slow = Moved(s => s with { OwnFactor = 1 });
        var fast = Moved(s => s with { OwnFactor = 100 });
        var drawn = Moved(s => s with { OwnFactor = 100, OwnLosses = true });

        // Adam's first steps have the size of the rate, whatever the gradient.
        Assert.InRange(fast / slow, 30, 300);
        Assert.NotEqual(fast, drawn);

        double Moved(Func<AdaptSettings, AdaptSettings> change)
        {
            var report = Adapt.Run(Overwrite(change(Settings("third", 8) with { From = "second", Join = false })));
            using var scope = new TensorScope();
            using var before = SafetensorsFile.Open(JointPackage.Open(Joint).Task("second").AdapterPath);
            using var after = SafetensorsFile.Open(AdapterPackage.Open(report.Package).AdapterPath);
            return (after.Load("tasks.third.prototype.vector") - before.Load("tasks.second.prototype.vector")).Norm().ToDouble();
        }
    }

    [Fact]
    public void It_starts_where_it_is_told_to()
    {
        TrainTwo("pha");

        var named = Adapt.Run(Settings("third", 8) with { From = "second", Join = false });
        var mixed = Adapt.Run(Overwrite(Settings("third", 8) with { Start = TaskStart.Mixture, Join = false }));
        var fresh = Adapt.Run(Overwrite(Settings("third", 8) with { Start = TaskStart.Fresh, Join = false }));

        Assert.Equal((null, 1), (named.Start, named.Weights["second"]));
        Assert.Equal(1, mixed.Weights.Values.Sum(), 1e-6);
        Assert.Equal((0, 2), (fresh.Weights.Count, fresh.Similarities.Count));
    }

    [Fact]
    public void Its_head_begins_at_that_of_a_known_task_with_its_labels_that_answers_its_rows()
    {
        TrainTwo("pha", s =>
        {
            Write("first", ["a", "b", "c"]);
            return s with { Steps = 80, Lr = 1e-2 };
        });
        var still = Settings("third", 24) with { From = "first", Join = false };
        still = still with { Training = still.Training with { Lr = 1e-30 } };

        Write("third", ["a", "b", "c"]);
        var same = Adapt.Run(Overwrite(still));

        Assert.Equal(("first", "first"), (same.Head, (string?)same.ToJson()["head"]));
        Assert.Equal("first", (string?)AdapterPackage.Open(same.Package).Manifest.Training["adapted"]!["head"]);
        Assert.Equal(Rows([.. Labels(same).Select(l => (long)l[0] - 'a')]), Written(same));

        // Two of the labels; the same ones for other things; others.
        Write("third", ["c", "b"]);
        var fewer = Adapt.Run(Overwrite(still));
        Assert.Equal("first", fewer.Head);
        Assert.Equal(Rows([.. Labels(fewer).Select(l => (long)l[0] - 'a')]), Written(fewer));
        Write("third", ["b", "c", "a"]);
        Assert.Null(Adapt.Run(Overwrite(still)).Head);
        Write("third", ["a", "b", "d"]);
        Assert.Null(Adapt.Run(Overwrite(still)).Head);

        // Rows of one word again and again, whose number says the label.
        void Write(string name, string[] labels)
        {
            foreach (var split in new[] { "train", "dev", "test" })
            {
                File.WriteAllLines(Path.Combine(_tiny.Root, $"{name}.{split}.tsv"), [
                    "text\tlabel", .. Enumerable.Range(0, 60).Where(i => labels.Length == 3 || i % 3 > 0).Select(i =>
                        $"{string.Join(' ', Enumerable.Repeat(TinyModelFolder.Words[i % 12], 3 + (i % 4)))}\t{labels[labels.Length == 3 ? i % 3 : 2 - (i % 3)]}")]);
            }
        }

        float[] Rows(long[] rows) => Head(JointPackage.Open(Joint).Task("first"), rows);

        static IReadOnlyList<string> Labels(AdaptReport report) => AdapterPackage.Open(report.Package).Manifest.Task.Labels;

        static float[] Written(AdaptReport report) => Head(AdapterPackage.Open(report.Package), null);

        static float[] Head(AdapterPackage package, long[]? rows)
        {
            using var scope = new TensorScope();
            using var file = SafetensorsFile.Open(package.HeadPath);
            var weight = file.Load("weight");
            return (rows is null ? weight : weight.IndexSelect(0, Tensor.From(rows))).ToArray<float>();
        }
    }

    [Fact]
    public void What_cannot_be_is_said_in_a_sentence()
    {
        TrainTwo("hyperformer");
        Refused("holds the task 'first'", Settings("first", 8));
        Refused("did you mean 'second'", Settings("third", 8) with { From = "secund" });
        Refused("--start best or fresh", Settings("third", 8) with { Start = TaskStart.Nearest });
        Refused("no part 'hypernetwork'", Settings("third", 8) with { Tune = ["hypernetwork"], Join = false });

        Train.Run(Training("one") with { Tasks = [_tiny.WriteTask("first")], Method = "lora", Set = null });
        Assert.Throws<GraftException>(() => Adapt.Run(Settings("third", 8) with { Package = Path.Combine(_tiny.Root, "one", "first") }));

        void Refused(string expected, AdaptSettings settings) =>
            Assert.Contains(expected, Assert.Throws<GraftException>(() => Adapt.Run(Overwrite(settings))).Message, StringComparison.Ordinal);
    }

    private static AdaptSettings Overwrite(AdaptSettings settings) => settings with { Training = settings.Training with { Overwrite = true } };

    private void TrainTwo(string method, Func<TrainSettings, TrainSettings>? change = null)
    {
        var settings = Training("out") with
        {
            Tasks = [_tiny.WriteTask("first"), _tiny.WriteTask("second", train: 40, seed: 2)],
            Method = method,
            Set = method == "pha" ? new JsonObject { ["bottleneck"] = 4, ["ordinary_bottleneck"] = 3 } : new JsonObject { ["reduction_factor"] = 4 },
        };
        Train.Run(change?.Invoke(settings) ?? settings);
    }

    private TrainSettings Training(string folder) => new()
    {
        Backbone = _tiny.Model, Tasks = [], Steps = 4, Evaluations = 1, Batch = 8, Out = Path.Combine(_tiny.Root, folder),
    };

    private AdaptSettings Settings(string task, int examples) =>
        new(Joint, Training("adapted") with { Tasks = [_tiny.WriteTask(task, seed: 7)], Examples = examples }) { Backbone = _tiny.Model };

    private Dictionary<string, string> Files() => Directory.EnumerateFiles(Joint, "*", SearchOption.AllDirectories)
        .ToDictionary(f => Path.GetRelativePath(Joint, f), f => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(f))), StringComparer.Ordinal);
}
