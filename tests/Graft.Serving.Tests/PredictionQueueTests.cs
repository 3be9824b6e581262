using Graft.Backbones;
using Graft.Evaluation;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Serving.Tests;

public sealed class PredictionQueueTests : IDisposable
{
    private readonly Backbone _backbone = TinyBackbones.Create("bert");
    private readonly Predictor _predictor;

    public PredictionQueueTests() => _predictor = new Predictor(_backbone, TinyModels.Tokenizer(), [
        TinyModels.Create(_backbone, "lora", TaskKind.Classification, seed: 1),
        TinyModels.Create(_backbone, "pfeiffer", TaskKind.Multilabel, seed: 2),
        TinyModels.Create(_backbone, "head", TaskKind.Regression, seed: 3, pair: true),
    ]);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Requests_of_eight_threads_for_different_tasks_are_all_answered_as_by_the_predictor()
    {
        var live = LeakCheck.Settled();
        var queue = new PredictionQueue(_predictor, new PredictionQueueSettings(MaxBatch: 16));
        var threads = Enumerable.Range(0, 8).Select(thread => Task.Run(
            async () =>
            {
                List<(PredictionRow Row, Answer Answer)> answered = [];
                for (var i = 0; i < 200; i++)
                {
                    var row = Row(thread, i);
                    answered.Add((row, await queue.PredictAsync(row.Task, row.Text, row.Pair, Stop)));
                }

                return answered;
            },
            Stop)).ToList();

        var all = (await Task.WhenAll(threads)).SelectMany(a => a).ToList();
        await queue.DisposeAsync();

        Assert.Equal(1600, all.Count);
        Assert.All(all, a => AssertSame(_predictor.Predict(a.Row), a.Answer));
        Assert.InRange(queue.Passes, 100, 1200);
        Assert.Equal(live, LiveTensors.Count);
    }

    [Fact]
    public async Task Requests_that_wait_share_a_pass()
    {
        await using var queue = new PredictionQueue(_predictor, new PredictionQueueSettings(MaxBatch: 8, MaxWait: TimeSpan.FromSeconds(20)));

        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Ask(queue, Row(0, i))));

        Assert.Equal(8, answers.Length);
        Assert.Equal(1, queue.Passes);
    }

    [Fact]
    public async Task Questions_about_long_texts_are_answered_beside_other_tasks()
    {
        using var predictor = new Predictor(_backbone, TinyModels.Tokenizer(), [TinyModels.Create(_backbone, "lora", TaskKind.Span), TinyModels.Create(_backbone, "lora", TaskKind.Classification)]);
        await using var queue = new PredictionQueue(predictor, new PredictionQueueSettings(MaxBatch: 2, MaxWait: TimeSpan.FromSeconds(20)));
        var context = string.Join(' ', Enumerable.Range(0, 40).Select(i => $"{(char)('a' + (i % 26))}"));

        var question = queue.PredictAsync("answers", "good", context, Stop);
        var other = queue.PredictAsync("mood", "film", cancellationToken: Stop);

        var (expected, answer) = (predictor.Predict(new PredictionRow("answers", "good", context)), await question);
        Assert.Equal(expected.Candidates.Select(c => c.Text), answer.Candidates.Select(c => c.Text));
        Assert.Equal(context[answer.Span!.Start..answer.Span.End], answer.Span.Text);
        Assert.NotNull((await other).Label);
    }

    [Fact]
    public async Task A_lone_request_is_answered_after_the_wait()
    {
        await using var queue = new PredictionQueue(_predictor, new PredictionQueueSettings(MaxWait: TimeSpan.FromMilliseconds(1)));

        AssertSame(_predictor.Predict(Row(0, 0)), await Ask(queue, Row(0, 0)));
    }

    [Fact]
    public async Task A_request_that_cannot_be_answered_fails_alone()
    {
        // This head reads a pooler that the backbone was loaded without: it fails within the pass.
        using var rng = new Rng(1, Device.Cpu);
        var task = TinyModels.Task(TaskKind.Classification, "broken");
        var adapter = PeftMethods.Get("head").Attach(_backbone, task.Name, PeftMethods.Get("head").Defaults, rng);
        var head = new PooledHead(new PooledHeadConfig(task.Kind, task.Outputs, Pooling.Pooler), TinyBackbones.Width, rng);
        using var predictor = new Predictor(_backbone, TinyModels.Tokenizer(), [
            TinyModels.Create(_backbone, "lora", TaskKind.Classification), new TaskModel(task, _backbone, adapter, head, 24),
        ]);
        await using var queue = new PredictionQueue(predictor, new PredictionQueueSettings(MaxBatch: 4, MaxWait: TimeSpan.FromSeconds(20)));

        var good = Enumerable.Range(0, 3).Select(i => queue.PredictAsync("mood", $"good {i}", cancellationToken: Stop)).ToList();
        var bad = queue.PredictAsync("broken", "good", cancellationToken: Stop);

        Assert.Contains("pooler", (await Assert.ThrowsAsync<GraftException>(() => bad)).Message, StringComparison.Ordinal);
        foreach (var answer in await Task.WhenAll(good))
        {
            Assert.Equal("mood", answer.Task.Name);
        }
    }

    [Fact]
    public async Task What_the_predictor_refuses_is_refused_before_it_is_queued()
    {
        await using var queue = new PredictionQueue(_predictor);

        await Assert.ThrowsAsync<GraftException>(() => queue.PredictAsync("moood", "a", cancellationToken: Stop));
        await Assert.ThrowsAsync<GraftException>(() => queue.PredictAsync("stars", "a", cancellationToken: Stop));

        Assert.Equal(0, queue.Passes);
    }

    [Fact]
    public async Task A_cancelled_request_ends_at_once_and_is_not_computed()
    {
        await using var queue = new PredictionQueue(_predictor, new PredictionQueueSettings(MaxBatch: 3, MaxWait: TimeSpan.FromSeconds(20)));
        using var stop = new CancellationTokenSource();
        var given = queue.PredictAsync("mood", "a", cancellationToken: stop.Token);

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => queue.PredictAsync("mood", "a", cancellationToken: stop.Token));
        var others = await Task.WhenAll(Ask(queue, Row(0, 0)), Ask(queue, Row(0, 3)), Ask(queue, Row(0, 6)));
        Assert.All(others, a => Assert.Equal("mood", a.Task.Name));
    }

    [Fact]
    public async Task Disposing_answers_what_was_accepted_and_refuses_the_rest()
    {
        var queue = new PredictionQueue(_predictor, new PredictionQueueSettings(MaxBatch: 4, MaxWait: TimeSpan.FromSeconds(20)));
        var accepted = Enumerable.Range(0, 10).Select(i => Ask(queue, Row(0, i))).ToList();

        await queue.DisposeAsync();

        Assert.Equal(10, (await Task.WhenAll(accepted).WaitAsync(TimeSpan.FromSeconds(5), Stop)).Length);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => Ask(queue, Row(0, 0)));
        await queue.DisposeAsync();
    }

    [Fact]
    public async Task A_full_queue_makes_requests_wait_and_loses_none()
    {
        await using var queue = new PredictionQueue(_predictor, new PredictionQueueSettings(MaxBatch: 2, MaxWait: TimeSpan.Zero, Capacity: 1));

        var answers = await Task.WhenAll(Enumerable.Range(0, 60).Select(i => Ask(queue, Row(1, i))));

        Assert.All(answers.Select((a, i) => (a, i)), p => AssertSame(_predictor.Predict(Row(1, p.i)), p.a));
    }

    public void Dispose()
    {
        _predictor.Dispose();
        _backbone.Dispose();
    }

    private static Task<Answer> Ask(PredictionQueue queue, PredictionRow row) => queue.PredictAsync(row.Task, row.Text, row.Pair, Stop);

    private static PredictionRow Row(int thread, int i)
    {
        var text = new string((char)('a' + thread), i % 11) + (i % 2 == 0 ? " good" : " bad film") + $" {(char)('a' + (i % 26))}";
        return (i % 3) switch { 0 => new("mood", text), 1 => new("topics", text), _ => new("stars", text, "film") };
    }

    private static void AssertSame(Answer expected, Answer actual)
    {
        Assert.Equal(expected.Task.Name, actual.Task.Name);
        Assert.All(expected.Outputs.Zip(actual.Outputs), p => Assert.Equal(p.First, p.Second, 1e-5f));
    }
}
