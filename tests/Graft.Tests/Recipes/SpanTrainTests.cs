using System.Text.Json.Nodes;
using Graft.Evaluation;
using Graft.Formats.Packages;
using Graft.Methods.Core;
using Graft.Recipes;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.Tasks.TextToText;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Recipes;

/// <summary>Questions about contexts, from files to files.</summary>
public sealed class SpanTrainTests : IDisposable
{
    private readonly TinyModelFolder _tiny = new(dropout: 0);

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public void Answers_are_learnt_and_a_package_finds_them_where_they_stand()
    {
        var settings = Settings(TinyQuestions.Write(_tiny)) with { Method = "full", Steps = 60, Lr = 1e-2, Overlap = 8 };

        var trained = Train.Run(settings).Tasks[0];
        var evaluated = Evaluate.Run(new EvaluateSettings { Package = trained.Package, Backbone = _tiny.Model, Task = settings.Tasks[0], Batch = 3 });

        Assert.True(trained.Dev["exact_match"] > 0.8, $"exact match {trained.Dev["exact_match"]}");
        Assert.Equal(trained.Dev["token_f1"], evaluated.Dev["token_f1"], 1e-9);
        Assert.Equal(80, trained.TrainRows);
        using var model = GraftModel.Load(trained.Package, _tiny.Model);
        var context = $"xa {string.Join(' ', Enumerable.Repeat("za", 50))} ba  ya";
        var answer = model.Predict("ga ha", context);
        Assert.Equal(("ba", context.IndexOf("ba", StringComparison.Ordinal)), (answer.Span!.Text, answer.Span.Start));
        Assert.Equal(answer.Span, answer.Candidates[0]);
        Assert.Empty(answer.Labels);
        var json = answer.ToJson();
        Assert.Equal(("ba", answer.Span.Start, answer.Span.End), ((string?)json["answer"], (int)json["start"]!, (int)json["end"]!));
        Assert.Equal(5, json["candidates"]!.AsArray().Count);
        Assert.False(json.ContainsKey("probabilities"));
    }

    [Fact]
    public void Where_some_rows_have_no_answer_none_is_an_answer_and_its_threshold_is_kept()
    {
        var settings = Settings(TinyQuestions.Write(_tiny, withNone: true, longest: 16)) with { Method = "full", Steps = 60, Lr = 1e-2, NullThreshold = 0.25 };

        var trained = Train.Run(settings).Tasks[0];

        var head = Assert.IsType<SpanHeadConfig>(TaskModelPackage.Head(AdapterPackage.Open(trained.Package)));
        Assert.Equal((true, 0.25), (head.Search.NullAnswers, head.Search.NullThreshold));
        Assert.True(trained.Dev["exact_match"] > 0.8, $"exact match {trained.Dev["exact_match"]}");
        using var model = GraftModel.Load(trained.Package, _tiny.Model);
        var none = model.Predict("ga ha", "za ya xa wa");
        Assert.Null(none.Span);
        Assert.Null(none.ToJson()["answer"]);
        Assert.Contains(none.Candidates, c => c.Text.Length == 0);
        Assert.Equal("ca", model.Predict("ga ha", "za ca xa wa").Span?.Text);
    }

    [Fact]
    public void None_is_an_answer_though_no_row_that_is_drawn_lacks_one()
    {
        var settings = Settings(TinyQuestions.Write(_tiny, withNone: true, longest: 16)) with { Method = "lora", Steps = 1, Examples = 1 };
        var drawn = Enumerable.Range(0, 20).First(seed => TaskFile.Load(settings.Tasks[0]).Take(1, seed).Train[0].Answers.Count > 0);

        var trained = Train.Run(settings with { Seed = drawn }).Tasks[0];

        Assert.True(Assert.IsType<SpanHeadConfig>(TaskModelPackage.Head(AdapterPackage.Open(trained.Package))).Search.NullAnswers);
    }

    [Fact]
    public void Questions_and_other_tasks_train_on_one_adapter_and_are_answered_in_one_pass()
    {
        var settings = Settings(TinyQuestions.Write(_tiny)) with { Tasks = [TinyQuestions.Write(_tiny), _tiny.WriteTask()], Share = true, Method = "lora", Steps = 6 };

        var report = Train.Run(settings);

        Assert.Equal(["questions", "letters"], report.Tasks.Select(t => t.Task));
        Assert.Equal((report.Tasks[0].Dev["token_f1"] + report.Tasks[1].Dev["accuracy"]) / 2, report.Joint!.Dev, 1e-12);
        Assert.All(report.Tasks, t => Assert.Equal(
            t.Dev[t.PrimaryMetric],
            Evaluate.Run(new EvaluateSettings { Package = t.Package, Backbone = _tiny.Model, Task = Path.Combine(_tiny.Root, t.Task + ".task.json") }).Dev[t.PrimaryMetric], 1e-6));
        using var model = GraftModel.Load([.. report.Tasks.Select(t => t.Package)], _tiny.Model);
        PredictionRow[] rows = [new("questions", "ga ha", string.Join(' ', Enumerable.Repeat("za ya ba", 20))), new("letters", "aa ba"), new("questions", "ga ha", "ca da")];
        var together = model.Predict(rows);
        for (var i = 0; i < rows.Length; i++)
        {
            var alone = model.Predict(rows[i]);
            Assert.Equal(alone.Span?.Text, together[i].Span?.Text);
            Assert.Equal(alone.Span?.Start, together[i].Span?.Start);
            Assert.All(alone.Outputs.Zip(together[i].Outputs), o => Assert.Equal(o.First, o.Second, 1e-5f));
        }
    }

    [Fact]
    public void A_resumed_run_ends_with_the_same_bits()
    {
        var settings = Settings(TinyQuestions.Write(_tiny)) with { Method = "lora", Steps = 8, CheckpointEvery = 1 };

        var runs = InterruptedRun.Train(settings, Path.Combine(_tiny.Root, "cut"));

        Assert.True(InterruptedRun.IsSame(runs, "head.safetensors"));
        Assert.Equal(runs.Undisturbed.Dev, runs.Resumed.Dev);
    }

    [Fact]
    public void A_merged_model_is_that_of_question_answering()
    {
        var trained = Train.Run(Settings(TinyQuestions.Write(_tiny)) with { Method = "lora", Steps = 3 }).Tasks[0];
        var folder = Path.Combine(_tiny.Root, "merged");

        var report = Merge.Run(trained.Package, folder, _tiny.Model);

        Assert.Equal(("BertForQuestionAnswering", true), (report.Architecture, report.HeadInModel));
        using var file = SafetensorsFile.Open(Path.Combine(folder, "model.safetensors"));
        Assert.Equal([2L, TinyBackbones.Width], file.Info("qa_outputs.weight").Shape);
        Assert.True(file.Contains("bert.embeddings.word_embeddings.weight"));
        using var before = GraftModel.Load(trained.Package, _tiny.Model);
        using var after = GraftModel.Load(Path.Combine(folder, Merge.HeadFolder), folder);
        Assert.Equal(before.Predict("ga ha", "za ba ya").Span?.Text, after.Predict("ga ha", "za ba ya").Span?.Text);
    }

    // What is learnt of spans reaches the parameters of every method, and a package answers as the model does.
    [Theory]
    [MemberData(nameof(Methods))]
    public void Every_method_trains_on_questions(string method)
    {
        var settings = Settings(TinyQuestions.Write(_tiny, train: 12, dev: 4, longest: 12)) with { Method = method, Steps = 2, Set = TinyModels.Settings(method) };

        var trained = Train.Run(settings).Tasks[0];

        Assert.InRange(trained.Dev["token_f1"], 0, 1);
        Assert.Equal(trained.Dev, Evaluate.Run(new EvaluateSettings { Package = trained.Package, Backbone = _tiny.Model, Task = settings.Tasks[0] }).Dev);
    }

    public static TheoryData<string> Methods() => [.. PeftMethods.All
        .Where(m => m is not IBuildsOnAdapters && !m.Name.StartsWith("test-", StringComparison.Ordinal)).Select(m => m.Name)];

    [Fact]
    public void A_T5_writes_answers_and_they_are_judged_as_texts()
    {
        using var t5 = new TinyModelFolder(dropout: 0, t5: true);
        var settings = Settings(TinyQuestions.Write(t5, "squad", withNone: true, longest: 12)) with { Backbone = t5.Model, Method = "full", Steps = 30, Lr = 1e-2, Out = Path.Combine(t5.Root, "run") };

        var trained = Train.Run(settings).Tasks[0];
        var evaluated = Evaluate.Run(new EvaluateSettings { Package = trained.Package, Backbone = t5.Model, Task = settings.Tasks[0] });

        Assert.Equal(trained.Dev, evaluated.Dev);
        var head = Assert.IsType<TextHeadConfig>(TaskModelPackage.Head(AdapterPackage.Open(trained.Package)));
        Assert.Equal(("question: A context: B", TextReading.Answer, 31), (head.Format.Source("A", "B"), head.Format.Reading, head.Longest));
        using var model = GraftModel.Load(trained.Package, t5.Model);
        var answer = model.Predict("ga ha", "za ba ya");
        Assert.NotNull(answer.Text);
        Assert.Equal(answer.Text.Length > 0 && "za ba ya".Contains(answer.Text, StringComparison.Ordinal), answer.Span is not null);
        Assert.Equal(answer.Text, (string?)answer.ToJson()["written"]);
        Assert.Equal(answer.Span?.Text, (string?)answer.ToJson()["answer"]);
    }

    [Fact]
    public void A_T5_s_encoder_finds_spans_too()
    {
        using var t5 = new TinyModelFolder(t5: true);
        var settings = Settings(TinyQuestions.Write(t5, longest: 12)) with { Backbone = t5.Model, Method = "lora", Steps = 2, Head = HeadKind.Pooled, Out = Path.Combine(t5.Root, "run") };

        var trained = Train.Run(settings).Tasks[0];

        Assert.IsType<SpanHeadConfig>(TaskModelPackage.Head(AdapterPackage.Open(trained.Package)));
        using var model = GraftModel.Load(trained.Package, t5.Model);
        Assert.NotEmpty(model.Predict("ga ha", "za ba ya").Candidates);
    }

    [Fact]
    public void A_file_of_questions_is_answered_row_by_row_with_its_ids()
    {
        var task = TinyQuestions.Write(_tiny, dev: 5);
        var trained = Train.Run(Settings(task) with { Method = "head", Steps = 2 }).Tasks[0];
        var rows = new List<PredictedRow>();

        var report = Predict.Run(new PredictSettings { Packages = [trained.Package], Backbone = _tiny.Model, Input = Path.Combine(_tiny.Root, "questions.dev.json") }, rows.Add);

        Assert.Equal((5, 5), ((int)report.Rows, rows.Count));
        Assert.Equal(["dev-0", "dev-1", "dev-2", "dev-3", "dev-4"], rows.Select(r => (string?)r.ToJson()["id"]));
        Assert.All(rows, r => Assert.Equal(r.Answer.Span!.Text, r.Pair![r.Answer.Span.Start..r.Answer.Span.End]));
    }

    [Fact]
    public void A_comparison_of_methods_on_questions_ends_in_a_report()
    {
        var plan = new JsonObject
        {
            ["name"] = "qa", ["backbone"] = _tiny.Model, ["tasks"] = new JsonArray(TinyQuestions.Write(_tiny, train: 16, dev: 6, longest: 12)), ["methods"] = new JsonArray("head", "lora"),
            ["seeds"] = new JsonArray(0), ["steps"] = 3, ["batch"] = 4,
        };
        var file = Path.Combine(_tiny.Root, "qa.json");
        File.WriteAllText(file, plan.ToJsonString());

        var report = Compare.Run(CompareSettings.OfFile(file));

        Assert.Empty(report.Failures);
        Assert.Equal(2, report.Done);
        Assert.All(report.Comparison.Runs, r => Assert.InRange(r.Scores.Single().Dev["token_f1"], 0, 1));
        Assert.Contains("token_f1", File.ReadAllText(Report.Write(report.Folder).Page));
    }

    [Fact]
    public void Baselines_that_tell_nothing_of_spans_are_left_out()
    {
        var trained = Train.Run(Settings(TinyQuestions.Write(_tiny)) with { Method = "head", Steps = 2, Baselines = true }).Tasks[0];

        Assert.Equal((null, null), (trained.Majority, trained.LinearProbe));
    }

    [Theory]
    [InlineData("overlap", -1)]
    [InlineData("answer_tokens", 0)]
    [InlineData("n_best", 70000)]
    public void Settings_out_of_range_are_refused(string key, int value) =>
        Assert.Contains(key, Assert.Throws<GraftException>(() => TrainSettings.Read(StrictJson.From(
            new JsonObject { ["tasks"] = "squad", ["out"] = "run", [key] = value }, "the test"))).Message);

    private TrainSettings Settings(string task) =>
        new() { Backbone = _tiny.Model, Tasks = [task], Batch = 8, HeadDropout = 0, Out = Path.Combine(_tiny.Root, "run"), CheckpointEvery = 0 };
}
