using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Graft.Tasks;
using Graft.TestKit;
using Xunit;

namespace Graft.Tests.Tasks.Spans;

public sealed class AnswerMetricsTests
{
    [Fact]
    public void Fixture_values_of_the_official_scripts_are_reproduced()
    {
        var cases = JsonDocument.Parse(File.ReadAllText(SharedData.Fixture("unipelt/squad_metric.json"))).RootElement.GetProperty("cases").EnumerateArray().ToList();

        Assert.Equal(11, cases.Count);
        Assert.All(cases, one =>
        {
            var (answer, right) = (one.GetProperty("pred").GetString()!, Texts(one, "golds"));
            Assert.Equal(one.GetProperty("norm_pred").GetString(), AnswerMetrics.Normalized(answer));
            Assert.Equal(Texts(one, "norm_golds"), right.Select(AnswerMetrics.Normalized));
            Assert.Equal(one.GetProperty("em").GetDouble(), Of("exact_match", [right], [answer]));
            Assert.Equal(one.GetProperty("f1").GetDouble(), Of("token_f1", [right], [answer]), 1e-15);
        });

        static string[] Texts(JsonElement one, string name) => [.. one.GetProperty(name).EnumerateArray().Select(t => t.GetString()!)];
    }

    [Fact]
    public void The_best_right_answer_counts_and_rows_are_averaged()
    {
        string[][] right = [["red house", "the house"], ["two cats", "three"]];

        Assert.Equal(0.5, Of("exact_match", right, ["House", "two dogs"]), 1e-15);
        Assert.Equal((1 + 0.5) / 2, Of("token_f1", right, ["House", "two dogs"]), 1e-15);
    }

    [Fact]
    public void Words_are_counted_as_often_as_both_have_them() =>
        // Two of three given words and two of four right ones are common: P 2/3, R 2/4.
        Assert.Equal(2 * (2.0 / 3) * 0.5 / ((2.0 / 3) + 0.5), Of("token_f1", [["no no yes yes"]], ["no no no"]), 1e-15);

    [Fact]
    public void Rows_without_answer_make_the_rule_that_of_version_two_for_all_rows()
    {
        // evaluate-v2.0.py: right answers of no words are left out, and of two texts one of which has no words the F1 is their equality.
        Assert.Equal(1, Of("token_f1", [[]], [""]));
        Assert.Equal(0, Of("token_f1", [[]], ["something"]));
        Assert.Equal(0.5, Of("exact_match", [[], ["the"]], ["", "x"]));
        Assert.Equal(1, Of("token_f1", [[], ["the"]], ["", "an"]));
        Assert.Equal(0, Of("token_f1", [["the"]], ["an"]));
    }

    [Fact]
    public void Blanks_and_word_boundaries_are_those_of_python()
    {
        Assert.Equal("x y z", AnswerMetrics.Normalized("x\u001cy\u3000z"));
        Assert.Equal("a² b", AnswerMetrics.Normalized("a² b"));
        Assert.Equal("a½ b", AnswerMetrics.Normalized("a½ b"));
        Assert.Equal("— b", AnswerMetrics.Normalized("a— b"));
        Assert.Equal("ä the2 b", AnswerMetrics.Normalized("ä_ the2 An b"));
    }

    [Fact]
    public void An_answer_is_right_in_any_dress_and_never_better_than_right() => Prop.ForAll(
        Gen.Elements("the", "An", "red", "Blue", "house", "3.5", "x-y").NonEmptyListOf().ToArbitrary(),
        Gen.Elements("red", "blue", "house", "a", "sky").NonEmptyListOf().ToArbitrary(),
        (right, given) =>
        {
            var (one, other) = (string.Join(' ', right), string.Join("  ", given));
            var (exact, f1) = (Of("exact_match", [[one]], [other]), Of("token_f1", [[one]], [other]));
            Assert.Equal(1, Of("exact_match", [[one]], [$"  THE {one.ToUpperInvariant()}! "]));
            Assert.InRange(f1, 0, 1);
            Assert.True(f1 >= exact || AnswerMetrics.Normalized(one).Length == 0);
            Assert.Equal(f1, Of("token_f1", [[other]], [one]), 1e-15);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void They_judge_spans_alone_and_no_rows_are_worth_nothing()
    {
        Assert.Equal(0, Of("token_f1", [], []));
        Assert.Equal(["exact_match", "token_f1"], Metrics.All.Where(m => m.Judges(TaskKind.Span)).Select(m => m.Name));
        Assert.All(Enum.GetValues<TaskKind>().Where(k => k != TaskKind.Span), kind => Assert.False(Metrics.Get("token_f1").Judges(kind)));
    }

    private static double Of(string name, IReadOnlyList<IReadOnlyList<string>> right, IReadOnlyList<string> answers) =>
        Metrics.Get(name).Compute(Predictions.OfAnswers(right, answers));
}
