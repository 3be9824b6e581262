using Graft.Recipes;
using Graft.Tasks.Corpora;
using Graft.TestKit;
using Xunit;

namespace Graft.Tests.Recipes;

/// <summary>Long runs on a tiny model. The one that measures bytes takes a minute or more, so <c>bench/pretrain/memory.sh</c> runs it and the suite does not.</summary>
public sealed class PretrainMemoryTests(ITestOutputHelper output) : IDisposable
{
    private const int Early = 100;
    private const int Late = 5000;

    private readonly TinyModelFolder _tiny = new();

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public void Pretraining_holds_as_many_tensors_at_step_600_as_at_step_100()
    {
        var seen = new Dictionary<int, long>();

        Pretrain.Run(
            Settings("run", 601),
            state =>
            {
                if (state is { Phase: PretrainPhase.Training, Step: Early or 600 })
                {
                    seen[state.Step] = LeakCheck.Settled();
                }
            },
            TestContext.Current.CancellationToken);

        Assert.Equal(seen[Early], seen[600]);
    }

    [Theory]
    [InlineData("unipelt")]
    [InlineData("propetl-adapter")]
    public void Training_holds_as_many_tensors_at_step_600_as_at_step_100(string method)
    {
        var seen = new Dictionary<int, long>();

        Train.Run(
            new TrainSettings
            {
                Backbone = _tiny.Model, Tasks = [_tiny.WriteTask()], Method = method, Steps = 601, Batch = 4, Evaluations = 1, CheckpointEvery = 0, Out = Path.Combine(_tiny.Root, "train"),
            },
            state =>
            {
                if (state is { Phase: TrainPhase.Training, Step: Early or 600 })
                {
                    seen[state.Step] = LeakCheck.Settled();
                }
            },
            TestContext.Current.CancellationToken);

        Assert.Equal(seen[Early], seen[600]);
    }

    [Fact(Explicit = true)]
    public void Memory_is_the_same_at_step_100_and_at_step_5000()
    {
        var seen = new Dictionary<int, (long Tensors, long Resident)>();

        // .NET compiles what runs often a second time and sizes its heap: a few megabytes in the first hundreds of steps, once for the process.
        Pretrain.Run(Settings("first", 400), cancellation: TestContext.Current.CancellationToken);
        Pretrain.Run(
            Settings("second", Late + 1),
            state =>
            {
                if (state is { Phase: PretrainPhase.Training, Step: Early or 1000 or 3000 or Late })
                {
                    seen[state.Step] = (LeakCheck.Settled(), Environment.WorkingSet);
                    output.WriteLine(
                        $"step {state.Step}: {seen[state.Step].Tensors} live tensors, {seen[state.Step].Resident / 1024} kB resident, of it {GC.GetGCMemoryInfo().TotalCommittedBytes / 1024} kB .NET's");
                }
            },
            TestContext.Current.CancellationToken);

        Assert.Equal(seen[Early].Tensors, seen[Late].Tensors);
        Assert.InRange((double)seen[Late].Resident / seen[Early].Resident, 0, 1.02);
    }

    private PretrainSettings Settings(string name, int steps)
    {
        var random = new Random(1);
        var text = Path.Combine(_tiny.Root, "text.txt");
        File.WriteAllLines(text, Enumerable.Range(0, 600).Select(_ => string.Join(' ', Enumerable.Range(0, random.Next(3, 40)).Select(_ => TinyModelFolder.Words[random.Next(50)]))));
        return new()
        {
            Backbone = _tiny.Model, Text = [text], Unit = TextUnit.Line, Out = Path.Combine(_tiny.Root, name), Batch = 8, MicroBatch = 4, MaxTokens = 30, Steps = steps, DevItems = 20,
        };
    }
}
