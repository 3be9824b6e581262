using Graft.Tasks;
using Graft.Tasks.TextToText;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Tasks.TextToText;

public sealed class TextFormatTests
{
    // One row per task of section 2 of pha.md, its words as the authors' data/tasks.py joins them.
    [Theory]
    [InlineData("cola", "cola sentence: A")]
    [InlineData("sst-2", "sst2 sentence: A")]
    [InlineData("mrpc", "mrpc sentence1: A sentence2: B")]
    [InlineData("sts-b", "stsb sentence1: A sentence2: B")]
    [InlineData("qqp", "qqp question1: A question2: B")]
    [InlineData("mnli", "mnli premise: A hypothesis: B")]
    [InlineData("mnli-mm", "mnli premise: A hypothesis: B")]
    [InlineData("qnli", "qnli question: A sentence: B")]
    [InlineData("rte", "rte sentence1: A sentence2: B")]
    [InlineData("wnli", "wnli sentence1: A sentence2: B")]
    [InlineData("superglue-boolq", "superglue-boolq question: A passage: B")]
    [InlineData("boolq", "superglue-boolq question: A passage: B")]
    [InlineData("superglue-cb", "superglue-cb premise: A hypothesis: B")]
    [InlineData("superglue-rte", "superglue-rte premise: A hypothesis: B")]
    [InlineData("superglue-wsc.fixed", "superglue-wsc.fixed text: A")]
    [InlineData("scitail", "scitail sentence1: A sentence2: B")]
    [InlineData("paws", "paws sentence1: A sentence2: B")]
    [InlineData("imdb", "imdb A")]
    [InlineData("yelp_polarity", "yelp_polarity sentence: A")]
    [InlineData("trec", "trec sentence: A")]
    [InlineData("snli", "snli premise: A hypothesis: B")]
    [InlineData("anli", "anli premise: A hypothesis: B")]
    public void Sources_of_known_tasks_are_the_published_ones(string task, string expected)
    {
        var pair = expected.EndsWith(" B", StringComparison.Ordinal);
        var kind = task == "sts-b" ? TaskKind.Regression : TaskKind.Classification;

        var format = TextFormat.Of(Task(task, kind, ["0", "1"], pair));

        Assert.Equal(expected, pair ? format.Source("A", "B") : format.Source("A"));
    }

    [Theory]
    [InlineData("squad", "question: A context: B")]
    [InlineData("SQuAD-v2.0", "question: A context: B")]
    [InlineData("own", "own question: A context: B")]
    public void Questions_are_written_as_t5_knows_them_and_their_answers_as_they_are(string task, string expected)
    {
        var format = TextFormat.Of(Task(task, TaskKind.Span, [], pair: true) with { Text = new TextNames(Columns: ["question", "context"]) });

        Assert.Equal((expected, TextReading.Answer), (format.Source("A", "B"), format.Reading));
        Assert.Equal("Ada L", format.Target(new Example("A", "B") { Answers = [new("Ada L", 0), new("Ada", 0)] }));
        Assert.Equal("unanswerable", format.Target(new Example("A", "B")));
        Assert.Empty(format.Read("anything"));
        Assert.Equal(("Ada", ""), (TextFormat.AnswerIn(" Ada "), TextFormat.AnswerIn("unanswerable")));
    }

    [Fact]
    public void Templates_of_three_texts_are_published_too_and_a_row_of_two_texts_of_these_names_has_the_usual_names()
    {
        Assert.Equal("superglue-wic sentence1: A sentence2: B word: C", Source("superglue-wic"));
        Assert.Equal("superglue-multirc question: A answer: B paragraph: C", Source("superglue-multirc"));
        Assert.Equal("wic sentence1: A sentence2: B", TextFormat.Of(Task("wic", TaskKind.Classification, ["0", "1"], pair: true)).Source("A", "B"));

        static string Source(string name)
        {
            var template = TextTemplate.Find(name)!;
            return new TextFormat(template.Prefix, template.Fields, ["0", "1"], template.Reading).Source("A", "B", "C");
        }
    }

    [Theory]
    [InlineData("rte", "entailment,not_entailment", "0,1")]
    [InlineData("rte", "not_entailment,entailment", "1,0")]
    [InlineData("cb", "contradiction,entailment,neutral", "1,0,2")]
    [InlineData("scitail", "neutral,entailment", "1,0")]
    [InlineData("mnli", "entailment,neutral,contradiction", "0,1,2")]
    [InlineData("boolq", "false,true", "0,1")]
    [InlineData("rte", "yes,no", "0,1")]
    [InlineData("letters", "b,a,c", "0,1,2")]
    public void Targets_are_the_published_numbers_of_the_labels(string task, string labels, string expected)
    {
        var names = labels.Split(',');
        var format = TextFormat.Of(Task(task, TaskKind.Classification, names, pair: task != "letters"));

        Assert.Equal(expected.Split(','), Enumerable.Range(0, names.Length).Select(l => format.Target(new Example("x") { Label = l })));
    }

    // np.round(np.float64(np.float32(x)), 1), written by Python.
    [Theory]
    [InlineData(3.4, "3.4")]
    [InlineData(5, "5.0")]
    [InlineData(0, "0.0")]
    [InlineData(3.75, "3.8")]
    [InlineData(0.25, "0.2")]
    [InlineData(4.25, "4.2")]
    [InlineData(3.65, "3.7")]
    [InlineData(2.917, "2.9")]
    [InlineData(-1.06, "-1.1")]
    public void Scores_are_rounded_as_the_authors_do(double score, string expected) =>
        Assert.Equal(expected, TextFormat.Of(Task("sts-b", TaskKind.Regression, [], pair: true)).Target(new Example("x", "y") { Score = score }));

    [Theory]
    [InlineData(" 1 ", 1)]
    [InlineData("0", 0)]
    [InlineData("01", -1)]
    [InlineData("2", -1)]
    [InlineData("", -1)]
    [InlineData("1 1", -1)]
    public void A_text_is_read_as_the_label_that_it_is(string text, int expected) => Assert.Equal(expected, Label("rte", text));

    [Theory]
    [InlineData("01", 1)]
    [InlineData(" +1", 1)]
    [InlineData("1.0", -1)]
    [InlineData("7", -1)]
    [InlineData("one", -1)]
    public void A_text_is_read_as_a_whole_number_where_the_authors_do(string text, int expected) => Assert.Equal(expected, Label("mrpc", text));

    [Theory]
    [InlineData(" 3.4", 3.4f)]
    [InlineData("-1", -1f)]
    [InlineData("1e1", 10f)]
    [InlineData("3,4", float.NaN)]
    [InlineData("nan", float.NaN)]
    [InlineData("inf", float.NaN)]
    [InlineData("", float.NaN)]
    public void A_text_is_read_as_a_number(string text, float expected) =>
        Assert.Equal([expected], TextFormat.Of(Task("sts-b", TaskKind.Regression, [], pair: true)).Read(text));

    [Fact]
    public void Sets_of_labels_are_lists_with_commas()
    {
        var format = TextFormat.Of(Task("tags", TaskKind.Multilabel, ["x", "y", "z"], pair: false));

        Assert.Equal("0, 2", format.Target(new Example("t") { Labels = [0, 2] }));
        Assert.Equal("none", format.Target(new Example("t")));
        Assert.Equal([1, 0, 1], format.Read("0, 2"));
        Assert.Equal([0, 0, 1], format.Read("2,9"));
        Assert.Equal([0, 0, 0], format.Read("none"));
    }

    [Fact]
    public void What_a_task_file_says_comes_before_the_template_and_columns_name_the_texts_of_other_tasks()
    {
        using var folder = new TestKit.TestFolder();
        folder.Write("train.tsv", "title\tbody\tlabel\na\tb\tyes\nc\td\tno\n");
        const string Rest = """ "kind": "classification", "text": "title", "textPair": "body", "label": "label", "labels": ["no", "yes"], "files": { "train": "train.tsv", "dev": "train.tsv" } """;

        var plain = TextFormat.Of(TaskFile.Load(folder.Write("a.task.json", $$"""{ "name": "post", {{Rest}} }""")).Task);
        var said = TextFormat.Of(TaskFile.Load(folder.Write(
            "b.task.json", $$"""{ "name": "rte", "textToText": { "prefix": "judge", "fields": ["", "text"], "targets": ["bad", "good"] }, {{Rest}} }""")).Task);

        Assert.Equal("post title: A body: B", plain.Source("A", "B"));
        Assert.Equal("judge A text: B", said.Source("A", "B"));
        Assert.Equal("good", said.Target(new Example("x") { Label = 1 }));
        Assert.Equal([0, 1], said.Read(" good"));
    }

    [Theory]
    [InlineData("""{ "fields": ["a"] }""", "each text")]
    [InlineData("""{ "targets": ["a", "a"] }""", "2 different")]
    [InlineData("""{ "targets": ["a", " b"] }""", "blanks")]
    [InlineData("""{ "decimals": 9 }""", "0 to 6")]
    [InlineData("""{ "field": ["a"] }""", "fields")]
    public void Faults_of_a_task_file_are_told(string names, string expected)
    {
        using var folder = new TestKit.TestFolder();
        var path = folder.Write("c.task.json", $$"""
            { "name": "c", "kind": "classification", "text": "a", "textPair": "b", "label": "l", "labels": ["x", "y"], "files": { "train": "t.tsv" }, "textToText": {{names}} }
            """);

        Assert.Contains(expected, Assert.Throws<GraftException>(() => TaskFile.Describe(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_page_shows_the_table_of_templates()
    {
        var page = File.ReadAllText(TestKit.SharedData.Repository("docs/text-to-text.md"));

        Assert.All(TextTemplate.All, t =>
        {
            var aliases = t.Aliases.Count == 0 ? "" : $" (and {Code(t.Aliases)})";
            var fields = t.Fields is [""] ? "the text alone" : Code(t.Fields);
            var labels = t.Labels.Count == 0 ? "" : $" {string.Join(", ", t.Labels)}";
            var reading = t.Reading == TextReading.Whole ? "whole number" : t.Reading.ToString().ToLowerInvariant();
            var name = t.Prefix.Length > 0 ? $"`{t.Prefix}`{aliases}" : $"{Code(t.Aliases.Take(1))} (and {Code(t.Aliases.Skip(1))}), without a prefix";
            Assert.Contains($"| {name} | {fields} |{labels} | {reading} |", page, StringComparison.Ordinal);
        });

        static string Code(IEnumerable<string> words) => string.Join(", ", words.Select(w => $"`{w}`"));
    }

    private static int Label(string task, string text)
    {
        var read = TextFormat.Of(Task(task, TaskKind.Classification, ["x", "y"], pair: true)).Read(text);
        return float.IsNaN(read[0]) ? -1 : Array.IndexOf(read, 1f);
    }

    private static TaskDefinition Task(string name, TaskKind kind, IReadOnlyList<string> labels, bool pair) =>
        new(name, kind, labels, [.. Metrics.Defaults(kind)], pair);
}
