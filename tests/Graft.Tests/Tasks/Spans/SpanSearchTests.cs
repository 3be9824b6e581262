using System.Text.Json;
using Graft.Tasks.Spans;
using Graft.TestKit;
using Xunit;

namespace Graft.Tests.Tasks.Spans;

public sealed class SpanSearchTests
{
    [Fact]
    public void Fixture_answers_of_the_reference_are_reproduced()
    {
        var fixture = JsonDocument.Parse(File.ReadAllText(SharedData.Fixture("unipelt/squad_postprocess.json"))).RootElement;
        var (features, starts, ends) = (List(fixture, "features"), List(fixture, "start_logits"), List(fixture, "end_logits"));
        var cases = fixture.GetProperty("predictions").EnumerateObject().ToList();

        Assert.Equal(3, cases.Count);
        Assert.All(cases, one =>
        {
            var numbers = one.Name.Split(',').Select(part => int.Parse(part.Split('=')[1])).ToArray();
            foreach (var example in List(fixture, "examples"))
            {
                var id = example.GetProperty("id").GetString()!;
                var windows = Enumerable.Range(0, features.Count).Where(f => features[f].GetProperty("example_id").GetString() == id)
                    .Select(f => new WindowScores(Offsets(features[f]), Floats(starts[f]), Floats(ends[f])));

                var found = SpanSearch.Find(example.GetProperty("context").GetString()!, windows, new SpanSearchSettings(numbers[0], numbers[1]));

                Assert.Equal(one.Value.GetProperty(id).GetString(), found.Text);
            }
        });

        static List<JsonElement> List(JsonElement of, string name) => [.. of.GetProperty(name).EnumerateArray()];
        static float[] Floats(JsonElement of) => [.. of.EnumerateArray().Select(v => v.GetSingle())];
        static (int, int)?[] Offsets(JsonElement of) => [.. List(of, "offset_mapping").Select(o => o.ValueKind == JsonValueKind.Null ? ((int, int)?)null : (o[0].GetInt32(), o[1].GetInt32()))];
    }

    [Fact]
    public void The_best_pair_of_all_windows_is_the_answer_and_says_where_it_stands()
    {
        var found = Find(new SpanSearchSettings(), Window([0, 0, 1, 0], [0, 0, 0, 2]), Window([0, 4, 0, 0], [0, 0, 3, 0]));

        Assert.Equal(("one two", 0, 7, 7.0), (found.Best!.Text, found.Best.Start, found.Best.End, found.Best.Score));
        Assert.Equal(found.Best, found.Candidates[0]);
        Assert.Equal(1, found.Candidates.Sum(c => c.Probability), 1e-12);
        Assert.True(found.Candidates.Zip(found.Candidates.Skip(1)).All(p => p.First.Score >= p.Second.Score));
        Assert.Equal("one two", found.Text);
    }

    [Fact]
    public void An_answer_does_not_end_before_it_starts_is_not_too_long_and_lies_in_the_context()
    {
        // The best start is the last token and the best end the first; the question's token has the best scores of all.
        var window = Window([9, 0, 1, 5], [9, 5, 1, 0]);

        Assert.DoesNotContain(Find(new SpanSearchSettings(), window).Candidates, c => c.End <= c.Start);
        Assert.Equal("three", Find(new SpanSearchSettings(AnswerTokens: 1), Window([0, 0, 0, 1], [0, 0, 0, 1])).Text);
        Assert.All(Find(new SpanSearchSettings(AnswerTokens: 1), window).Candidates, c => Assert.DoesNotContain(' ', c.Text));

        // Of the two best starts one is the question's and the other is behind both of the best ends.
        Assert.Empty(Find(new SpanSearchSettings(NBest: 2), window).Candidates);
        Assert.Equal(3, Find(new SpanSearchSettings(NBest: 3), Window([0, 3, 2, 1], [0, 1, 2, 3])).Candidates.Count);
    }

    [Fact]
    public void Without_a_candidate_there_is_no_answer_and_the_reference_s_word_is_judged()
    {
        var nothing = new WindowScores([null, null], [1, 2], [3, 4]);

        var (first, second) = (Find(new SpanSearchSettings(), nothing), Find(new SpanSearchSettings(NullAnswers: true), nothing));

        Assert.Equal((null, "empty", 0), (first.Best, first.Text, first.Candidates.Count));
        Assert.Equal((null, ""), (second.Best, second.Text));
        Assert.Equal("empty", Find(new SpanSearchSettings()).Text);
    }

    [Theory]
    [InlineData(0, 0, "one")]
    [InlineData(3.5, 0, "")]
    [InlineData(3.5, 1, "one")]
    [InlineData(2, -2, "")]
    public void No_answer_is_given_where_its_score_exceeds_the_best_by_more_than_the_threshold(double none, double threshold, string expected)
    {
        // The least of the windows' first tokens is the score of no answer; the second window's is far above.
        var found = Find(
            new SpanSearchSettings(NullAnswers: true, NullThreshold: threshold), Window([(float)none / 2, 2, 0, 0], [(float)none / 2, 1, 0, 0]), Window([50, 0, 0, 0], [50, 0, 0, 0]));

        Assert.Equal(expected, found.Text);
        Assert.Equal(expected.Length > 0 ? expected : null, found.Best?.Text);
        Assert.Single(found.Candidates, c => c.Text.Length == 0);
    }

    [Fact]
    public void No_answer_is_among_the_candidates_even_where_better_ones_fill_the_list() =>
        Assert.Single(Find(new SpanSearchSettings(NBest: 3, NullAnswers: true), Window([-9, 1, 1, 1], [-9, 1, 1, 1])).Candidates, c => c.Text.Length == 0);

    private static SpanResult Find(SpanSearchSettings settings, params WindowScores[] windows) => SpanSearch.Find("one two three", windows, settings);

    private static WindowScores Window(float[] starts, float[] ends) => new([null, (0, 3), (4, 7), (8, 13)], starts, ends);
}
