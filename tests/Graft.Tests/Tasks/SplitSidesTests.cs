using Graft.Tasks;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Tasks;

public sealed class SplitSidesTests
{
    private static readonly TaskDefinition s_mood = new("mood", TaskKind.Classification, ["no", "yes"], ["accuracy"], false);
    private static readonly TaskDefinition s_likeness = new("likeness", TaskKind.Regression, [], ["pearson"], false);
    private static readonly TaskDefinition s_questions = new("questions", TaskKind.Span, [], ["exact_match"], true);
    private static readonly TaskDefinition s_answers = s_mood with { Name = "answers", IsGrouped = true };

    // Texts occur once to three times, now in other letters and with blanks, and with whatever label.
    private static List<Example> Repeated(int rows) =>
        [.. Enumerable.Range(0, rows).Select(i => new Example(i % 3 == 0 ? $" TEXT  {i * 7 % (rows / 2)} " : $"text {i * 7 % (rows / 2)}") { Label = i / 3 % 2, Score = i })];

    [Theory]
    [InlineData(20)]
    [InlineData(200)]
    [InlineData(3000)]
    public void No_text_is_in_train_and_dev_of_a_cut(int rows)
    {
        foreach (var task in new[] { s_mood, s_likeness })
        {
            var (train, dev) = DevCut.From(Repeated(rows), task, 0, "a");

            Assert.Empty(Texts(train).Intersect(Texts(dev)));
            Assert.Equal(rows, train.Count + dev.Count);
            Assert.InRange(dev.Count, (rows / 10) - 3, (rows / 10) + 3);
            Assert.NotEmpty(dev);
        }
    }

    [Fact]
    public void A_pair_is_repeated_where_both_its_texts_are()
    {
        List<Example> rows = [.. Enumerable.Range(0, 40).Select(i => new Example("same", $"other {i}") { Label = i % 2 })];

        Assert.Equal(4, DevCut.From(rows, s_mood, 0, "a").Dev.Count);
        Assert.Throws<GraftException>(() => DevCut.From([.. rows.Select(row => row with { Pair = null })], s_mood, 0, "a"));
    }

    [Fact]
    public void No_context_and_no_passage_is_torn_apart_by_a_split()
    {
        List<Example> spans = [.. Enumerable.Range(0, 2400).Select(i => new Example($"q {i}", $"context {i / 4}") { Answers = [] })];
        List<Example> answers = [.. Enumerable.Range(0, 2400).Select(i => new Example($"q {i / 2} answer {i}", $"passage {i / 8}") { Group = i / 2, Label = i % 2 })];
        foreach (var (task, rows) in new[] { (s_questions, spans), (s_answers, answers) })
        {
            var data = new TaskData(task, rows, rows[..400], null);
            foreach (var rule in new[] { SplitRule.Thousand, SplitRule.Halves })
            {
                var split = PublishedSplit.Of(data, rule, 32);
                Apart(rule == SplitRule.Thousand ? split.Train : split.Test!, split.Dev);
            }

            var low = LowDataSplit.Of(data, 100, false, 200, 1)!;
            Apart(low.Train, low.Dev);
            Assert.InRange(low.Train.Count, 93, 100);
        }

        static void Apart(IReadOnlyList<Example> one, IReadOnlyList<Example> other) => Assert.Empty(one.Select(row => row.Pair).Intersect(other.Select(row => row.Pair)));
    }

    [Fact]
    public void Dev_rows_are_test_where_that_is_asked_for()
    {
        var rows = Repeated(100);
        var data = new TaskData(s_mood, rows, rows[..20], rows[..30]);

        var (own, dev) = (LowDataSplit.Of(data, 20, false, 10, 1)!, LowDataSplit.Of(data, 20, false, 10, 1, reportOnDev: true)!);

        Assert.Equal((20, 30, 20, 10), (own.Dev.Count, own.Test.Count, dev.Test.Count, dev.Dev.Count));
        Assert.Equal(own.Train, dev.Train);
        Assert.Throws<GraftException>(() => LowDataSplit.Of(new TaskData(s_mood, rows, rows[..20], rows) { Splits = new TaskSplits(CutSeed: 0) }, 20, false, 10, 1, reportOnDev: true));
    }

    [Fact]
    public void Held_out_rows_that_train_has_are_kept_and_said()
    {
        using var files = new TaskFolder();
        files.With("train.tsv", "text\tlabel\na\t1\nb\t0\n").With("dev.tsv", "text\tlabel\na\t1\nc\t0\n").With("test.tsv", "text\tlabel\nA\t1\nc\t0\n");

        Assert.Equal(
            ["1 dev row has the text of a training row"],
            files.Load(TaskFolder.Minimal.Replace("\"dev\": \"dev.tsv\"", "\"dev\": \"dev.tsv\", \"test\": \"test.tsv\"", StringComparison.Ordinal)).Notes);
        Assert.Equal(2, files.Load(TaskFolder.Minimal).Dev.Count);
    }

    [Fact]
    public void A_file_of_which_every_row_is_left_out_says_why()
    {
        using var files = new TaskFolder();
        files.With("train.tsv", "text\tlabel\na\t-1\nb\t-1\n").With("dev.tsv", "text\tlabel\na\t1\n");

        Assert.Equal(
            "train.tsv: every row is left out (2 have a label that 'labelSkip' names), expected labelled rows; put rows in it, or name another file in a.task.json.",
            files.Sentence(TaskFolder.Minimal.Replace("\"files\"", "\"labelSkip\": [\"-1\"], \"files\"", StringComparison.Ordinal)));
    }

    [Fact]
    public void Shards_are_found_with_gz_behind_their_names()
    {
        using var files = new TaskFolder();
        files.With("train-0.tsv", "text\tlabel\na\t1\n").WithZipped("train-1.tsv.gz", "text\tlabel\nb\t0\n").WithZipped("train-0.tsv.gz", "x").With("dev.tsv", "text\tlabel\na b\t1\n");

        Assert.Equal(["a", "b"], files.Load(TaskFolder.Minimal.Replace("train.tsv", "train-*.tsv", StringComparison.Ordinal)).Train.Select(row => row.Text));
    }

    private static IEnumerable<string> Texts(IEnumerable<Example> rows) => rows.Select(row => GroupedSplit.Plain(row.Text));
}
