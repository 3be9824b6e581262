using System.Text.Json.Nodes;
using Graft.Evaluation;
using Graft.Formats.Packages;
using Graft.Recipes;
using Graft.Tasks.Heads;
using Graft.Tasks.TextToText;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Recipes;

public sealed class TextToTextTests : IDisposable
{
    private readonly TinyModelFolder _tiny = new(t5: true);

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public void A_task_of_a_T5_is_trained_as_text_and_its_package_answers_as_it_was_evaluated()
    {
        using var still = new TinyModelFolder(dropout: 0, t5: true);
        var settings = Settings(FirstWords(still)) with { Backbone = still.Model, Method = "full", Steps = 100, Lr = 1e-2 };

        var trained = Train.Run(settings).Tasks[0];
        var evaluated = Evaluate.Run(new EvaluateSettings { Package = trained.Package, Backbone = still.Model, Task = settings.Tasks[0] });

        Assert.Equal(trained.Dev, evaluated.Dev);
        Assert.True(trained.Dev["accuracy"] > 0.8, $"accuracy {trained.Dev["accuracy"]}");
        var head = Assert.IsType<TextHeadConfig>(TaskModelPackage.Head(AdapterPackage.Open(trained.Package)));
        Assert.Equal(new TextFormat("letters", ["text"], ["0", "1", "2"], TextReading.Label).Source("a"), head.Format.Source("a"));
        Assert.Equal((2, LossReduction.Mean), (head.Longest, head.Reduction));

        using var model = GraftModel.Load(trained.Package, still.Model);
        var answers = model.Predict([new("letters", "aa ga"), new("letters", "ba"), new("letters", "ca ha da ea")]);
        Assert.All(answers, a =>
        {
            Assert.Equal(1, a.Outputs.Sum(), 1e-5f);
            Assert.Equal(a.Label is null ? [] : [a.Label], a.Labels);
            Assert.Equal(a.Label, a.Text is "0" or "1" or "2" ? $"label{a.Text}" : null);
            Assert.Equal(a.Text, (string?)a.ToJson()["written"]);
        });
        Assert.Contains(answers, a => a.Label is not null && a.Probability == a.Outputs.Max());
    }

    [Theory]
    [InlineData("lora")]
    [InlineData("houlsby")]
    [InlineData("prefix-tuning")]
    [InlineData("prompt-tuning")]
    [InlineData("ia3")]
    public void Methods_train_on_both_stacks(string method)
    {
        var trained = Train.Run(Settings() with { Method = method, Steps = 3 }).Tasks[0];

        Assert.InRange(trained.Dev["accuracy"], 0, 1);
        using var model = GraftModel.Load(trained.Package, _tiny.Model);
        Assert.Equal(3, model.Predict("aa ba").Outputs.Count);
    }

    [Fact]
    public void Answers_are_searched_by_as_many_beams_as_the_package_was_trained_with()
    {
        var settings = Settings(Scores(_tiny)) with { Method = "lora", Steps = 3, Beams = 3 };

        var trained = Train.Run(settings).Tasks[0];

        Assert.Equal(3, Assert.IsType<TextHeadConfig>(TaskModelPackage.Head(AdapterPackage.Open(trained.Package))).Beams);
        Assert.Equal(trained.Dev, Evaluate.Run(new EvaluateSettings { Package = trained.Package, Backbone = _tiny.Model, Task = settings.Tasks[0] }).Dev);
    }

    [Fact]
    public void Gates_of_both_stacks_are_told_at_evaluations()
    {
        var settings = Settings() with { Method = "unipelt", Set = new JsonObject { ["length"] = 2, ["prefix_bottleneck"] = 4 } };

        var trained = Train.Run(settings).Tasks[0];
        var report = Evaluate.Run(new EvaluateSettings { Package = trained.Package, Backbone = _tiny.Model, Task = settings.Tasks[0] });

        Assert.Equal(trained.Dev, report.Dev);
        Assert.Contains(report.DevObserved, g => g.Key.Contains("encoder", StringComparison.Ordinal));
        Assert.Contains(report.DevObserved, g => g.Key.Contains("decoder", StringComparison.Ordinal));
        Assert.All(report.DevObserved, g => Assert.Equal((30, true), (g.Value.Rows, g.Value.Mean is > 0.001 and < 0.999)));
    }

    [Fact]
    public void A_resumed_run_ends_with_the_same_bits()
    {
        var settings = Settings() with { Method = "lora", Steps = 8, CheckpointEvery = 1, LossReduction = LossReduction.MeanAll };

        var runs = InterruptedRun.Train(settings, Path.Combine(_tiny.Root, "cut"));

        Assert.True(InterruptedRun.IsSame(runs, "adapter.safetensors"));
        Assert.Equal(runs.Undisturbed.Dev, runs.Resumed.Dev);
    }

    // Targets of the two tasks have different lengths, so that micro-batches and tasks are padded differently from the whole.
    [Theory]
    [InlineData(LossReduction.Mean)]
    [InlineData(LossReduction.MeanAll)]
    [InlineData(LossReduction.Sum)]
    public void Accumulated_steps_of_two_tasks_on_one_adapter_are_the_steps_of_the_whole_batch(LossReduction reduction)
    {
        using var still = new TinyModelFolder(dropout: 0, t5: true);
        var settings = Settings() with
        {
            Backbone = still.Model, Tasks = [Scores(still), FirstWords(still)], Share = true, Steps = 2, Batch = 12, LossReduction = reduction, LabelSmoothing = 0.1,
        };

        var (one, several) = (Losses("one", 1), Losses("several", 5));

        Assert.All(one.Zip(several), p => Assert.Equal(p.First, p.Second, p.First * 1e-5));

        List<double> Losses(string name, int accumulation)
        {
            var own = settings with { Out = Path.Combine(still.Root, name), Accumulation = accumulation };
            Train.Run(own);
            return [.. File.ReadLines(Path.Combine(own.Out, "training", "joint.jsonl")).Select(l => JsonNode.Parse(l)!)
                .Where(l => (string?)l["event"] == "step").Select(l => (double)l["loss"]!)];
        }
    }

    [Fact]
    public void A_regression_writes_numbers_and_an_answer_that_is_none_is_told_as_such()
    {
        var trained = Train.Run(Settings(Scores(_tiny)) with { Method = "full", Steps = 20, Lr = 3e-3 }).Tasks[0];

        Assert.All(trained.Dev.Values, v => Assert.InRange(v, -1, 1));
        using var model = GraftModel.Load(trained.Package, _tiny.Model);
        Assert.All(model.Predict([new("scores", "aa"), new("scores", "ba")]), a =>
        {
            Assert.Equal(float.TryParse(a.Text, System.Globalization.CultureInfo.InvariantCulture, out var score) ? score : float.NaN, a.Score);
            Assert.Equal(float.IsNaN(a.Score), a.ToJson()["score"] is null);
        });
    }

    [Fact]
    public void A_pooled_head_stands_on_the_encoder_alone()
    {
        var trained = Train.Run(Settings() with { Method = "lora", Head = HeadKind.Pooled }).Tasks[0];

        using var model = GraftModel.Load(trained.Package, _tiny.Model);
        Assert.Null(model.Backbone.Config.Decoder);
        Assert.DoesNotContain(model.Backbone.NamedParameters(), p => p.Path.Contains("decoder", StringComparison.Ordinal));
        Assert.Equal(trained.Dev, Evaluate.Run(new EvaluateSettings { Package = trained.Package, Backbone = _tiny.Model, Task = Path.Combine(_tiny.Root, "letters.task.json") }).Dev);
        Assert.Null(model.Predict("aa ba").Text);
        var written = Train.Run(Settings(_tiny.WriteTask("other")) with { Out = Path.Combine(_tiny.Root, "written") }).Tasks[0].Package;
        var error = Assert.Throws<GraftException>(() => GraftModel.Load([trained.Package, written], _tiny.Model));
        Assert.Contains("letters stand on the encoder alone", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_merged_T5_writes_what_the_package_writes()
    {
        var package = Train.Run(Settings() with { Method = "lora", Steps = 6, Lr = 1e-2 }).Tasks[0].Package;
        var folder = Path.Combine(_tiny.Root, "merged");

        var report = Merge.Run(package, folder, _tiny.Model);

        Assert.Equal(("T5ForConditionalGeneration", true), (report.Architecture, report.HeadInModel));
        Assert.True(report.MaxRelativeDifference < 1e-5, $"{report.MaxRelativeDifference}");
        using var before = GraftModel.Load(package, _tiny.Model);
        using var after = GraftModel.Load(report.HeadPackage, folder);
        Assert.NotEqual(before.Backbone.Fingerprint, after.Backbone.Fingerprint);
        var (expected, actual) = (before.Predict("aa ba"), after.Predict("aa ba"));
        Assert.Equal(expected.Text, actual.Text);
        Assert.All(expected.Outputs.Zip(actual.Outputs), p => Assert.Equal(p.First, p.Second, 1e-5f));
    }

    [Fact]
    public void Rows_of_several_tasks_are_written_together_as_alone()
    {
        var other = _tiny.WriteTask("other", seed: 2);
        var written = Train.Run(Settings() with { Method = "lora" }).Tasks[0].Package;
        var alsoWritten = Train.Run(Settings(other) with { Method = "houlsby", Out = Path.Combine(_tiny.Root, "also") }).Tasks[0].Package;
        PredictionRow[] rows = [new("letters", "aa ba"), new("other", "ca"), new("letters", "da ea fa ga"), new("other", "ba aa")];

        using var both = GraftModel.Load([written, alsoWritten], _tiny.Model);
        var together = both.Predict(rows);

        Assert.All(rows.Zip(together), p =>
        {
            using var one = GraftModel.Load(p.First.Task == "letters" ? written : alsoWritten, _tiny.Model);
            var alone = one.Predict(p.First);
            Assert.Equal(alone.Text, p.Second.Text);
            Assert.All(alone.Outputs.Zip(p.Second.Outputs), o => Assert.Equal(o.First, o.Second, 1e-5f));
        });
    }

    [Fact]
    public void A_package_that_writes_goes_to_PEFT_and_back()
    {
        var package = Train.Run(Settings() with { Method = "lora" }).Tasks[0].Package;
        var (peft, back) = (Path.Combine(_tiny.Root, "peft"), Path.Combine(_tiny.Root, "back"));

        ConvertAdapter.Run(new ConvertSettings(package, peft, "peft") { Backbone = _tiny.Model });
        ConvertAdapter.Run(new ConvertSettings(peft, back, "graft") { Backbone = _tiny.Model });

        Assert.Equal("SEQ_2_SEQ_LM", (string?)JsonNode.Parse(File.ReadAllText(Path.Combine(peft, "adapter_config.json")))!["task_type"]);
        Assert.IsType<TextHeadConfig>(TaskModelPackage.Head(AdapterPackage.Open(back)));
        Assert.Equal(File.ReadAllBytes(Path.Combine(package, "adapter.safetensors")), File.ReadAllBytes(Path.Combine(back, "adapter.safetensors")));
    }

    [Theory]
    [InlineData("fields", "[]", "do not fit the task")]
    [InlineData("targets", """["0", "0", "1"]""", "a target twice")]
    [InlineData("reading", "\"number\"", "reading")]
    [InlineData("longest", "100000", "100000 tokens")]
    [InlineData("beams", "0", "0 beams")]
    [InlineData("type", "\"speech\"", "update Graft")]
    [InlineData("speed", "1", "speed")]
    public void A_damaged_head_is_refused(string key, string value, string expected)
    {
        var package = Train.Run(Settings() with { Steps = 1 }).Tasks[0].Package;
        var path = Path.Combine(package, AdapterPackage.ManifestName);
        var manifest = JsonNode.Parse(File.ReadAllText(path))!;
        manifest["head"]![key] = JsonNode.Parse(value);
        File.WriteAllText(path, manifest.ToJsonString());

        var error = Assert.Throws<GraftException>(() => GraftModel.Load(package, _tiny.Model));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_has_nothing_to_train_is_refused()
    {
        var error = Assert.Throws<GraftException>(() => Train.Run(Settings() with { Method = "head" }));

        Assert.Contains("no head to train", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_of_the_other_head_are_refused()
    {
        Refused(Settings() with { HeadLayers = 2 }, "--head pooled");
        using var bert = new TinyModelFolder();
        Refused(Settings(bert.WriteTask()) with { Backbone = bert.Model, Out = Path.Combine(bert.Root, "a"), LossReduction = LossReduction.Sum }, "loss_reduction");
        Refused(Settings(bert.WriteTask()) with { Backbone = bert.Model, Out = Path.Combine(bert.Root, "b"), Head = HeadKind.Text }, "no decoder");

        static void Refused(TrainSettings settings, string expected) =>
            Assert.Contains(expected, Assert.Throws<GraftException>(() => Train.Run(settings)).Message, StringComparison.Ordinal);
    }

    // The first of three words decides, whatever follows.
    private static string FirstWords(TinyModelFolder folder)
    {
        var random = new Random(5);
        foreach (var (split, count) in new[] { ("train", 60), ("dev", 24) })
        {
            var rows = Enumerable.Range(0, count).Select(i =>
                $"{TinyModelFolder.Words[i % 3]} {string.Join(' ', Enumerable.Range(0, random.Next(0, 4)).Select(_ => TinyModelFolder.Words[random.Next(3, 9)]))}\tlabel{i % 3}");
            File.WriteAllLines(Path.Combine(folder.Root, $"first.{split}.tsv"), rows.Prepend("text\tlabel"));
        }

        var path = Path.Combine(folder.Root, "first.task.json");
        File.WriteAllText(path, """
            { "name": "letters", "kind": "classification", "text": "text", "label": "label", "files": { "train": "first.train.tsv", "dev": "first.dev.tsv" } }
            """);
        return path;
    }

    private static string Scores(TinyModelFolder folder)
    {
        var random = new Random(4);
        foreach (var split in new[] { "train", "dev" })
        {
            var rows = Enumerable.Range(0, 24).Select(_ => random.Next(TinyModelFolder.Words.Count))
                .Select(w => FormattableString.Invariant($"{TinyModelFolder.Words[w]}\t{(w % 2 == 0 ? w / 10.0 : -w)}"));
            File.WriteAllLines(Path.Combine(folder.Root, $"scores.{split}.tsv"), rows.Prepend("text\tscore"));
        }

        var path = Path.Combine(folder.Root, "scores.task.json");
        File.WriteAllText(path, """
            { "name": "scores", "kind": "regression", "text": "text", "label": "score", "files": { "train": "scores.train.tsv", "dev": "scores.dev.tsv" } }
            """);
        return path;
    }

    private TrainSettings Settings(string? task = null) => new()
    {
        Backbone = _tiny.Model, Tasks = [task ?? _tiny.WriteTask()], Out = Path.Combine(_tiny.Root, "out"), Steps = 4, Evaluations = 1,
    };
}
