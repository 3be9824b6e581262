using Graft.Backbones;
using Graft.Evaluation;
using Graft.Tasks;
using Graft.Tasks.Batches;
using Graft.Tasks.Heads;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Evaluation;

public sealed class PredictorTests
{
    private static readonly string[] s_texts = ["good film", "bad", "a film that goes on and on and on and on and on and on", "", "so-so ..."];

    public static TheoryData<string> Backbones => TinyBackbones.Names;

    [Theory, MemberData(nameof(Backbones))]
    public void Rows_of_different_tasks_and_methods_in_one_call_equal_each_model_alone(string name)
    {
        using var backbone = TinyBackbones.Create(name);
        var models = Models(backbone);
        var tokenizer = TinyModels.Tokenizer();
        using var predictor = new Predictor(backbone, tokenizer, models);
        var pairs = name == "bert";
        var rows = Rows(models.Where(m => pairs || !m.Task.IsPair)).ToList();
        new Random(1).Shuffle(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(rows));

        var answers = predictor.Predict(rows, batchSize: 7, TestContext.Current.CancellationToken);

        foreach (var (row, answer) in rows.Zip(answers))
        {
            var model = models.Single(m => m.Task.Name == row.Task);
            var alone = Evaluator.Answer(
                model, TokenizedRows.Create(model.Task, [new Example(row.Text, row.Pair)], tokenizer, model.MaxTokens),
                cancellation: TestContext.Current.CancellationToken)[0];
            Assert.Equal(row.Task, answer.Task.Name);
            Assert.Equal(alone.Length, answer.Outputs.Count);
            Assert.All(alone.Zip(answer.Outputs), p => Assert.Equal(p.First, p.Second, 1e-5f));
        }
    }

    [Fact]
    public void Eight_threads_get_the_answers_of_one()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var predictor = new Predictor(backbone, TinyModels.Tokenizer(), Models(backbone));
        var rows = Rows(Models(backbone)).ToList();
        var expected = predictor.Predict(rows, cancellation: TestContext.Current.CancellationToken);

        // What other tests left to the finalizer must not go during this one.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var live = LeakCheck.Settled();

        Parallel.For(0, 64, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            var at = i % rows.Count;
            Assert.All(expected[at].Outputs.Zip(predictor.Predict(rows[at]).Outputs), p => Assert.Equal(p.First, p.Second, 1e-5f));
        });

        Assert.Equal(live, LiveTensors.Count);
    }

    [Fact]
    public void Truncated_tokens_are_counted_by_each_task_s_own_length()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var predictor = new Predictor(backbone, TinyModels.Tokenizer(), [
            TinyModels.Create(backbone, "head", TaskKind.Classification, name: "short", maxTokens: 5),
            TinyModels.Create(backbone, "head", TaskKind.Classification, name: "long", maxTokens: 12),
        ]);

        Assert.Equal(7, predictor.Predict(new PredictionRow("short", "a b c d e f g h i j")).TruncatedTokens);
        Assert.Equal(0, predictor.Predict(new PredictionRow("long", "a b c d e f g h i j")).TruncatedTokens);
    }

    [Fact]
    public void What_cannot_be_answered_is_one_sentence()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var predictor = new Predictor(backbone, TinyModels.Tokenizer(), Models(backbone));

        Assert.Contains("did you mean 'mood'", Refused(new PredictionRow("moood", "a")), StringComparison.Ordinal);
        Assert.Contains("two texts, and the row has one", Refused(new PredictionRow("stars", "a")), StringComparison.Ordinal);
        Assert.Contains("one text, and the row has two", Refused(new PredictionRow("mood", "a", "b")), StringComparison.Ordinal);
        using var twin = TinyModels.Create(backbone, "head", TaskKind.Classification);
        Assert.Contains("Two packages", Assert.Throws<GraftException>(() => new Predictor(backbone, TinyModels.Tokenizer(), [twin, twin])).Message, StringComparison.Ordinal);

        string Refused(PredictionRow row) => Assert.Throws<GraftException>(() => predictor.Predict(row)).Message;
    }

    [Fact]
    public void Answers_read_as_labels_probabilities_and_scores()
    {
        var mood = new Answer(TinyModels.Task(TaskKind.Classification), [0.1f, 0.7f, 0.2f]);
        var topics = new Answer(TinyModels.Task(TaskKind.Multilabel), [0.6f, 0.1f, 0.9f, 0.2f], TruncatedTokens: 3);
        var none = new Answer(TinyModels.Task(TaskKind.Multilabel), [0.1f, 0.1f, 0.1f, 0.1f]);
        var stars = new Answer(TinyModels.Task(TaskKind.Regression), [3.5f]);

        Assert.Equal(("glad", 0.7f), (mood.Label, mood.Probability));
        Assert.Equal(0.2f, mood.ProbabilityOf("so-so"));
        Assert.Equal(["music", "plot"], topics.Labels);
        Assert.Null(none.Label);
        Assert.True(float.IsNaN(none.Probability));
        Assert.Equal(3.5f, stars.Score);
        Assert.True(float.IsNaN(mood.Score));
        Assert.Equal("""{"task":"mood","label":"glad","probability":0.7,"probabilities":{"sad":0.1,"glad":0.7,"so-so":0.2}}""", mood.ToJson().ToJsonString());
        Assert.Equal(
            """{"task":"topics","labels":["music","plot"],"probabilities":{"plot":0.6,"cast":0.1,"music":0.9,"price":0.2},"truncated_tokens":3}""",
            topics.ToJson().ToJsonString());
        Assert.Equal("""{"task":"stars","score":3.5}""", stars.ToJson().ToJsonString());
    }

    [Fact]
    public void A_cancelled_call_stops()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var predictor = new Predictor(backbone, TinyModels.Tokenizer(), Models(backbone));
        var stopped = new CancellationToken(canceled: true);

        Assert.Throws<OperationCanceledException>(() => predictor.Predict([new PredictionRow("mood", "a")], cancellation: stopped));
    }

    private static List<TaskModel> Models(Backbone backbone) =>
    [
        TinyModels.Create(backbone, "lora", TaskKind.Classification, seed: 1),
        TinyModels.Create(backbone, "pfeiffer", TaskKind.Multilabel, seed: 2),
        TinyModels.Create(backbone, "head", TaskKind.Regression, seed: 3, pair: true),
        TinyModels.Create(backbone, "lora", TaskKind.Classification, seed: 4, name: "other", maxTokens: 9),
    ];

    private static IEnumerable<PredictionRow> Rows(IEnumerable<TaskModel> models) =>
        models.SelectMany(m => s_texts.Select(t => new PredictionRow(m.Task.Name, t, m.Task.IsPair ? "a good one" : null)));
}
