using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Graft.Tasks;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Tasks;

public sealed class MetricsTests
{
    [Fact]
    public void Fixture_values_of_the_reference_are_reproduced()
    {
        var fixture = JsonDocument.Parse(File.ReadAllText(SharedData.Fixture("unipelt/classification_metrics.json"))).RootElement;
        var binary = fixture.GetProperty("binary");
        var regression = fixture.GetProperty("regression");
        var many = Predictions.OfClasses(fixture.GetProperty("K").GetInt32(), Whole(fixture, "y"), Whole(fixture, "p"));
        var two = Predictions.OfClasses(2, Whole(binary, "y"), Whole(binary, "p"));
        var scores = Predictions.OfScores(Real(regression, "gold"), Real(regression, "pred"));

        Assert.Equal(Value(fixture, "accuracy"), Of("accuracy", many), 1e-12);
        Assert.Equal(Value(fixture, "micro_f1"), Of("micro_f1", many), 1e-12);
        Assert.Equal(Value(fixture, "macro_f1_sklearn_default"), Of("macro_f1", many), 1e-12);
        Assert.Equal(Value(fixture, "macro_f1_allennlp"), Of("macro_f1_all", many), 1e-12);
        Assert.Equal(Value(binary, "accuracy"), Of("accuracy", two), 1e-12);
        Assert.Equal(Value(binary, "f1_positive"), Of("f1", two), 1e-12);
        Assert.Equal(Value(binary, "matthews"), Of("matthews", two), 1e-12);
        Assert.Equal(Value(regression, "pearson"), Of("pearson", scores), 1e-12);
        Assert.Equal(Value(regression, "spearman"), Of("spearman", scores), 1e-12);
    }

    [Fact]
    public void Averages_over_all_labels_over_the_rest_and_of_recall_counted_by_hand()
    {
        // F1: none 2/4, against 2/5, favor 2/3, and one that never occurs.
        var rows = Predictions.OfClasses(4, [0, 0, 1, 1, 1, 2], [0, 1, 1, 0, 2, 2]);

        Assert.Equal(((2.0 / 4) + (2.0 / 5) + (2.0 / 3) + 0) / 4, Of("macro_f1_all", rows), 1e-15);
        Assert.Equal(((2.0 / 4) + (2.0 / 5) + (2.0 / 3)) / 3, Of("macro_f1", rows), 1e-15);
        Assert.Equal(((2.0 / 5) + (2.0 / 3) + 0) / 3, Of("macro_f1_rest", rows), 1e-15);
        Assert.Equal(((1.0 / 2) + (1.0 / 3) + 1) / 3, Of("macro_recall", rows), 1e-15);
    }

    [Fact]
    public void Two_labels_counted_by_hand()
    {
        // TP 2, FN 1, FP 1, TN 1: f1 = 4/6, matthews = (2*1 - 1*1) / sqrt(3*3*2*2).
        var rows = Predictions.OfClasses(2, [1, 1, 1, 0, 0], [1, 1, 0, 1, 0]);

        Assert.Equal(3.0 / 5, Of("accuracy", rows), 1e-15);
        Assert.Equal(4.0 / 6, Of("f1", rows), 1e-15);
        Assert.Equal(((4.0 / 6) + (2.0 / 4)) / 2, Of("macro_f1", rows), 1e-15);
        Assert.Equal(1.0 / 6, Of("matthews", rows), 1e-15);
    }

    [Fact]
    public void Three_labels_counted_by_hand()
    {
        // F1: label 0 2*2/(2+3), label 1 2*1/(2+2), label 2 2*1/(2+1); matthews: c=4, n=6, p=(2,2,2) against t=(3,2,1).
        var rows = Predictions.OfClasses(3, [0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 2, 2]);

        Assert.Equal(((4.0 / 5) + (2.0 / 4) + (2.0 / 3)) / 3, Of("macro_f1", rows), 1e-15);
        Assert.Equal(4.0 / 6, Of("micro_f1", rows), 1e-15);
        Assert.Equal(((4 * 6) - 12) / Math.Sqrt((36 - 12) * (36.0 - 14)), Of("matthews", rows), 1e-14);
    }

    [Fact]
    public void Answers_that_are_no_label_counted_by_hand()
    {
        // f1 takes them for the wrong one of two labels: TP 1, FN 1, FP 2. matthews has them as a class of their own: p=(1,2,2) against t=(3,2,0).
        var rows = Predictions.OfClasses(2, [1, 1, 0, 0, 0], [1, Predictions.NoLabel, 0, Predictions.NoLabel, 1]);

        Assert.Equal(2.0 / 5, Of("accuracy", rows), 1e-15);
        Assert.Equal(2.0 / 5, Of("micro_f1", rows), 1e-15);
        Assert.Equal(2.0 / 5, Of("f1", rows), 1e-15);
        Assert.Equal(((2.0 / 4) + (2.0 / 4)) / 2, Of("macro_f1", rows), 1e-15);
        Assert.Equal(((2 * 5) - 7) / Math.Sqrt((25 - 9) * (25.0 - 13)), Of("matthews", rows), 1e-14);
    }

    [Fact]
    public void Label_sets_counted_by_hand()
    {
        var rows = Predictions.OfLabelSets(4, [[0, 1], [2], [], [1]], [[0], [2], [], [0, 1]]);

        Assert.Equal(2.0 / 4, Of("accuracy", rows), 1e-15);
        Assert.Equal(6.0 / 8, Of("micro_f1", rows), 1e-15);
        Assert.Equal(((2.0 / 3) + (2.0 / 3) + 1 + 0) / 4, Of("macro_f1", rows), 1e-15);
    }

    [Fact]
    public void Ranks_of_equal_values_are_averaged()
    {
        // Ranks (1, 2.5, 2.5, 4) and (1, 3, 2, 4): covariance 4.5, variances 4.5 and 5.
        var rows = Predictions.OfScores([10, 20, 20, 90], [0.1, 0.3, 0.2, 5]);

        Assert.Equal(4.5 / Math.Sqrt(4.5 * 5), Of("spearman", rows), 1e-14);
    }

    [Fact]
    public void Divisions_of_zero_by_zero_give_0()
    {
        Assert.All(["accuracy", "f1", "macro_f1", "micro_f1", "matthews"], name => Assert.Equal(0, Of(name, Predictions.OfClasses(2, [], []))));
        Assert.All(["accuracy", "macro_f1", "micro_f1"], name => Assert.Equal(0, Of(name, Predictions.OfLabelSets(3, [], []))));
        Assert.All(["pearson", "spearman"], name => Assert.Equal(0, Of(name, Predictions.OfScores([], []))));
        Assert.All(["pearson", "spearman"], name => Assert.Equal(0, Of(name, Predictions.OfScores([1], [2]))));
        Assert.All(["pearson", "spearman"], name => Assert.Equal(0, Of(name, Predictions.OfScores([1, 2, 3], [0.1, 0.1, 0.1]))));
        Assert.Equal(0, Of("f1", Predictions.OfClasses(2, [0, 0], [0, 0])));
        Assert.Equal(0, Of("matthews", Predictions.OfClasses(2, [0, 1], [1, 1])));
        Assert.Equal(1, Of("macro_f1", Predictions.OfClasses(3, [0, 0], [0, 0])));
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void A_prediction_that_is_not_finite_gives_NaN(double wrong)
    {
        Assert.All(["pearson", "spearman"], name => Assert.Equal(double.NaN, Of(name, Predictions.OfScores([1, 2, 3], [1, wrong, 2]))));
    }

    [Theory]
    [InlineData(1e300)]
    [InlineData(1e-300)]
    public void Huge_and_tiny_numbers_neither_overflow_nor_vanish(double unit)
    {
        Assert.Equal(1, Of("pearson", Predictions.OfScores([unit, 2 * unit, 3 * unit], [1, 2, 3])), 1e-12);
    }

    [Fact]
    public void Perfect_predictions_score_1_and_all_metrics_stay_in_their_range() => Prop.ForAll(Labels(), pair =>
    {
        var rows = Predictions.OfClasses(4, pair.Expected, pair.Predicted);
        var perfect = Predictions.OfClasses(4, pair.Expected, pair.Expected);
        Assert.InRange(Of("accuracy", rows), 0, 1);
        Assert.InRange(Of("macro_f1", rows), 0, 1);
        Assert.InRange(Of("matthews", rows), -1.0000001, 1.0000001);
        Assert.Equal(Of("accuracy", rows), Of("micro_f1", rows), 1e-12);
        Assert.Equal(1, Of("accuracy", perfect));
        Assert.Equal(1, Of("macro_f1", perfect), 1e-12);
        Assert.Equal(pair.Expected.Distinct().Count() > 1 ? 1 : 0, Of("matthews", perfect), 1e-12);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Renaming_the_labels_and_reordering_the_rows_changes_nothing() => Prop.ForAll(Labels(), pair =>
    {
        var rows = Predictions.OfClasses(4, pair.Expected, pair.Predicted);
        var renamed = Predictions.OfClasses(4, [.. pair.Expected.Select(label => 3 - label)], [.. pair.Predicted.Select(label => 3 - label)]);
        var reversed = Predictions.OfClasses(4, [.. pair.Expected.Reverse()], [.. pair.Predicted.Reverse()]);
        foreach (var name in new[] { "accuracy", "macro_f1", "micro_f1", "matthews" })
        {
            Assert.Equal(Of(name, rows), Of(name, renamed), 1e-12);
            Assert.Equal(Of(name, rows), Of(name, reversed), 1e-12);
        }
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void One_label_as_a_set_counts_like_the_label() => Prop.ForAll(Labels(), pair =>
    {
        var rows = Predictions.OfClasses(4, pair.Expected, pair.Predicted);
        var sets = Predictions.OfLabelSets(4, [.. pair.Expected.Select(one => new[] { one })], [.. pair.Predicted.Select(one => new[] { one })]);
        Assert.Equal(Of("accuracy", rows), Of("accuracy", sets), 1e-12);
        Assert.Equal(Of("micro_f1", rows), Of("micro_f1", sets), 1e-12);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void F1_of_each_label_by_counting_gives_the_binary_and_both_macro_means() => Prop.ForAll(Labels(), pair =>
    {
        double F1(int label, Func<int, int> of)
        {
            var rows = pair.Expected.Zip(pair.Predicted, (e, p) => (Right: of(e) == label, Said: of(p) == label)).ToList();
            var (hits, all) = (rows.Count(r => r.Right && r.Said), rows.Count(r => r.Right) + rows.Count(r => r.Said));
            return all == 0 ? 0 : 2.0 * hits / all;
        }

        var rows = Predictions.OfClasses(4, pair.Expected, pair.Predicted);
        var sum = Enumerable.Range(0, 4).Sum(label => F1(label, x => x));
        Assert.Equal(sum / 4, Of("macro_f1_all", rows), 1e-12);
        Assert.Equal(sum / pair.Expected.Union(pair.Predicted).Count(), Of("macro_f1", rows), 1e-12);
        var binary = Predictions.OfClasses(2, [.. pair.Expected.Select(x => x / 2)], [.. pair.Predicted.Select(x => x / 2)]);
        Assert.Equal(F1(1, x => x / 2), Of("f1", binary), 1e-12);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Pearson_is_blind_to_scale_and_offset_and_spearman_to_any_rising_map() => Prop.ForAll(Labels(), pair =>
    {
        double[] x = [.. pair.Expected.Select(value => (double)value)];
        double[] y = [.. pair.Predicted.Select(value => value * 0.7)];
        var rows = Predictions.OfScores(x, y);
        Assert.Equal(Of("pearson", rows), Of("pearson", Predictions.OfScores(y, x)), 1e-12);
        Assert.Equal(Of("pearson", rows), Of("pearson", Predictions.OfScores([.. x.Select(value => (3 * value) - 5)], y)), 1e-9);
        Assert.Equal(-Of("pearson", rows), Of("pearson", Predictions.OfScores([.. x.Select(value => -value)], y)), 1e-12);
        Assert.Equal(Of("spearman", rows), Of("spearman", Predictions.OfScores([.. x.Select(Math.Exp)], y)), 1e-12);
        Assert.InRange(Of("pearson", rows), -1, 1);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Every_metric_is_documented_with_its_kinds()
    {
        var page = File.ReadAllText(SharedData.Repository("docs/tasks.md"));

        Assert.All(Metrics.All, metric => Assert.Contains($"| `{metric.Name}` |", page, StringComparison.Ordinal));
    }

    [Fact]
    public void An_unknown_or_unfit_metric_is_refused_with_what_there_is()
    {
        Assert.Equal("there is no metric 'acuracy'; did you mean 'accuracy'?", Message(() => Metrics.Get("acuracy")));
        Assert.Equal(
            "there is no metric 'zzzzzz'; use one of accuracy, exact_match, f1, group_accuracy, group_exact, group_f1, macro_f1, macro_f1_all, macro_f1_rest, macro_recall, matthews, micro_f1, pearson, spearman, token_f1.",
            Message(() => Metrics.Get("zzzzzz")));
        Assert.Equal(
            "the metric 'f1' is for two labels, but the task has 3; use macro_f1 or micro_f1.",
            Message(() => Metrics.Check("f1", TaskKind.Classification, 3)));
        Assert.Equal(
            "the metric 'accuracy' is not defined for a regression task; use pearson, spearman.",
            Message(() => Metrics.Check("accuracy", TaskKind.Regression, null)));
    }

    [Fact]
    public void Predictions_of_unequal_length_or_unknown_labels_are_refused()
    {
        Assert.Throws<ArgumentException>(() => Predictions.OfClasses(2, [0], [0, 1]));
        Assert.Throws<ArgumentException>(() => Predictions.OfClasses(2, [0], [2]));
        Assert.Throws<ArgumentException>(() => Of("pearson", Predictions.OfClasses(2, [0], [1])));
    }

    private static Arbitrary<(int[] Expected, int[] Predicted)> Labels() => Gen.Choose(0, 3).Two().NonEmptyListOf()
        .Select(rows => (rows.Select(row => row.Item1).ToArray(), rows.Select(row => row.Item2).ToArray()))
        .ToArbitrary();

    private static double Of(string name, Predictions rows) => Metrics.Get(name).Compute(rows);

    private static string Message(Action act) => Assert.Throws<GraftException>(act).Message;

    private static int[] Whole(JsonElement from, string key) => [.. from.GetProperty(key).EnumerateArray().Select(value => value.GetInt32())];

    private static double[] Real(JsonElement from, string key) => [.. from.GetProperty(key).EnumerateArray().Select(value => value.GetDouble())];

    private static double Value(JsonElement from, string key) => from.GetProperty(key).GetDouble();
}
