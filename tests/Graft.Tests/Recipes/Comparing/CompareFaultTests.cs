using Graft.Evaluation.Comparisons;
using Graft.Recipes;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Recipes.Comparing;

/// <summary>Comparisons on disks that are full or cannot be written.</summary>
public sealed class CompareFaultTests : IDisposable
{
    private readonly TinyModelFolder _tiny = new();

    public void Dispose() => _tiny.Dispose();

    [Theory]
    [InlineData(12)]
    [InlineData(28)]
    [InlineData(40)]
    [InlineData(64)]
    public void A_full_disk_is_one_sentence_and_the_comparison_goes_on_when_there_is_space(int kilobytes)
    {
        const int Size = 2000;
        var alone = Compare.Run(CompareSettings.Of(Plan(), Path.Combine(_tiny.Root, "alone"))).Comparison;
        var settings = CompareSettings.Of(Plan(), Path.Combine(_tiny.Root, "out"));
        using var disk = TinyDisk.Mount(settings.Out, Size);
        Assert.SkipWhen(disk is null, "file systems cannot be mounted here");
        var ballast = Path.Combine(settings.Out, "ballast");
        File.WriteAllBytes(ballast, new byte[(Size - kilobytes) * 1024]);

        var fault = Assert.Throws<GraftException>(() => Compare.Run(settings));

        Assert.Contains("space", fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', fault.Message);
        File.Delete(ballast);
        var report = Compare.Run(settings);
        Assert.Empty(report.Failures);
        Assert.Equal(alone.Runs.Select(r => (r.Id, r.Score, r.LearningRate)), report.Comparison.Runs.Select(r => (r.Id, r.Score, r.LearningRate)));
        Assert.Equal(
            report.Comparison.Runs.Select(r => r.Id).Order(StringComparer.Ordinal),
            Directory.EnumerateFileSystemEntries(Path.Combine(settings.Out, "runs")).Select(p => Path.GetFileName(p)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_folder_that_cannot_be_written_is_one_sentence()
    {
        var file = Path.Combine(_tiny.Root, "file");
        File.WriteAllText(file, "");
        Assert.Contains("cannot be", Assert.Throws<GraftException>(() => Compare.Run(CompareSettings.Of(Plan(), Path.Combine(file, "out")))).Message, StringComparison.Ordinal);

        var settings = CompareSettings.Of(Plan(), Path.Combine(_tiny.Root, "out"));
        using var disk = TinyDisk.Mount(settings.Out, 2000);
        Assert.SkipWhen(disk is null, "file systems cannot be mounted here");
        disk.MakeReadOnly();

        Assert.Contains("cannot be written", Assert.Throws<GraftException>(() => Compare.Run(settings)).Message, StringComparison.Ordinal);
    }

    private ComparisonPlan Plan() => new()
    {
        Name = "tiny",
        Backbone = _tiny.Model,
        Methods = [new PlannedMethod("lora", "lora"), new PlannedMethod("head", "head")],
        Tasks = [new PlannedTask("letters", [_tiny.WriteTask()])],
        Sizes = [40],
        Seeds = [0, 1],
        Steps = 6,
        Batch = 8,
        Evaluations = 2,
        LearningRateFactors = [1, 3],
    };
}
