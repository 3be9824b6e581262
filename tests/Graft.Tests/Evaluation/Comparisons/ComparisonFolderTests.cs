using System.Text.Json;
using Graft.Evaluation.Comparisons;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Evaluation.Comparisons;

public sealed class ComparisonFolderTests
{
    private static readonly ComparisonPlan s_plan = new()
    {
        Name = "small",
        Methods = [new PlannedMethod("lora", "lora"), new PlannedMethod("head", "head")],
        Tasks = [new PlannedTask("letters", ["letters"])],
        Sizes = [10, null],
        Seeds = [0],
    };

    [Fact]
    public void A_saved_comparison_is_loaded_from_its_plan_and_its_results_alone()
    {
        using var folder = new TestFolder();
        ComparisonFolder.Save(folder.At("out"), ComparisonFolder.Of(s_plan, [Run("head", null), Run("lora", 10)]));

        var loaded = ComparisonFolder.Load(folder.At("out"));

        Assert.Equal([ComparisonFolder.PlanName, ComparisonFolder.ResultsName], Directory.EnumerateFileSystemEntries(folder.At("out")).Select(p => Path.GetFileName(p)).Order(StringComparer.Ordinal));
        Assert.Equal(4, loaded.Planned);
        Assert.Equal([("lora", (int?)10), ("head", null)], loaded.Runs.Select(r => (r.Method, r.Size)));
        Assert.Equal(Run("lora", 10).ToJson(), loaded.Runs[0].ToJson());
        Assert.Equal(double.NaN, loaded.Runs[0].Scores[0].Dev["pearson"]);
    }

    [Fact]
    public void Runs_that_are_not_in_the_plan_are_left_out()
    {
        var comparison = ComparisonFolder.Of(s_plan, [Run("lora", 11), Run("vera", 10)]);

        Assert.Empty(comparison.Runs);
    }

    [Fact]
    public void A_folder_without_a_plan_and_a_damaged_line_are_named()
    {
        using var folder = new TestFolder();
        Assert.Contains("holds no comparison", Assert.Throws<GraftException>(() => ComparisonFolder.Load(folder.Path)).Message, StringComparison.Ordinal);

        ComparisonFolder.Save(folder.Path, ComparisonFolder.Of(s_plan, [Run("lora", 10)]));
        File.AppendAllText(folder.At(ComparisonFolder.ResultsName), "{\"id\":");

        Assert.Contains("results.jsonl, line 2: ", Assert.Throws<GraftException>(() => ComparisonFolder.Load(folder.Path)).Message, StringComparison.Ordinal);
    }

    private static ComparisonRun Run(string method, int? size)
    {
        using var config = JsonDocument.Parse("""{"rank":8}""");
        return new ComparisonRun
        {
            Id = "0123456789abcdef",
            Method = method,
            BaseMethod = method,
            Config = config.RootElement.Clone(),
            Task = "letters",
            Size = size,
            Seed = 0,
            Scores =
            [
                new TaskScore(
                    "letters", "accuracy", new Dictionary<string, double> { ["accuracy"] = 0.75, ["pearson"] = double.NaN },
                    new Dictionary<string, double>(), 20, 40, size ?? 96, [new CurvePoint(20, 0.5, 0.75)]),
            ],
            LearningRate = 1e-3,
            Trials = [new LearningRateTrial(1e-3, 0.75, 1.5), new LearningRateTrial(1, null, 0.5)],
            Seconds = 2,
            TokensPerSecond = 1000,
            PeakMemory = 123_456_789,
            Sizes = new RunSize(10, 10, 10, 10, 51, 200, 900, 1),
            Cpu = "a processor",
            Threads = 1,
            Versions = new Dictionary<string, string> { ["graft"] = "0.1.0" },
            Command = "graft compare out --only lora/letters/10/0",
        };
    }
}
