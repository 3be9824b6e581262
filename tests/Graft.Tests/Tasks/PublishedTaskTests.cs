using Graft.Tasks;
using Graft.TestKit;
using Xunit;

namespace Graft.Tests.Tasks;

public sealed class PublishedTaskTests
{
    [Theory]
    [InlineData("cola", 8551, 1043, 0)]
    [InlineData("sst-2", 67349, 872, 0)]
    [InlineData("mrpc", 3667, 408, 1725)]
    [InlineData("sts-b", 5749, 1500, 1379)]
    [InlineData("qqp", 8999, 1000, 0)]
    [InlineData("mnli", 8999, 9815, 0)]
    [InlineData("qnli", 8999, 5463, 0)]
    [InlineData("rte", 2490, 277, 0)]
    [InlineData("wnli", 635, 71, 0)]
    [InlineData("cb", 250, 56, 0)]
    [InlineData("copa", 800, 200, 0)]
    [InlineData("wic", 5428, 638, 1400)]
    [InlineData("chemprot", 4169, 2427, 3469)]
    [InlineData("nicta-piboso", 6979, 801, 1991)]
    [InlineData("acl-arc", 1688, 114, 139)]
    [InlineData("scierc", 3219, 455, 974)]
    [InlineData("clinc150", 7600, 3100, 5500)]
    [InlineData("emotion", 16000, 2000, 2000)]
    [InlineData("tweeteval-emotion", 3257, 374, 1421)]
    [InlineData("tweeteval-irony", 2862, 955, 784)]
    [InlineData("tweeteval-stance-abortion", 587, 66, 280)]
    [InlineData("tweeteval-stance-atheism", 461, 52, 220)]
    [InlineData("tweeteval-stance-climate", 355, 40, 169)]
    [InlineData("tweeteval-stance-feminist", 597, 67, 285)]
    [InlineData("tweeteval-stance-hillary", 620, 69, 295)]
    public void Real_files_have_the_published_rows(string name, int train, int dev, int test)
    {
        var data = new TaskCatalog([SharedData.Labelled]).Load(name);

        Assert.Equal((train, dev, test), (data.Train.Count, data.Dev.Count, data.Test?.Count ?? 0));
        Assert.Equal(0, data.SkippedRows);
        Assert.False(data.DevIsCutFromTrain);
        Assert.All(data.Train, row => Assert.Equal(data.Task.IsPair, row.Pair is not null));
        Assert.All(data.Train, row => Assert.Equal(data.Task.IsGrouped, row.Group is not null));
    }

    [Theory]
    [InlineData("boolq", 2400, 870)]
    [InlineData("hyperpartisan", 645, 0)]
    [InlineData("agnews", 6001, 7600)]
    [InlineData("imdb", 1200, 1200)]
    [InlineData("trec", 5452, 500)]
    [InlineData("trec-fine", 5452, 500)]
    [InlineData("subj", 10000, 0)]
    [InlineData("mr", 10662, 0)]
    [InlineData("cr", 3771, 0)]
    [InlineData("mpqa", 10603, 0)]
    [InlineData("banking77", 10003, 3080)]
    [InlineData("scitail", 1500, 626)]
    [InlineData("yahoo", 1000, 1000)]
    public void Real_files_without_dev_rows_have_a_dev_split_cut_from_train(string name, int train, int test)
    {
        var data = new TaskCatalog([SharedData.Labelled]).Load(name);

        Assert.True(data.DevIsCutFromTrain);
        Assert.Equal((train, test), (data.Train.Count + data.Dev.Count, data.Test?.Count ?? 0));
    }

    [Theory]
    [InlineData("BoolQ", 32)]
    [InlineData("CB", 32)]
    [InlineData("COPA", 64)]
    [InlineData("MultiRC", 154)]
    [InlineData("superglue-rte", 32)]
    [InlineData("ReCoRD", 397)]
    [InlineData("WiC", 32)]
    public void Real_few_rows_of_super_glue_are_read_where_there_is_no_dev_file(string name, int rows)
    {
        var data = new TaskCatalog([Path.Combine(SharedData.Labelled, "fewglue")]).Load(name);

        Assert.Equal(rows, data.Train.Count + data.Dev.Count);
    }

    [Theory]
    [InlineData("CoLA", "cola", 32)]
    [InlineData("MNLI", "mnli", 48)]
    [InlineData("STS-B", "sts-b", 32)]
    [InlineData("SNLI", "snli", 48)]
    [InlineData("trec", "trec", 96)]
    [InlineData("sst-5", "sst-5", 80)]
    public void Real_draws_are_read_from_their_own_folder(string folder, string task, int rows)
    {
        var data = new TaskCatalog([Path.Combine(SharedData.Labelled, "k-shot", folder, "16-42")]).Load(task);

        Assert.Equal((rows, rows), (data.Train.Count, data.Dev.Count));
    }

    [Fact]
    public void Numbers_of_rows_other_than_the_published_ones_are_said()
    {
        var catalog = new TaskCatalog([SharedData.Labelled]);

        Assert.Equal(["train has 3,667 rows, and 3,668 are published"], catalog.Load("mrpc").Notes);
        Assert.Equal(["train has 8,999 rows, and 363,846 are published", "dev has 1,000 rows, and 40,430 are published"], catalog.Load("qqp").Notes);
        Assert.Equal(["16 dev rows have the text of a training row"], catalog.Load("cola").Notes);
        Assert.Empty(catalog.Load("scierc").Notes);
    }

    [Theory]
    [InlineData("acl-arc", "43 dev and 52 test rows have the text of a training row")]
    [InlineData("trec", "7 test rows have the text of a training row")]
    public void Real_held_out_rows_that_train_has_are_said(string name, string note) => Assert.Equal([note], new TaskCatalog([SharedData.Labelled]).Load(name).Notes);

    [Theory]
    [InlineData("mpqa")]
    [InlineData("boolq")]
    [InlineData("trec")]
    public void Real_texts_that_repeat_are_on_one_side_of_a_cut(string name)
    {
        var data = new TaskCatalog([SharedData.Labelled]).Load(name);

        Assert.Empty(Texts(data.Train).Intersect(Texts(data.Dev)));
        Assert.InRange(data.Dev.Count, (data.Train.Count + data.Dev.Count) / 11, 1003);

        static IEnumerable<(string, string?)> Texts(IEnumerable<Example> rows) => rows.Select(row => (GroupedSplit.Plain(row.Text), row.Pair));
    }

    [Theory]
    [InlineData("cola", new[] { 2528, 6023 })]
    [InlineData("sst-2", new[] { 29780, 37569 })]
    [InlineData("mrpc", new[] { 1194, 2473 })]
    [InlineData("qqp", new[] { 5747, 3252 })]
    [InlineData("mnli", new[] { 3061, 2980, 2958 })]
    [InlineData("qnli", new[] { 4523, 4476 })]
    [InlineData("rte", new[] { 1249, 1241 })]
    [InlineData("wnli", new[] { 323, 312 })]
    public void Real_files_have_the_known_labels(string name, int[] counts)
    {
        var data = new TaskCatalog([SharedData.Labelled]).Load(name);

        Assert.Equal(counts, data.LabelHistogram(data.Train));
    }

    [Fact]
    public void Real_scores_of_sts_b_lie_between_0_and_5()
    {
        var data = new TaskCatalog([SharedData.Labelled]).Load("stsb");

        Assert.All(data.Train.Concat(data.Dev).Concat(data.Test!), row => Assert.InRange(row.Score, 0, 5));
        Assert.Equal(5, data.Train[0].Score);
        Assert.Equal("A plane is taking off.", data.Train[0].Text);
    }

    [Fact]
    public void Every_definition_embedded_is_valid()
    {
        Assert.Equal(
            ["cola", "mnli", "mnli-mm", "mrpc", "qnli", "qqp", "rte", "sst-2", "sts-b", "wnli"],
            PublishedTask.All.Where(task => task.Suite == "glue").Select(task => task.Name));
        Assert.Equal(
            ["boolq", "cb", "copa", "multirc", "record", "superglue-rte", "wic", "wsc"],
            PublishedTask.All.Where(task => task.Suite == "superglue").Select(task => task.Name));
        Assert.All(PublishedTask.All, task => Assert.All(task.Descriptions, one =>
        {
            Assert.Equal((task.Name, task.Descriptions[0].Kind, task.Summary), (one.Name, one.Kind, one.About));
            Assert.Equal(task.Descriptions[0].Labels, one.Labels);
            Assert.Equal(task.Descriptions[0].MetricNames, one.MetricNames);
            Assert.Equal(task.Descriptions[0].IsGrouped, one.IsGrouped);
        }));
    }

    [Theory]
    [InlineData("SST-2", "sst-2")]
    [InlineData("sst2", "sst-2")]
    [InlineData("STSB", "sts-b")]
    [InlineData("mnli_mm", "mnli-mm")]
    public void Names_are_found_whatever_their_case_and_hyphens(string written, string name) => Assert.Equal(name, PublishedTask.Find(written)!.Name);

    [Theory]
    [InlineData("SST-2")]
    [InlineData("sst-2")]
    [InlineData("SST2")]
    public void A_data_folder_may_be_named_as_published_or_in_lower_case(string folder)
    {
        using var files = new TaskFolder();
        files.With($"{folder}/train.tsv", "sentence\tlabel\ngood \t1\nbad \t0\n").With($"{folder}/dev.tsv", "sentence\tlabel\nfine \t1\n");

        Assert.Equal(2, new TaskCatalog([files.Folder]).Load("sst-2").Train.Count);
        Assert.Equal(2, new TaskCatalog([files[folder]]).Load("sst-2").Train.Count);
    }

    [Fact]
    public void Mrpc_is_read_from_the_original_files_when_the_cut_ones_are_missing()
    {
        using var files = new TaskFolder();
        var rows = string.Concat(Enumerable.Range(0, 20).Select(row => $"{row % 2}\t1\t2\tfirst {row}\tsecond \"{row}\n"));
        files.With("MRPC/msr_paraphrase_train.txt", $"\uFEFFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n{rows}");

        var data = new TaskCatalog([files.Folder]).Load("mrpc");

        Assert.True(data.DevIsCutFromTrain);
        Assert.Equal((18, 2), (data.Train.Count, data.Dev.Count));
        Assert.Null(data.Test);
    }

    [Fact]
    public void Damaged_rows_of_the_published_qqp_are_left_out_and_counted()
    {
        using var files = new TaskFolder();
        const string Header = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n";
        files.With("QQP/train.tsv", $"{Header}1\t1\t2\ta?\tb?\t0\n2\t1\t2\tbroken\n3\t1\t2\tc?\td?\t1\n").With("QQP/dev.tsv", $"{Header}1\t1\t2\ta?\tb?\t0\n");

        var data = new TaskCatalog([files.Folder]).Load("qqp");

        Assert.Equal((2, 1), (data.Train.Count, data.SkippedRows));
    }

    [Fact]
    public void Missing_data_names_the_folder_to_look_for()
    {
        using var files = new TaskFolder();

        Assert.Equal(
            $"the data of the task 'rte' is not there, expected a folder 'RTE' (looked in {files.Folder}); name the folder above it with --data or GRAFT_DATA.",
            files.Sentence(() => new TaskCatalog([files.Folder]).Load("rte")));
        files.With("RTE/train.tsv", "");
        Assert.Equal(
            "RTE: the files of the task 'rte' are not all there, expected train.tsv and dev.tsv; or train.jsonl or data/train.jsonl or data/train-*.jsonl and validation.jsonl or data/validation.jsonl or data/validation-*.jsonl; add what is missing.",
            files.Sentence(() => new TaskCatalog([files.Folder]).Load("rte")));
    }
}
