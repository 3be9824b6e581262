using FsCheck;
using FsCheck.Fluent;
using Graft.Tasks;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Tasks;

public sealed class TaskFileTests
{
    private const string Rows = "text\tlabel\ngood\tpos\nbad\tneg\n";

    [Fact]
    public void A_small_task_file_is_read()
    {
        using var files = new TaskFolder();
        var data = files.With("train.tsv", Rows).With("dev.tsv", "label\ttext\nneg\tsad\n").Load(TaskFolder.Minimal);

        Assert.Equal("mood", data.Task.Name);
        Assert.Equal(["neg", "pos"], data.Task.Labels);
        Assert.Equal(["accuracy", "macro_f1"], data.Task.MetricNames);
        Assert.Equal((2, "accuracy", false), (data.Task.Outputs, data.Task.PrimaryMetric, data.Task.IsPair));
        Assert.Equal([("good", 1, 2), ("bad", 0, 3)], data.Train.Select(row => (row.Text, row.Label, row.Line)));
        Assert.Equal([("sad", 0)], data.Dev.Select(row => (row.Text, row.Label)));
        Assert.Null(data.Test);
        Assert.Empty(data.Rows(Split.Test));
        Assert.Equal(files["train.tsv"], data.Train[0].File);
    }

    [Fact]
    public void Files_may_be_lists_gzipped_and_differ_in_their_columns()
    {
        using var files = new TaskFolder();
        files.With("a.csv", "q,a,y\n\"x\ny\",z,1\n").WithZipped("b.csv.gz", "q,a,y\nw,v,0\n").With("dev.jsonl", "{\"q\":\"d\",\"a\":\"e\",\"y\":1}\n").With("sub/test.txt", "0;t;u\n");

        var data = files.Load("""
            {
              "name": "pairs", "description": "two questions", "kind": "classification", "text": "q", "textPair": "a", "label": "y", "metrics": ["f1", "matthews"],
              "files": {
                "train": ["a.csv", "b.csv.gz"],
                "dev": {"path": "dev.jsonl"},
                "test": {"path": "sub/test.txt", "format": "csv", "delimiter": ";", "header": false, "text": 1, "textPair": "2", "label": 0}
              }
            }
            """);

        Assert.Equal([("x\ny", "z", 1), ("w", "v", 0)], data.Train.Select(row => (row.Text, row.Pair, row.Label)));
        Assert.Equal([("d", "e", 1)], data.Dev.Select(row => (row.Text, row.Pair, row.Label)));
        Assert.Equal([("t", "u", 0)], data.Test!.Select(row => (row.Text, row.Pair, row.Label)));
    }

    [Fact]
    public void A_regression_has_scores()
    {
        using var files = new TaskFolder();
        var data = files.With("t.tsv", "a\ty\nx\t3.75\nz\t-1e2\n").Load("""{"name": "r", "kind": "regression", "text": "a", "label": "y", "files": {"train": "t.tsv", "dev": "t.tsv"}}""");

        Assert.Equal([3.75, -100], data.Train.Select(row => row.Score));
        Assert.Equal((1, "pearson"), (data.Task.Outputs, data.Task.PrimaryMetric));
        Assert.Null(data.MajorityShare(data.Dev));
        Assert.Empty(data.LabelHistogram(data.Train));
    }

    [Fact]
    public void A_multilabel_row_has_any_number_of_labels()
    {
        using var files = new TaskFolder();
        files.With("t.jsonl", "{\"a\":\"x\",\"y\":[\"red\",\"blue\",\"red\"]}\n{\"a\":\"z\",\"y\":[]}\n").With("d.tsv", "a\ty\nx\tblue, red\nz\t\n");
        var data = files.Load("""{"name": "m", "kind": "multilabel", "labelSeparator": ",", "text": "a", "label": "y", "files": {"train": "t.jsonl", "dev": "d.tsv"}}""");

        Assert.Equal(["blue", "red"], data.Task.Labels);
        Assert.Equal([[0, 1], []], data.Train.Select(row => row.Labels));
        Assert.Equal([[0, 1], []], data.Dev.Select(row => row.Labels));
        Assert.Equal([1, 1], data.LabelHistogram(data.Train));
    }

    [Fact]
    public void Listed_labels_keep_their_order()
    {
        using var files = new TaskFolder();
        var data = files.With("train.tsv", Rows).With("dev.tsv", Rows).Load(TaskFolder.Minimal.Replace("\"files\"", "\"labels\": [\"pos\", \"neg\", \"mixed\"], \"files\"", StringComparison.Ordinal));

        Assert.Equal(["pos", "neg", "mixed"], data.Task.Labels);
        Assert.Equal([0, 1], data.Train.Select(row => row.Label));
        Assert.Equal([1, 1, 0], data.LabelHistogram(data.Train));
    }

    [Theory]
    [InlineData("\"name\": \"\"", "a.task.json, line 1: 'name' is missing or empty, expected a string; add it.")]
    [InlineData("\"name\": \"a/b\"", "a.task.json, line 1: 'name' is 'a/b', expected at most 100 letters, digits, '-', '_' and '.', not beginning with '.'; rename the task.")]
    [InlineData("\"name\": 3", "a.task.json, line 1: 'name' is the number 3, expected a string.")]
    [InlineData("\"kind\": \"classify\"", "a.task.json, line 2: 'kind' is 'classify', expected one of classification, regression, multilabel, span.")]
    [InlineData("\"kind\": null", "a.task.json, line 2: 'kind' is missing or empty, expected one of classification, regression, multilabel, span; add it.")]
    [InlineData("\"text\": [1]", "a.task.json, line 3: 'text' is a list, expected a column's name or its place, counted from 0; correct it.")]
    [InlineData("\"text\": 1.5", "a.task.json, line 3: 'text' is the number 1.5, expected a column's name or its place, counted from 0; correct it.")]
    [InlineData("\"text\": null", "a.task.json, line 3: 'text' is missing, expected the name or the place (from 0) of the text's column; add it.")]
    [InlineData("\"text\": \"tekst\"", "train.tsv, line 1: no column 'tekst' among 'text', 'label'; did you mean 'text'?")]
    [InlineData("\"text\": 7", "train.tsv, line 1: no column 7, the rows have 2 columns, counted from 0; correct the column's place.")]
    [InlineData("\"label\": null", "a.task.json, line 4: 'label' is missing, expected the name or the place (from 0) of the label's column; add it.")]
    [InlineData("\"labels\": []", "a.task.json, line 5: 'labels' holds 0, expected at least 2; add the others, or remove the key to find them in train.")]
    [InlineData("\"labels\": [\"a\", \"a\"]", "a.task.json, line 5: 'labels' holds 'a' twice; remove one.")]
    [InlineData("\"labels\": \"a\"", "a.task.json, line 5: 'labels' is the string \"a\", expected a list of strings; correct it.")]
    [InlineData("\"labels\": [\"pos\", \"negative\"]", "train.tsv, line 3: the label 'neg' is not in the task's list; did you mean 'negative'?")]
    [InlineData("\"labels\": [\"1\", \"2\"]", "train.tsv, line 2: the label 'pos' is not in the task's list; use one of 1, 2.")]
    [InlineData("\"metrics\": [\"acc\"]", "a.task.json, line 6: there is no metric 'acc'; did you mean 'accuracy' or 'group_accuracy'?")]
    [InlineData("\"metrics\": [\"pearson\"]", "a.task.json, line 6: the metric 'pearson' is not defined for a classification task; use accuracy, f1, group_accuracy, group_exact, group_f1, macro_f1, macro_f1_all, macro_f1_rest, macro_recall, matthews, micro_f1.")]
    [InlineData("\"metrics\": []", "a.task.json, line 6: 'metrics' is an empty list, expected at least one metric; name one, or remove the key.")]
    [InlineData("\"files\": null", "a.task.json, line 7: 'files' is missing, expected an object such as {\"train\": \"train.tsv\"}; add it.")]
    [InlineData("\"files\": {\"dev\": \"dev.tsv\"}", "a.task.json, line 7: 'files.train' is missing, expected a file or a list of files; add it.")]
    [InlineData("\"files\": {\"trian\": \"dev.tsv\"}", "a.task.json, line 7: unknown key 'trian' in 'files'; did you mean 'train'?")]
    [InlineData("\"files\": {\"train\": 1}", "a.task.json, line 7: 'files.train' is the number 1, expected the path of a file; correct it.")]
    [InlineData("\"files\": {\"train\": [\"train.tsv\",\n \"\"]}", "a.task.json, line 8: 'files.train[1]' is the string \"\", expected the path of a file; correct it.")]
    [InlineData("\"files\": {\"train\": {\"pth\": \"\"}}", "a.task.json, line 7: unknown key 'pth' in 'files.train'; did you mean 'path'?")]
    [InlineData("\"files\": {\"train\": \"none.tsv\"}", "none.tsv: no such file; check the path.")]
    [InlineData("\"files\": {\"train\": {\"path\": \"none.tsv\", \"optional\": true}}", "a.task.json: none of the train files is there, expected at least one; check 'files.train'.")]
    [InlineData("\"files\": {\"train\": \"empty.tsv\"}", "empty.tsv: the file is empty, expected labelled rows; put rows in it, or name another file in a.task.json.")]
    [InlineData("\"files\": {\"train\": \"header.tsv\"}", "header.tsv: the file has no row beside its header, expected labelled rows; put rows in it, or name another file in a.task.json.")]
    [InlineData("\"files\": {\"train\": \"one.tsv\"}", "one.tsv: all 2 training rows have the label 'pos', expected two classes or more; add rows of another class, or check which column 'label' names.")]
    [InlineData("\"files\": {\"train\": \"train.tsv\", \"dev\": \"new.tsv\"}", "new.tsv, line 2: the label 'so-so' occurs in no training row; list all labels under \"labels\" in the task file, or mend the row.")]
    [InlineData("\"files\": {\"train\": \"train.tsv\"}", "a.task.json: a dev split cannot be cut as no class has two training rows; add rows, or name dev files.")]
    [InlineData("\"files\": {\"train\": \"train.tsv\", \"dev\": {\"path\": \"dev.tsv\", \"textPair\": 1}}", "a.task.json, line 7: some files have 'textPair' and others do not, expected the same for all; correct it.")]
    [InlineData("\"format\": \"xls\"", "a.task.json, line 8: 'format' is 'xls', expected one of tsv, csv, jsonl, json, lines, whole, trec, rct, xml, conll, copa, multirc, record, wsc, squad.")]
    [InlineData("\"quote\": \"single\"", "a.task.json, line 9: 'quote' is 'single', expected none or double; correct it.")]
    [InlineData("\"header\": \"yes\"", "a.task.json, line 10: 'header' is the string \"yes\", expected true or false.")]
    [InlineData("\"header\": false", "train.tsv, line 1: no column 'text', as the file is read without header; give the column's place, 0 to 1.")]
    [InlineData("\"delimiter\": \"--\"", "a.task.json, line 11: 'delimiter' is '--', expected one character other than a quote or a line break; correct it.")]
    [InlineData("\"ragged\": \"ok\"", "a.task.json, line 12: 'ragged' is 'ok', expected one of refuse, skip, allow.")]
    [InlineData("\"textpair\": \"b\"", "a.task.json, line 13: unknown key 'textpair'; did you mean 'textPair' or 'text'?")]
    [InlineData("\"text_column\": \"b\"", "a.task.json, line 13: unknown key 'text_column'; did you mean 'text'?")]
    [InlineData("\"x\": \"b\"", "a.task.json, line 13: unknown key 'x'; use one of name, description, kind, labels, metrics, files, rows, publishedSplit, format, header, headerBegins, quote, delimiter, ragged, encoding, member, text, textPair, label, labelSeparator and 7 more.")]
    public void A_task_file_that_breaks_a_rule_is_refused(string change, string sentence)
    {
        using var files = new TaskFolder();
        files.With("train.tsv", Rows).With("dev.tsv", Rows).With("empty.tsv", "").With("header.tsv", "text\tlabel\n")
            .With("one.tsv", "text\tlabel\na\tpos\nb\tpos\n").With("new.tsv", "text\tlabel\na\tso-so\n");
        List<string> lines =
        [
            "\"name\": \"mood\"", "\"kind\": \"classification\"", "\"text\": \"text\"", "\"label\": \"label\"", "\"labels\": null", "\"metrics\": null",
            "\"files\": {\"train\": \"train.tsv\", \"dev\": \"dev.tsv\"}", "\"format\": null", "\"quote\": null", "\"header\": null", "\"delimiter\": null", "\"ragged\": null",
        ];
        var at = lines.FindIndex(line => line.Split(':')[0] == change.Split(':')[0]);
        if (at < 0)
        {
            lines.Add(change);
        }
        else
        {
            lines[at] = change;
        }

        Assert.Equal(sentence, files.Sentence("{" + string.Join(",\n", lines) + "}"));
    }

    [Theory]
    [InlineData("x\tmany\n", "t.tsv, line 2: the score 'many' is not a number, expected one such as 3.75; mend the row.")]
    [InlineData("x\t1\nx\t\n", "t.tsv, line 3: the score '' is not a number, expected one such as 3.75; mend the row.")]
    [InlineData("x\tNaN\n", "t.tsv, line 2: the score 'NaN' is not finite, expected a number such as 3.75; mend or remove the row.")]
    [InlineData("x\t1e999\n", "t.tsv, line 2: the score '1e999' is not finite, expected a number such as 3.75; mend or remove the row.")]
    [InlineData("x\t1,5\n", "t.tsv, line 2: the score '1,5' is not a number, expected one such as 3.75; mend the row.")]
    public void A_score_that_is_no_finite_number_is_refused(string rows, string sentence)
    {
        using var files = new TaskFolder();
        files.With("t.tsv", "a\ty\n" + rows);

        Assert.Equal(sentence, files.Sentence("""{"name": "r", "kind": "regression", "text": "a", "label": "y", "files": {"train": "t.tsv", "dev": "t.tsv"}}"""));
    }

    [Theory]
    [InlineData("{\"name\": \"x\",\n\"kind\" 3}", "a.task.json, line 2, byte 8: not valid JSON ('3' is invalid after a property name. Expected a ':'); correct it there.")]
    [InlineData("", "a.task.json, line 1, byte 1: not valid JSON (The input does not contain any JSON tokens. Expected the input to start with a valid JSON token, when isFinalBlock is true); correct it there.")]
    [InlineData("[]", "a.task.json: the JSON is a list, expected one object in braces.")]
    [InlineData("{\"name\": 1, \"name\": 2}", "a.task.json: not valid JSON (Duplicate property 'name' encountered during deserialization); correct it there.")]
    [InlineData("{\n\"name\": \"\\ud800\"}", "a.task.json, line 2: a string holds half of a surrogate pair; write the character itself.")]
    public void Json_that_is_broken_is_named_by_line(string json, string sentence)
    {
        using var files = new TaskFolder();

        Assert.Equal(sentence, files.Sentence(json));
    }

    [Fact]
    public void A_task_file_that_is_missing_or_not_utf8_is_named()
    {
        using var files = new TaskFolder();
        files.With("b.task.json", [(byte)'{', 0xFF]);

        Assert.Equal("none.task.json: no such file; check the path.", files.Sentence(() => TaskFile.Load(files["none.task.json"])));
        Assert.Equal("b.task.json: not UTF-8 at byte 1; save the file as UTF-8.", files.Sentence(() => TaskFile.Load(files["b.task.json"])));
    }

    [Fact]
    public void A_byte_order_mark_before_the_task_file_is_fine()
    {
        using var files = new TaskFolder();

        Assert.Equal(2, files.With("train.tsv", Rows).With("dev.tsv", Rows).Load("\uFEFF" + TaskFolder.Minimal).Train.Count);
    }

    [Fact]
    public void A_task_file_with_bytes_changed_at_random_is_read_or_refused() => Prop.ForAll(
        Gen.Choose(0, TaskFolder.Minimal.Length - 1).Zip(Gen.Choose(0, 255)).ListOf().ToArbitrary(), changes =>
        {
            using var files = new TaskFolder();
            var bytes = System.Text.Encoding.UTF8.GetBytes(TaskFolder.Minimal);
            foreach (var (at, value) in changes)
            {
                bytes[at] = (byte)value;
            }

            try
            {
                TaskFile.Load(files.With("train.tsv", Rows).With("dev.tsv", Rows).With("a.task.json", bytes)["a.task.json"]);
            }
            catch (GraftException fault)
            {
                Assert.NotEmpty(fault.Message);
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1000));
}
