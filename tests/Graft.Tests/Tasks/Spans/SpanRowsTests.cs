using Graft.Tasks;
using Graft.Tasks.Batches;
using Graft.Tasks.Spans;
using Graft.TestKit;
using Graft.Tests.Text;
using Graft.Text;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Tasks.Spans;

public sealed class SpanRowsTests
{
    private static readonly Tokenizer s_tokenizer = TinyModels.Tokenizer();

    [Theory]
    [InlineData(24, 6)]
    [InlineData(24, 0)]
    [InlineData(12, 128)]
    [InlineData(6, 2)]
    [InlineData(200, 128)]
    public void Windows_hold_every_token_of_the_context_in_order_and_overlap(int maxTokens, int overlap)
    {
        var context = string.Join(' ', Enumerable.Range(0, 60).Select(i => $"{(char)('a' + (i % 26))}{(char)('a' + (i / 26))}"));
        var whole = s_tokenizer.Encode("good film", context);
        var start = Array.IndexOf(whole.Ids, s_tokenizer.SepId) + 1;
        var tokens = whole.Length - start - 1;

        var windows = Assert.Single(s_tokenizer.EncodeWindows([("good film", context)], maxTokens, overlap));

        var (size, from) = (0, 0);
        foreach (var window in windows)
        {
            var encoding = window.Encoding;
            var question = window.PairStart - 2;
            Assert.Equal(Math.Min(2, (maxTokens - 3) / 2), question);
            size = Math.Max(size, window.PairLength);
            from = window == windows[0] ? 0 : from + size - Math.Min(overlap, size / 2);
            Assert.True(encoding.Length <= maxTokens);
            Assert.Equal(whole.Ids[(start + from)..(start + from + window.PairLength)], encoding.Ids[window.PairStart..(window.PairStart + window.PairLength)]);
            Assert.Equal(whole.Offsets[(start + from)..(start + from + window.PairLength)], encoding.Offsets[window.PairStart..(window.PairStart + window.PairLength)]);
            Assert.Equal((s_tokenizer.ClsId, s_tokenizer.SepId, s_tokenizer.SepId), (encoding.Ids[0], encoding.Ids[window.PairStart - 1], encoding.Ids[^1]));
            Assert.Equal(window.PairLength, window.PairOffsets.Count(o => o is not null));
            Assert.All(encoding.TypeIds.Take(window.PairStart), t => Assert.Equal(0, t));
            Assert.Equal(encoding.Length, encoding.TypeIds.Length);
        }

        Assert.Equal(tokens, from + windows[^1].PairLength);
        Assert.All(windows.Take(windows.Count - 1), w => Assert.Equal(size, w.PairLength));
    }

    [Fact]
    public void One_window_is_the_plain_encoding()
    {
        var window = Assert.Single(Assert.Single(s_tokenizer.EncodeWindows([("good film", "bad film .")], 24, 8)));
        var plain = s_tokenizer.Encode("good film", "bad film .");

        Assert.Equal(plain.Ids, window.Encoding.Ids);
        Assert.Equal(plain.TypeIds, window.Encoding.TypeIds);
        Assert.Equal(plain.Offsets, window.Encoding.Offsets);
        Assert.Equal(plain.SpecialTokensMask, window.Encoding.SpecialTokensMask);
        Assert.Equal([null, null, null, null, (0, 3), (4, 8), (9, 10), null], window.PairOffsets);
    }

    [Fact]
    public void An_empty_context_is_one_window_and_too_little_room_is_an_error()
    {
        Assert.Equal(0, Assert.Single(Assert.Single(s_tokenizer.EncodeWindows([("good", "")], 24, 8))).PairLength);
        Assert.Contains("leaves no room", Assert.Throws<GraftException>(() => s_tokenizer.EncodeWindows([("good", "bad")], 4, 0)).Message);
    }

    [Fact]
    public void Targets_are_the_tokens_of_the_answer_in_every_window_that_holds_it_and_the_first_token_in_others()
    {
        // Words of two letters are two tokens each: 40 tokens in windows of 12 (15 without the question and three special tokens), 6 of them shared.
        var words = Enumerable.Range(0, 20).Select(i => $"{(char)('a' + i)}x").ToArray();
        var context = string.Join(' ', words);
        var answer = new AnswerSpan("fx gx", context.IndexOf("fx gx", StringComparison.Ordinal));
        Example[] questions = [new("  good", context) { Answers = [answer] }, new("good", context)];

        var rows = SpanRows.Create(questions, s_tokenizer, 16, 6);

        var held = 0;
        for (var w = 0; w < rows.Windows.Count; w++)
        {
            var (question, window) = rows.Windows[w];
            var (start, end) = rows.Target(w);
            var offsets = window.PairOffsets;
            var holds = question == 0 && offsets[window.PairStart]!.Value.Start <= answer.Start && offsets[window.PairStart + window.PairLength - 1]!.Value.End >= answer.End;
            Assert.Equal(holds ? (answer.Start, answer.End) : (0, 0), holds ? (offsets[start]!.Value.Start, offsets[end]!.Value.End) : (start, end));
            held += holds ? 1 : 0;
        }

        Assert.True(held > 0 && held < rows.Windows.Count / 2);
        Assert.Equal(2, rows.Windows.Select(w => w.Question).Distinct().Count());
    }

    // run_qa.py logs these numbers for the development set with bert-base-uncased, whose vocabulary minilm has, and with roberta-base.
    [Theory]
    [InlineData("minilm", 10784)]
    [InlineData("roberta", 10790)]
    public void The_windows_of_squad_are_as_many_as_the_reference_has(string tokenizer, int windows)
    {
        var questions = new TaskCatalog([SharedData.Labelled]).Load("squad").Dev;

        var rows = SpanRows.Create(questions, TestTokenizers.Load(tokenizer), SpanRows.UsualTokens, SpanRows.UsualOverlap);

        Assert.Equal((10570, windows), (rows.Questions.Count, rows.Windows.Count));

        // What a window holds of an answer is the answer: the tokens' places come back to its own, but for blanks and letters of a token that it ends within.
        for (var w = 0; w < rows.Windows.Count; w++)
        {
            var (start, end) = rows.Target(w);
            if (end > 0)
            {
                var (question, window) = rows.Windows[w];
                var answer = rows.Questions[question].Answers[0];
                Assert.True(window.PairOffsets[start]!.Value.Start <= answer.Start && window.PairOffsets[end]!.Value.End >= answer.End);
                Assert.True(window.PairOffsets[end]!.Value.End - window.PairOffsets[start]!.Value.Start - answer.Text.Length < 30);
            }
        }

        Assert.Equal(questions.Count, Enumerable.Range(0, rows.Windows.Count).Where(w => rows.Target(w).End > 0).Select(w => rows.Windows[w].Question).Distinct().Count());
    }

    [Fact]
    public void An_answer_within_a_word_is_the_tokens_that_hold_it()
    {
        var rows = SpanRows.Create([new("good", "bad film abc.") { Answers = [new AnswerSpan("lm a", 6)] }], s_tokenizer, 24, 8);

        var (start, end) = rows.Target(0);

        var offsets = rows.Windows[0].Window.PairOffsets;
        Assert.Equal(((4, 8), (9, 10)), (offsets[start]!.Value, offsets[end]!.Value));
    }

    [Fact]
    public void An_accent_that_the_tokenizer_drops_belongs_to_the_answer()
    {
        const string Context = "bad cafe\u0301 film";
        var rows = SpanRows.Create([new("good", Context) { Answers = [new AnswerSpan("cafe\u0301", 4)] }], s_tokenizer, 24, 8);

        var (start, end) = rows.Target(0);

        var window = rows.Windows[0].Window;
        float[] Only(int token) => [.. Enumerable.Range(0, window.PairOffsets.Count).Select(i => i == token ? 1f : 0)];
        Assert.True(start > 0 && start <= end);
        Assert.Equal("cafe\u0301", SpanSearch.Find(Context, [new WindowScores(window.PairOffsets, Only(start), Only(end))], new SpanSearchSettings()).Text);
        Assert.Equal((8, 9, 9), (AnswerSpan.BehindMarks("bad cafe f", 8), AnswerSpan.BehindMarks(Context, 8), AnswerSpan.BehindMarks(Context, 9)));
    }

    [Fact]
    public void An_answer_of_one_character_in_tokens_of_its_bytes_does_not_end_before_it_starts()
    {
        const string Context = "a \U0001F99C b";
        var rows = SpanRows.Create([new("good", Context) { Answers = [new AnswerSpan("\U0001F99C", 2)] }], TestTokenizers.Load("roberta"), 24, 8);

        var (start, end) = rows.Target(0);

        Assert.True(start > 0 && start <= end);
        Assert.Equal((2, 4), rows.Windows[0].Window.PairOffsets[start]!.Value);
    }

    [Fact]
    public void Batches_of_long_windows_have_fewer_of_them()
    {
        int[] lengths = [400, 10, 20, 400, 10, 300, 400];

        var batches = BatchSampler.Sorted(lengths, 3, mostCells: 2 * 400 * 400).ToList();

        Assert.Equal([[1, 4, 2], [5, 0], [3, 6]], batches);
        Assert.Equal([[1, 4, 2], [5, 0, 3], [6]], BatchSampler.Sorted(lengths, 3));
        Assert.Equal([[0], [3], [6]], BatchSampler.Sorted(lengths, 3, mostCells: 1).Where(b => lengths[b[0]] == 400));
    }

    [Fact]
    public void Batches_are_of_windows_and_bear_the_places_as_targets()
    {
        using var scope = new TensorScope();
        var context = string.Join(' ', Enumerable.Repeat("film", 40));
        Example[] questions = [new("good", "bad film") { Answers = [new AnswerSpan("film", 4)] }, new("good", context)];

        var rows = TokenizedRows.Create(TinyModels.Task(TaskKind.Span), questions, s_tokenizer, 16, overlap: 4);

        Assert.True(rows.Count > 3);
        Assert.Equal(rows.Count, rows.Lengths.Count);
        Assert.Same(questions[0], rows.Examples[0]);
        Assert.All(rows.Examples.Skip(1), e => Assert.Same(questions[1], e));
        Assert.Equal([4L, 4L, 0, 0], rows.Targets([0, 1], Device.Cpu).ToArray<long>());
        Assert.Equal(16, rows.Batch([0, 1], Device.Cpu).InputIds.Size(1));
    }
}
