using System.Text.Json.Nodes;
using Graft.Evaluation.Comparisons;
using Graft.Evaluation.Reports;
using Graft.Methods.Core;
using Graft.Recipes;
using Graft.TestKit;
using Xunit;

namespace Graft.Tests.Recipes.Comparing;

/// <summary>What a method must bring along to be compared, reported and counted: whoever adds one need not think of comparisons.</summary>
public sealed class EveryMethodComparedTests : IDisposable
{
    private readonly TinyModelFolder _tiny = new();

    public void Dispose() => _tiny.Dispose();

    // The tiny backbone is too narrow for their defaults: Compacter's blocks do not divide it, and the one unit that PROPETL would have may be dead.
    private static JsonObject? Set(string method) => method is "compacter" or "propetl-adapter" ? new JsonObject { ["reduction_factor"] = 2 } : null;

    [Fact]
    public void Every_method_that_needs_no_other_adapters_has_a_run_of_a_mixture_and_a_place_in_the_report()
    {
        var methods = PeftMethods.All.Where(m => m is not IBuildsOnAdapters && m.GetType().Assembly == typeof(PeftMethod).Assembly).Select(m => m.Name).ToList();
        var plan = new ComparisonPlan
        {
            Name = "all",
            Backbone = _tiny.Model,
            Methods = [.. methods.Select(m => new PlannedMethod(m, m, Set(m)))],
            Tasks = [new PlannedTask("both", [_tiny.WriteTask("letters"), _tiny.WriteTask("others", seed: 5)])],
            Sizes = [24],
            Seeds = [0],
            Steps = 12,
            Batch = 8,
            Evaluations = 1,
            LearningRateFactors = [1],
        };

        var report = Compare.Run(CompareSettings.Of(plan, Path.Combine(_tiny.Root, "out")));

        Assert.Empty(report.Failures);
        Assert.Equal(methods, report.Comparison.Runs.Select(r => r.BaseMethod));
        Assert.All(report.Comparison.Runs, run =>
        {
            Assert.Equal(["letters", "others"], run.Scores.Select(s => s.Task));
            Assert.Equal((run.Sizes.TrainedByFormula, run.Sizes.StoredByFormula), (run.Sizes.Trained, run.Sizes.Stored));
        });
        var storage = StorageAccount.Load(Path.Combine(report.Folder, "storage.json"));
        Assert.Superset(methods.ToHashSet(StringComparer.Ordinal), storage.Methods.Select(m => m.Method).ToHashSet(StringComparer.Ordinal));
        Assert.All(storage.Methods.Where(m => m.SharedBytes > 0), m => Assert.Equal(0, m.Difference));
        Assert.Equal(methods.Where(m => PeftMethods.Get(m).SharesAcrossTasks), storage.Methods.Where(m => m.SharedBytes > 0).Select(m => m.BaseMethod));
        var markdown = MarkdownReport.Of(report.Comparison, storage);
        Assert.All(methods, method => Assert.Contains($"| {method}", markdown, StringComparison.Ordinal));
    }
}
