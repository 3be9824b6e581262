using Xunit;

namespace Graft.Tests.Tasks;

public sealed class DataFileTests
{
    private const string Sides = """{"name": "m", "kind": "classification", "format": "lines", "text": "text", "labels": ["neg", "pos"], "files": {"train": [{"path": "a.neg", "labelIs": "neg"}, {"path": "a.pos", "labelIs": "pos"}], "dev": {"path": "a.pos", "labelIs": "pos"}}}""";

    private const string Beside = """{"name": "m", "kind": "classification", "format": "lines", "text": "text", "labelFile": "labels.txt", "labelValues": {"0": "no", "1": "yes"}, "files": {"train": "text.txt", "dev": "text.txt"}}""";

    [Fact]
    public void A_file_may_have_one_label()
    {
        using var files = new TaskFolder();
        var data = files.With("a.neg", "bad\nworse\n").With("a.pos", "good\n").Load(Sides);

        Assert.Equal([0, 0, 1], data.Train.Select(row => row.Label));
    }

    [Fact]
    public void Labels_may_lie_in_the_same_lines_of_another_file()
    {
        using var files = new TaskFolder();
        var data = files.With("text.txt", "one\ntwo\nthree\n").With("labels.txt", "0\n1\n 0\n").Load(Beside);

        Assert.Equal(["no", "yes", "no"], data.Train.Select(row => data.Task.Labels[row.Label]));
    }

    [Theory]
    [InlineData("one\ntwo\nthree\n", "0\n1\n", "text.txt, line 3: labels.txt has no label in line 3, expected one for each row; add it there.")]
    [InlineData("one\ntwo\n", "0\n1\n1\n", "labels.txt, line 3: the label '1' belongs to no row of text.txt; remove it, or add the row.")]
    [InlineData("one\n\nthree\n", "0\n1\n1\n", "labels.txt, line 2: the label '1' belongs to no row of text.txt; remove it, or add the row.")]
    public void Texts_and_labels_that_do_not_pair_are_named(string text, string labels, string sentence)
    {
        using var files = new TaskFolder();
        files.With("text.txt", text).With("labels.txt", labels);

        Assert.Equal(sentence, files.Sentence(Beside).Replace(files.Folder + "/", "", StringComparison.Ordinal));
    }

    [Fact]
    public void Labels_may_be_found_by_a_key()
    {
        using var files = new TaskFolder();
        files.With("truth.xml", "<a><x id=\"2\" y=\"no\"/><x id=\"1\" y=\"yes\"/></a>");
        const string Json = """{"name": "m", "kind": "classification", "text": "text", "labelFile": {"path": "truth.xml", "label": "y", "key": "id"}, "files": {"train": "rows.xml", "dev": "rows.xml"}}""";
        var data = files.With("rows.xml", "<a><x id=\"1\">one</x><x id=\"2\">two</x></a>").Load(Json);

        Assert.Equal(["yes", "no"], data.Train.Select(row => data.Task.Labels[row.Label]));
        files.With("rows.xml", "<a><x id=\"1\">one</x><x id=\"3\">two</x></a>");
        Assert.Equal("rows.xml, line 1: no label of 'id' '3' is left in truth.xml, expected one for each row; add it there.", files.Sentence(Json));
        files.With("truth.xml", "<a><x id=\"2\" y=\"no\"/><x id=\"2\" y=\"yes\"/></a>");
        Assert.Equal("truth.xml, line 1: 'id' is '2' a second time, expected one label for each; remove a row.", files.Sentence(Json));
    }

    [Fact]
    public void The_first_name_that_is_there_counts_zipped_or_not_and_a_star_is_all_shards()
    {
        using var files = new TaskFolder();
        files.With("data/train-00001-of-00002.csv", "t,l\nc,2\n").With("data/train-00000-of-00002.csv", "t,l\na,1\nb,2\n").WithZipped("dev.jsonl.gz", "{\"t\": \"d\", \"l\": 1}\n");
        var data = files.Load("""{"name": "m", "kind": "classification", "text": "t", "label": "l", "files": {"train": {"path": ["train.jsonl", "data/train-*.csv"]}, "dev": "dev.jsonl"}}""");

        Assert.Equal(["a", "b", "c"], data.Train.Select(row => row.Text));
        Assert.Equal(["d"], data.Dev.Select(row => row.Text));
        Assert.Equal(
            "none of x.tsv or y.tsv is there; add one of them, or correct the names in a.task.json.",
            files.Sentence("""{"name": "m", "kind": "classification", "text": "t", "label": "l", "files": {"train": {"path": ["x.tsv", "y.tsv"]}}}""").Replace(files.Folder + ": ", "", StringComparison.Ordinal));
    }

    [Fact]
    public void A_range_of_rows_and_rows_without_a_label()
    {
        using var files = new TaskFolder();
        var data = files.With("a.csv", "t,l\na,1\nb,2\nc,-\nd,1\ne,2\n")
            .Load("""{"name": "m", "kind": "classification", "text": "t", "label": "l", "labelSkip": ["-"], "rows": {"train": 4, "test": 1}, "files": {"train": {"path": "a.csv", "range": [0, 2]}, "dev": "a.csv", "test": {"path": "a.csv", "range": [2, 4]}}}""");

        Assert.Equal(["a", "b"], data.Train.Select(row => row.Text));
        Assert.Equal(["d", "e"], data.Test!.Select(row => row.Text));
        Assert.Equal(3, data.SkippedRows);
        Assert.Equal(["3 rows are left out, as its task file says", "train has 2 rows, and 4 are published", "test has 2 rows, and 1 are published", "2 dev rows have the text of a training row"], data.Notes);
    }

    [Theory]
    [InlineData("\"text\": {\"template\": \"{a\"}", "'text.template' is '{a', expected columns in braces such as \"{question} answer: {answer}\"; correct it.")]
    [InlineData("\"text\": \"t\", \"encoding\": \"utf-16\"", "'encoding' is 'utf-16', expected utf-8 or latin1; correct it.")]
    [InlineData("\"text\": \"t\", \"labelFile\": 3", "'labelFile' is the number 3, expected an object in braces.")]
    [InlineData("\"text\": \"t\", \"labelValues\": {\"a\": 1}", "'labelValues.a' is the number 1, expected a string.")]
    [InlineData("\"text\": \"t\", \"rows\": {\"train\": 0}", "'rows.train' is 0, expected the number of rows that are published.")]
    [InlineData("\"text\": \"t\", \"metrics\": [\"group_exact\"]", "the metric 'group_exact' is of rows that belong together, and the task names no 'group'; name its column, or use another metric.")]
    public void Keys_of_files_are_checked(string key, string sentence)
    {
        using var files = new TaskFolder();
        var message = files.With("a.csv", "t,l\na,1\nb,2\n").Sentence($$"""{"files": {"train": "a.csv"}, "name": "m", "kind": "classification", "label": "l", {{key}} }""");

        Assert.Equal("a.task.json, line 1: " + sentence, message);
    }
}
