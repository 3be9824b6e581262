using Graft.Tasks;
using Graft.TestKit;
using Xunit;

namespace Graft.Tests.Tasks;

public sealed class GlueTaskTests
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
    public void Real_files_have_the_published_rows(string name, int train, int dev, int test)
    {
        var data = new TaskCatalog([SharedData.Labelled]).Load(name);

        Assert.Equal((train, dev, test), (data.Train.Count, data.Dev.Count, data.Test?.Count ?? 0));
        Assert.Equal(0, data.SkippedRows);
        Assert.False(data.DevIsCutFromTrain);
        Assert.All(data.Train, row => Assert.Equal(data.Task.IsPair, row.Pair is not null));
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
            ["cola", "sst-2", "mrpc", "sts-b", "qqp", "mnli", "mnli-mm", "qnli", "rte", "wnli"],
            GlueTask.All.Select(task => task.Name));
        Assert.All(GlueTask.All, task => Assert.All(task.Descriptions, one => Assert.Equal(task.Name, one.Name)));
    }

    [Theory]
    [InlineData("SST-2", "sst-2")]
    [InlineData("sst2", "sst-2")]
    [InlineData("STSB", "sts-b")]
    [InlineData("mnli_mm", "mnli-mm")]
    public void Names_are_found_whatever_their_case_and_hyphens(string written, string name) => Assert.Equal(name, GlueTask.Find(written)!.Name);

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
            $"the data of the GLUE task 'rte' is not there, expected a folder 'RTE' (looked in {files.Folder}); name the folder above it with --data or GRAFT_DATA.",
            files.Sentence(() => new TaskCatalog([files.Folder]).Load("rte")));
        files.With("RTE/train.tsv", "");
        Assert.Equal(
            "RTE: the files of the GLUE task 'rte' are not all there, expected train.tsv and dev.tsv; add what is missing.",
            files.Sentence(() => new TaskCatalog([files.Folder]).Load("rte")));
    }
}
