using System.Text;
using Graft.Tasks;
using Xunit;

namespace Graft.Tests.Tasks;

public sealed class RowLayoutTests
{
    [Fact]
    public void Lines_are_texts_and_a_whole_file_is_one()
    {
        Assert.Equal(["one two ", "three"], Texts(RowLayout.Lines, "one two \n\n  \nthree"));
        Assert.Equal(["one\n\ntwo\n"], Texts(RowLayout.Whole, "one\n\ntwo\n"));
        Assert.Empty(Texts(RowLayout.Whole, " \n"));
    }

    [Fact]
    public void Latin_1_is_read_where_the_format_says_so()
    {
        using var files = new TaskFolder();
        files.With("a.txt", Encoding.Latin1.GetBytes("Qu\u00E9 es\n"));

        var rows = RowReader.Read(files["a.txt"], RowFormat.Of(RowLayout.Lines) with { Latin1 = true });

        Assert.Equal("Qu\u00E9 es", rows.Single().Text(Column.Named("text")));
    }

    [Fact]
    public void Trec_has_two_labels_before_its_text()
    {
        var row = Rows(RowLayout.Trec, "DESC:manner How did serfdom develop ?\n").Single();

        Assert.Equal(["DESC", "DESC:manner", "How did serfdom develop ?"], Values(row, "label", "fine", "text"));
    }

    [Fact]
    public void Sentences_of_an_abstract_have_its_id()
    {
        var rows = Rows(RowLayout.Rct, "###12\nMETHODS\tWe did .\nRESULTS\tIt was\tso .\n\n###13\nMETHODS\tNo .\n");

        Assert.Equal([["12", "METHODS", "We did ."], ["12", "RESULTS", "It was\tso ."], ["13", "METHODS", "No ."]], rows.ConvertAll(r => Values(r, "id", "label", "text")));
        Assert.Equal([2, 3, 6], rows.ConvertAll(r => r.Line));
    }

    [Fact]
    public void Sentences_of_conll_are_tokens_tags_and_the_kinds_of_entities()
    {
        var rows = Rows(RowLayout.Conll, "-DOCSTART- -X- O O\n\nEU NNP I-NP B-ORG\nrejects VBZ I-VP O\nGerman JJ I-NP B-MISC\n\nPeter\tNNP\tI-NP\tB-PER\nBlackburn NNP I-NP I-PER\n");

        Assert.Equal(
            [["EU rejects German", "B-ORG O B-MISC", "ORG|MISC"], ["Peter Blackburn", "B-PER I-PER", "PER"]],
            rows.ConvertAll(r => Values(r, "text", "tags", "types")));
        Assert.Equal([3, 7], rows.ConvertAll(r => r.Line));
    }

    [Fact]
    public void A_task_over_the_entities_of_sentences_reads_conll()
    {
        using var files = new TaskFolder();
        var rows = string.Concat(Enumerable.Range(0, 4).Select(i => $"w{i} B-ORG\nx O\n\ny B-PER\n\n"));
        var data = files.With("train.conll", rows).Load("""{"name": "names", "kind": "multilabel", "text": "text", "label": "types", "files": {"train": "train.conll"}}""");

        Assert.Equal(["ORG", "PER"], data.Task.Labels);
        Assert.Equal(8, data.Train.Count + data.Dev.Count);
    }

    [Fact]
    public void Elements_below_the_root_are_rows_of_attributes_and_plain_text()
    {
        var rows = Rows(RowLayout.Xml, "<?xml version=\"1.0\"?><articles>\n<article id=\"7\" title=\"a &amp; b\"><p>One</p><p>two\n three</p></article>\n<article id=\"8\" title=\"\"/></articles>");

        Assert.Equal([["7", "a & b", "One two three"], ["8", "", ""]], rows.ConvertAll(r => Values(r, "id", "title", "text")));
        Assert.Equal([2, 4], rows.ConvertAll(r => r.Line));
    }

    [Fact]
    public void Rows_of_a_document_may_be_lists_and_lie_under_a_name()
    {
        var format = RowFormat.Of(RowLayout.Json) with { Member = "train" };
        var rows = Rows(format, "{\"val\": [[\"x\", \"y\"]],\n \"train\": [[\"set a timer\", \"timer\"],\n [\"hi\", \"greeting\"]], \"test\": []}");

        Assert.Equal([("set a timer", "timer", 2), ("hi", "greeting", 3)], rows.ConvertAll(r => (r.Text(Column.At(0)), r.Text(Column.At(-1)), r.Line)));
    }

    [Fact]
    public void The_last_column_is_that_of_each_row()
    {
        var rows = Rows(RowFormat.Of(RowLayout.Tsv) with { Ragged = RaggedRows.Allow }, "a\tb\n1\tx\n2\ty\tz\tlast\n");

        Assert.Equal(["x", "last"], rows.ConvertAll(r => r.Text(Column.At(-1))));
    }

    [Fact]
    public void A_header_is_told_by_its_beginning_where_files_go_about_with_and_without()
    {
        var format = RowFormat.Of(RowLayout.Csv) with { HeaderBegins = "Class" };

        Assert.Equal(["3"], Rows(format, "Class,Title\n3,x\n").ConvertAll(r => r.Text(Column.At(0))));
        Assert.Equal(["3", "4"], Rows(format, "3,x\n4,y\n").ConvertAll(r => r.Text(Column.At(0))));
    }

    [Fact]
    public void A_template_puts_columns_into_a_text()
    {
        var row = Rows(RowLayout.Jsonl, "{\"q\": \"who\", \"a\": \"me\"}").Single();

        Assert.Equal("who {answer}: me!", RowText.Template("{q} {{answer}}: {a}!")!.Of(row));
        Assert.All(["", "plain", "{}", "{a", "a}", "{{a}}"], template => Assert.Null(RowText.Template(template)));
    }

    [Fact]
    public void Copa_has_a_row_for_each_choice()
    {
        var rows = Rows(RowLayout.Copa, "{\"premise\": \"It fell.\", \"choice1\": \"Wind.\", \"choice2\": \"Sun.\", \"question\": \"cause\", \"label\": 1, \"idx\": 3}");

        Assert.Equal(
            [["It fell.", "What was the cause of this?", "Wind.", "false", "1"], ["It fell.", "What was the cause of this?", "Sun.", "true", "1"]],
            rows.ConvertAll(r => Values(r, "premise", "asked", "choice", "label", "group")));
    }

    [Fact]
    public void Multirc_has_a_row_for_each_answer()
    {
        var rows = Rows(RowLayout.Multirc, """
            {"idx": 0, "passage": {"text": "<b>Sent 1: </b>Ann ran.<br>Bob sat.", "questions": [{"question": "Who ran?", "answers": [{"text": "Ann", "label": 1}, {"text": "Bob", "label": 0}]}, {"question": "Who sat?", "answers": [{"text": "Bob", "label": 1}]}]}}
            """);

        Assert.Equal([["Who ran?", "Ann", "1"], ["Who ran?", "Bob", "0"], ["Who sat?", "Bob", "1"]], rows.ConvertAll(r => Values(r, "question", "answer", "label")));
        Assert.All(rows, r => Assert.Equal("Sent 1: Ann ran. Bob sat.", r.Text(Column.Named("paragraph"))));
        Assert.Equal([true, false], [Values(rows[0], "group")[0] == Values(rows[1], "group")[0], Values(rows[1], "group")[0] == Values(rows[2], "group")[0]]);
    }

    [Fact]
    public void Record_has_a_row_for_each_entity_once()
    {
        var rows = Rows(RowLayout.Record, """
            {"passage": {"text": "Ann met Bob.\n@highlight\nAnn ran", "entities": [{"start": 0, "end": 2}, {"start": 8, "end": 10}, {"start": 24, "end": 26}]}, "qas": [{"query": "@placeholder was fast", "answers": [{"start": 0, "end": 2, "text": "Ann"}]}]}
            """);

        Assert.Equal([["Ann was fast", "Ann", "true"], ["Bob was fast", "Bob", "false"]], rows.ConvertAll(r => Values(r, "filled", "entity", "label")));
        Assert.Equal("Ann met Bob. Ann ran", rows[0].Text(Column.Named("passage")));
    }

    [Fact]
    public void Multirc_of_an_object_for_each_answer_is_read_alike()
    {
        var rows = Rows(RowLayout.Multirc, """
            {"paragraph": "<b>Sent 1: </b>Ann ran.<br>Bob sat.", "question": "Who ran?", "answer": "Ann", "label": 1}
            {"paragraph": "<b>Sent 1: </b>Ann ran.<br>Bob sat.", "question": "Who ran?", "answer": "Bob", "label": 0}
            """);

        Assert.Equal([["Sent 1: Ann ran. Bob sat.", "Ann", "1"], ["Sent 1: Ann ran. Bob sat.", "Bob", "0"]], rows.ConvertAll(r => Values(r, "paragraph", "answer", "label")));
        Assert.Equal(Values(rows[0], "group"), Values(rows[1], "group"));
    }

    [Fact]
    public void Record_of_an_object_for_each_query_is_read_alike()
    {
        var rows = Rows(RowLayout.Record, """
            {"passage": "Ann met Bob.\n@highlight\nAnn ran", "query": "@placeholder was fast", "entities": ["Ann", "Bob", "Ann"], "answers": ["ann"], "idx": {"passage": 0, "query": 0}}
            {"passage": "Ann met Bob.", "query": "@placeholder sat", "entities": ["Ann", "Bob"], "answers": ["Bob"], "idx": {"passage": 0, "query": 1}}
            """);

        Assert.Equal([["Ann was fast", "Ann", "true"], ["Bob was fast", "Bob", "false"], ["Ann sat", "Ann", "false"], ["Bob sat", "Bob", "true"]], rows.ConvertAll(r => Values(r, "filled", "entity", "label")));
        Assert.Equal("Ann met Bob. Ann ran", rows[0].Text(Column.Named("passage")));
        Assert.Equal([true, false], [Values(rows[0], "group")[0] == Values(rows[1], "group")[0], Values(rows[1], "group")[0] == Values(rows[2], "group")[0]]);
        using var files = new TaskFolder();
        Assert.Equal(
            "a, line 1: the query has no answer among the 1 entities of its passage; mend the row.",
            files.Sentence(() => Rows(RowLayout.Record, """{"passage": "x", "query": "y", "entities": ["a"], "answers": []}""")));
    }

    [Fact]
    public void Record_counts_code_points_and_compares_answers_as_its_script_does()
    {
        var rows = Rows(RowLayout.Record, """
            {"passage": {"text": "\U0001F600\U0001F600 The Ann met Bob", "entities": [{"start": 3, "end": 9}, {"start": 15, "end": 17}]}, "qas": [{"query": "@placeholder ran", "answers": [{"text": "ann"}]}]}
            """.Replace("\\U0001F600", "\U0001F600", StringComparison.Ordinal));

        Assert.Equal([["The Ann", "true"], ["Bob", "false"]], rows.ConvertAll(r => Values(r, "entity", "label")));
    }

    [Theory]
    [InlineData("""{"text": "Mark told Pete lies, and he knew.", "target": {"span1_text": "Mark", "span1_index": 0, "span2_text": "he", "span2_index": 5}, "label": true}""", "* Mark * told Pete lies, and # he # knew.")]
    [InlineData("""{"text": "So he said: the boy left.", "span1_text": "The boy", "span1_index": 3, "span2_text": "he", "span2_index": 1, "label": 0}""", "So # he # said: * the boy * left.")]
    public void Wsc_marks_noun_and_pronoun(string json, string marked) => Assert.Equal([marked], Texts(RowLayout.Wsc, json));

    [Theory]
    [InlineData(RowLayout.Trec, "DESC:a ok\nno label here\n", "a, line 2: the line does not begin with 'LABEL:fine ' and a text, as TREC's questions do; mend the line.")]
    [InlineData(RowLayout.Rct, "METHODS\tx\n", "a, line 1: a sentence outside an abstract, expected a line '###id' before it; mend the file.")]
    [InlineData(RowLayout.Rct, "###1\nMETHODS x\n", "a, line 2: no label, tab and sentence; mend the line.")]
    [InlineData(RowLayout.Rct, "###1\n\n###2\nA\tb\n", "a, line 1: an abstract without sentences; mend the file.")]
    [InlineData(RowLayout.Conll, "a B\nb\n", "a, line 2: 1 columns, expected 2 as in the first line of a token; mend the line.")]
    [InlineData(RowLayout.Conll, "a\n", "a, line 1: one column, expected a token and its tag; mend the line.")]
    [InlineData(RowLayout.Xml, "<a>\n<b>\n</a>", "a, line 3: not well-formed XML (the 'b' start tag on line 2 position 2 does not match the end tag of 'a'); get the file again, or mend it there.")]
    [InlineData(RowLayout.Xml, "<!DOCTYPE a []><a/>", "a, line 1: not well-formed XML (a document type, which is not read); get the file again, or mend it there.")]
    [InlineData(RowLayout.Copa, "{\"premise\": \"a\", \"question\": \"why\"}", "a, line 1: 'question' is 'why', expected cause or effect; mend the row.")]
    [InlineData(RowLayout.Copa, "{\"premise\": \"a\", \"question\": \"cause\", \"choice1\": \"a\", \"choice2\": \"b\"}", "a, line 1: 'label' is missing; use one of premise, question, choice1, choice2.")]
    [InlineData(RowLayout.Multirc, "{\"passage\": {\"text\": \"a\", \"questions\": []}}", "a, line 1: 'passage.questions' is a list, expected a list of objects; mend the row.")]
    [InlineData(RowLayout.Record, "{\"passage\": {\"text\": \"a\", \"entities\": [{\"start\": 0, \"end\": 1}]}, \"qas\": []}", "a, line 1: 'passage.entities[0]' goes from 0 to 1 in a text of 1 characters; mend the row.")]
    [InlineData(RowLayout.Wsc, "{\"text\": \"a b\", \"target\": {\"span1_text\": \"c\", \"span1_index\": 0, \"span2_text\": \"b\", \"span2_index\": 1}}", "a, line 1: the text has no words 'c' as 'target.span1_text' says; mend the row.")]
    public void What_breaks_a_layout_is_named_by_file_and_line(RowLayout layout, string text, string sentence)
    {
        using var files = new TaskFolder();

        Assert.Equal(sentence, files.Sentence(() => Rows(layout, text)));
    }

    [Fact]
    public void A_missing_member_is_named_with_those_there_are()
    {
        using var files = new TaskFolder();
        var format = RowFormat.Of(RowLayout.Json) with { Member = "dev" };

        Assert.Equal("a: no 'dev' among 'train'; correct the file.", files.Sentence(() => Rows(format, "{\"train\": []}")));
        Assert.Equal("a: the JSON is no object with names, expected one that holds 'dev'; correct the file.", files.Sentence(() => Rows(format, "[]")));
    }

    private static List<Row> Rows(RowLayout layout, string text) => Rows(RowFormat.Of(layout), text);

    private static List<Row> Rows(RowFormat format, string text) => [.. RowReader.Read(new MemoryStream(Encoding.UTF8.GetBytes(text)), "a", format)];

    private static List<string> Texts(RowLayout layout, string text) => Rows(layout, text).ConvertAll(r => r.Text(Column.Named("text")));

    private static string[] Values(Row row, params string[] names) => [.. names.Select(n => row.Text(Column.Named(n)))];
}
