using System.Text;
using System.Text.Json.Nodes;
using Graft.Tasks;
using Graft.Tasks.Spans;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Tasks.Spans;

public sealed class SquadReaderTests
{
    private const string Small = """
        {"version": "v2.0", "data": [
          {"title": "T", "paragraphs": [
            {"qas": [
              {"id": "q1", "question": " Who?", "answers": [{"text": "Ada", "answer_start": 3}, {"text": "Ada L", "answer_start": 3}], "is_impossible": false},
              {"id": "q2", "question": "Why?", "answers": [], "is_impossible": true, "plausible_answers": [{"text": "x", "answer_start": 900}]}],
             "context": "By Ada L."}]},
          {"title": "U", "paragraphs": [
            {"context": "𝒳 is Ada.", "qas": [{"id": 7, "question": "Who?", "answers": [{"answer_start": 5, "text": "Ada"}]}]}]}]}
        """;

    private const string Lines = """
        {"id": "h", "question": "Who?", "context": "𝒳 is Ada.", "answers": {"text": ["Ada"], "answer_start": [5]}}
        {"id": "i", "question": "Who?", "context": "Nobody.", "answers": {"text": [], "answer_start": []}}
        {"id": "k", "question": "Whose?", "context": "By Ada L.", "answers": [{"text": "Ada L", "answer_start": 3}, {"text": "Ada", "answer_start": 3}]}
        """;

    [Fact]
    public void Every_question_is_a_row_with_its_context_and_answers_where_they_stand()
    {
        var rows = Read(Small);

        Assert.Equal(["q1", "q2", "7"], rows.Select(r => r.Text(Column.Named("id"))));
        Assert.Equal([" Who?", "Why?", "Who?"], rows.Select(r => r.Text(Column.Named("question"))));
        Assert.Equal([new AnswerSpan("Ada", 3), new AnswerSpan("Ada L", 3)], Answers(rows[0]));
        Assert.Empty(Answers(rows[1]));

        // Files count code points, strings UTF-16 units.
        Assert.Equal(new AnswerSpan("Ada", 6), Assert.Single(Answers(rows[2])));
        Assert.Equal("𝒳 is Ada."[6..9], Assert.Single(Answers(rows[2])).Text);
        Assert.Equal(5, AnswerSpan.CodePointsBefore("𝒳 is Ada.", 6));
        Assert.Equal([3, 3, 8], rows.Select(r => r.Line));
    }

    [Theory]
    [InlineData("\"answer_start\": 5", "\"answer_start\": 4", "line 8: data[1].paragraphs[0].qas[0].answers[0] begins at character 4, where the context has ' Ada.' and not 'Ada'")]
    [InlineData("\"answer_start\": 5", "\"answer_start\": 50", "where the context has nothing more")]
    [InlineData("\"answer_start\": 5", "\"answer_start\": \"5\"", "has an 'answer_start' that is the string \"5\"")]
    [InlineData("\"answer_start\": 5, ", "", "has no 'answer_start'")]
    [InlineData("\"text\": \"Ada\"}]}]}]}", "\"text\": \"\"}]}]}]}", "expected a piece of the context")]
    [InlineData("\"is_impossible\": false", "\"is_impossible\": true", "data[0].paragraphs[0].qas[0] is called impossible and has answers")]
    [InlineData("\"paragraphs\"", "\"paragraph\"", "line 2: data[0] has no 'paragraphs'")]
    [InlineData("\"qas\"", "\"questions\"", "line 3: data[0].paragraphs[0] has no list 'qas'")]
    [InlineData("\"context\": \"By", "\"contexts\": \"By", "data[0].paragraphs[0] has no text 'context'")]
    [InlineData("\"data\"", "\"rows\"", "the document has no 'data'")]
    [InlineData("\"question\": \"Why?\"", "\"question\": 3", "data[0].paragraphs[0].qas[1] has no text 'question'")]
    [InlineData("\"id\": 7", "\"id\": []", "data[1].paragraphs[0].qas[0].id is a list")]
    [InlineData("\"id\": 7, ", "\"id\": 7, \"id\": 8, ", "data[1].paragraphs[0] is no JSON object as it should be")]
    [InlineData("\"version\": \"v2.0\"", "\"data\": []", "the document has 'data' twice")]
    [InlineData("\"Why?\"", "\"\\uD800\"", "half of a surrogate pair")]
    [InlineData("]}]}]}]}", "]}]}]}] ", "not valid JSON")]
    public void What_is_wrong_is_named_with_its_place(string from, string to, string expected)
    {
        var damaged = Replaced(Small, from, to);

        var fault = Assert.Throws<GraftException>(() => Read(damaged));

        Assert.StartsWith("squad.json", fault.Message);
        Assert.Contains(expected, fault.Message);
    }

    [Fact]
    public void A_column_that_a_question_has_not_is_named() =>
        Assert.Contains("name text 'question'", Assert.Throws<GraftException>(() => Read(Small)[0].Text(Column.Named("text"))).Message);

    [Theory]
    [InlineData(RowLayout.Squad)]
    [InlineData(RowLayout.Jsonl)]
    public void Ten_thousand_damaged_files_are_refused_with_their_name_or_read_without_losing_a_question(RowLayout layout)
    {
        var random = new Random(11);
        var whole = Encoding.UTF8.GetBytes(layout == RowLayout.Squad ? Small : Lines);
        var (refused, read) = (0, 0);
        for (var i = 0; i < 10_000; i++)
        {
            var bytes = Damaged(whole, random);
            try
            {
                var rows = RowReader.Read(new MemoryStream(bytes), "squad.json", RowFormat.Of(layout)).ToList();
                foreach (var row in rows)
                {
                    Assert.DoesNotContain(Answers(row), a => a.Text != row.Text(Column.Named("context"))[a.Start..a.End]);
                }

                Assert.Equal(layout == RowLayout.Squad ? Questions(bytes) : Encoding.UTF8.GetString(bytes).Split('\n').Count(l => !string.IsNullOrWhiteSpace(l)), rows.Count);
                read++;
            }
            catch (GraftException fault)
            {
                Assert.StartsWith("squad.json", fault.Message);
                Assert.True(fault.Message.Length < 700, fault.Message);
                refused++;
            }
        }

        Assert.True(refused > 3000 && read > 100, $"{refused} refused and {read} read");
    }

    [Fact]
    public void A_task_file_says_no_more_than_the_files()
    {
        using var folder = new TestFolder();
        folder.Write("train.json", Small);
        folder.Write("dev.jsonl", """
            {"id": "h", "question": "Who?", "context": "𝒳 is Ada.", "answers": {"text": ["Ada"], "answer_start": [5]}}
            {"id": "i", "question": "Who?", "context": "Nobody.", "answers": {"text": [], "answer_start": []}}
            """);

        var data = TaskFile.Load(folder.Write("qa.task.json", """
            {"name": "qa", "kind": "span", "text": "question", "textPair": "context", "label": "answers", "files": {"train": "train.json", "dev": "dev.jsonl"}}
            """));

        Assert.Equal((TaskKind.Span, true, 2, 0), (data.Task.Kind, data.Task.IsPair, data.Task.Outputs, data.Task.Labels.Count));
        Assert.Equal(["token_f1", "exact_match"], data.Task.MetricNames);
        Assert.Equal(("q1", " Who?", "By Ada L.", 2), (data.Train[0].Id, data.Train[0].Text, data.Train[0].Pair, data.Train[0].Answers.Count));
        Assert.Equal(("h", 6), (data.Dev[0].Id, Assert.Single(data.Dev[0].Answers).Start));
        Assert.Empty(data.Dev[1].Answers);
    }

    [Fact]
    public void A_dev_split_is_cut_by_whole_contexts()
    {
        using var folder = new TestFolder();
        var paragraphs = Enumerable.Range(0, 12).Select(p => (JsonNode)new JsonObject
        {
            ["context"] = $"context {p}",
            ["qas"] = new JsonArray([.. Enumerable.Range(0, 5).Select(q => (JsonNode)new JsonObject
            {
                ["id"] = $"{p}-{q}", ["question"] = "which", ["answers"] = new JsonArray(new JsonObject { ["text"] = $"{p}", ["answer_start"] = 8 }),
            })]),
        });
        folder.Write("train.json", new JsonObject { ["data"] = new JsonArray(new JsonObject { ["paragraphs"] = new JsonArray([.. paragraphs]) }) }.ToJsonString());

        var data = TaskFile.Load(folder.Write("qa.task.json", """{"name": "qa", "kind": "span", "files": {"train": "train.json"}}"""), 3);

        Assert.Equal((50, 10), (data.Train.Count, data.Dev.Count));
        Assert.Empty(data.Train.Select(r => r.Pair).Intersect(data.Dev.Select(r => r.Pair)));
    }

    [Theory]
    [InlineData("""{"name": "qa", "kind": "span", "labels": ["a", "b"], "files": {"train": "train.json"}}""", "'labels' is given for a task of spans")]
    [InlineData("""{"name": "qa", "kind": "span", "text": "q", "label": "a", "files": {"train": "train.jsonl"}}""", "'textPair' is missing")]
    [InlineData("""{"name": "qa", "kind": "span", "text": "q", "textPair": "c", "label": "a", "files": {"train": "train.tsv"}}""", "train.tsv is read as tsv")]
    [InlineData("""{"name": "qa", "kind": "span", "metrics": ["accuracy"], "files": {"train": "train.json"}}""", "not defined for a span task")]
    [InlineData("""{"name": "qa", "kind": "span", "textToText": {"targets": ["a"]}, "files": {"train": "train.json"}}""", "whose targets are its answers")]
    public void Task_files_that_cannot_be_are_refused(string task, string expected)
    {
        using var folder = new TestFolder();

        Assert.Contains(expected, Assert.Throws<GraftException>(() => TaskFile.Describe(folder.Write("qa.task.json", task))).Message);
    }

    [Fact]
    public void The_built_in_task_leaves_out_training_questions_that_dev_has_and_says_so()
    {
        var data = new TaskCatalog([SharedData.Labelled]).Load("SQuAD");

        Assert.Equal((4639 - 700, 10570, TaskKind.Span), (data.Train.Count, data.Dev.Count, data.Task.Kind));
        Assert.Contains(data.Notes, n => n.StartsWith("700 training questions are left out", StringComparison.Ordinal));
        Assert.Contains(data.Notes, n => n.StartsWith("train has 4,639 rows, and 87,599 are published", StringComparison.Ordinal));
        Assert.Empty(data.Train.Select(r => r.Pair).Intersect(data.Dev.Select(r => r.Pair)));
    }

    [Theory]
    [InlineData("squad", "squad/train-v1.1.json", "squad/dev-v1.1.json")]
    [InlineData("squad2", "squad/train-v2.0.json", "squad/dev-v2.0.json")]
    [InlineData("squad2", "SQuAD2.0/train-v2.0.json", "SQuAD2.0/dev-v2.0.json")]
    [InlineData("squad", "squad/train.jsonl", "squad/validation.jsonl")]
    public void Official_files_and_those_of_the_hub_are_found_by_name(string task, string train, string dev)
    {
        using var folder = new TestFolder();
        var row = """{"id": "h", "question": "Who?", "context": "By Ada L.", "answers": {"text": ["Ada"], "answer_start": [3]}}""";
        folder.Write(train, train.EndsWith('l') ? row : Small);
        folder.Write(dev, dev.EndsWith('l') ? row.Replace("Who", "Which") : Small.Replace("Who?", "Which?").Replace("Why?", "When?"));

        var data = new TaskCatalog([folder.Path]).Load(task);

        Assert.Equal((task, train.EndsWith('l') ? 1 : 3), (data.Task.Name, data.Train.Count));
        Assert.Equal(data.Train.Count, data.Dev.Count);
    }

    [Fact]
    public void A_task_whose_training_questions_are_all_judged_on_is_refused()
    {
        using var folder = new TestFolder();
        folder.Write("rows.json", Small);

        var fault = Assert.Throws<GraftException>(() => TaskFile.Load(folder.Write("qa.task.json", """{"name": "qa", "kind": "span", "files": {"train": "rows.json", "dev": "rows.json"}}""")));

        Assert.Contains("every training question is in dev or test too", fault.Message);
    }

    [Fact]
    public void The_page_s_task_files_are_valid()
    {
        var blocks = File.ReadAllText(SharedData.Repository("docs/question-answering.md")).Split("```json")[1..].Select(b => b.Split("```")[0]).ToList();

        Assert.Equal(2, blocks.Count);
        Assert.All(blocks, b => Assert.Equal(TaskKind.Span, TaskFile.Describe(StrictJson.Parse(b, "docs/question-answering.md"), "docs/question-answering.md").Kind));
    }

    [Fact]
    public void Official_files_are_read_whole()
    {
        var folder = Path.Combine(SharedData.Labelled, "squad");

        var (train, first, second) = (Rows("train-v1.1-subset.json"), Rows("dev-v1.1-part1.json"), Rows("dev-v1.1-part2.json"));

        Assert.Equal((4639, 10570), (train.Count, first.Count + second.Count));
        Assert.Equal(3939, train.Count(r => Answers(r).Count == 1));
        Assert.All(train.Concat(first).Concat(second), r => Assert.NotEmpty(Answers(r)));

        List<Row> Rows(string name) => [.. RowReader.Read(Path.Combine(folder, name), RowFormat.Of(RowLayout.Squad))];
    }

    private static string Replaced(string text, string from, string to)
    {
        // The last place, so that a row in the middle of the document is met.
        var at = text.LastIndexOf(from, StringComparison.Ordinal);
        at = from is "\"paragraphs\"" or "\"qas\"" or "\"is_impossible\": false" ? text.IndexOf(from, StringComparison.Ordinal) : at;
        return text[..at] + to + text[(at + from.Length)..];
    }

    private static byte[] Damaged(byte[] whole, Random random)
    {
        List<byte> bytes = [.. whole];
        for (var change = random.Next(1, 4); change > 0 && bytes.Count > 1; change--)
        {
            var (at, count) = (random.Next(bytes.Count), random.Next(1, 30));
            switch (random.Next(5))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes.RemoveRange(at, Math.Min(count, bytes.Count - at));
                    break;
                case 2:
                    bytes.InsertRange(at, bytes.GetRange(Math.Max(0, at - count), Math.Min(count, at)));
                    break;
                case 3:
                    bytes[at] = (byte)"{}[]\",:0123456789 \n\\"[random.Next(20)];
                    break;
                default:
                    bytes.RemoveRange(Math.Max(1, at), bytes.Count - Math.Max(1, at));
                    break;
            }
        }

        return [.. bytes];
    }

    // The questions as a plain parser counts them in a document that was accepted.
    private static int Questions(byte[] bytes) => bytes.All(b => b is (byte)' ' or (byte)'\n') ? 0 : JsonNode.Parse(bytes) is JsonObject document
        ? document["data"]!.AsArray().Sum(a => a!["paragraphs"]!.AsArray().Sum(p => p!["qas"]!.AsArray().Count))
        : 0;

    private static IReadOnlyList<AnswerSpan> Answers(Row row) => row.Answers(Column.Named("answers"), row.Text(Column.Named("context")));

    private static List<Row> Read(string json) =>
        [.. RowReader.Read(new MemoryStream(Encoding.UTF8.GetBytes(json)), "squad.json", RowFormat.Of(RowLayout.Squad))];
}
