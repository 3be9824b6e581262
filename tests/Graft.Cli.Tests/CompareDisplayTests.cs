using Graft.Cli.Display;
using Graft.Evaluation.Comparisons;
using Graft.Recipes;
using Xunit;

namespace Graft.Cli.Tests;

public sealed class CompareDisplayTests
{
    private static readonly CompareReport s_report = new(
        "out", new Comparison(new ComparisonPlan { Name = "p", Methods = [], Tasks = [] }, [], 3), [], 0);

    private static readonly TrainProgress s_training = new(TrainPhase.Training, "letters", 1, 1, 6, 12, 0.5, 100, 0.75, "accuracy");

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void On_a_terminal_the_whole_and_what_runs_are_drawn(int workers)
    {
        using var notes = new StringWriter();
        CompareReport report = CompareDisplay.Run(
            Terminal.Drawing(TextWriter.Null, notes),
            tell =>
            {
                tell(new CompareProgress(0, 0, 3, null, null, 0, 0, null));
                tell(new CompareProgress(0, 0, 3, null, "lora/letters/40/0", 2, 3, s_training));
                tell(new CompareProgress(1, 1, 3, 75, null, 0, 0, null) { Note = "lora/letters/40/1 failed: [why]" });
                tell(new CompareProgress(2, 1, 3, 0, null, 0, 0, null));
                return s_report;
            },
            workers == 0 ? null : () => [.. Enumerable.Range(1, workers).Select(i => $"at work on {i}")]);

        Assert.Same(s_report, report);
        Assert.Contains("lora/letters/40/1 failed: [why]", notes.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Words_say_how_far_the_whole_and_the_running_one_have_come()
    {
        var progress = new CompareProgress(3, 1, 24, 75, "lora/letters/40/0", 2, 3, s_training);

        Assert.Equal("3/24 runs  1 failed  1:15 left", CompareDisplay.Whole(progress));
        Assert.Equal("lora/letters/40/0  rate 2 of 3  6/12  loss 0.500  100 rows/s  dev 0.750", CompareDisplay.Running(progress));
        Assert.Empty(CompareDisplay.Running(progress with { Run = null }));
    }
}
