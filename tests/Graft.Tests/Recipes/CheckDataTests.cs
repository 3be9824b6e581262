using Graft.Recipes;
using Graft.Tasks;
using Graft.Tests.Tasks;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Recipes;

public sealed class CheckDataTests
{
    private const string Rte = """{"sentence1": "a", "sentence2": "b", "label": 0}""" + "\n" + """{"sentence1": "c", "sentence2": "d", "label": 1}""" + "\n";
    private const string Own = """{"name": "mine", "kind": "classification", "text": "text", "label": "label", "files": {"train": "train.tsv", "dev": "train.tsv"}}""";
    private const string Rows = "text\tlabel\na\t1\nb\t0\n";

    [Fact]
    public void A_folder_is_that_task_whose_columns_its_files_have()
    {
        using var files = new TaskFolder();
        files.With("RTE/train.jsonl", Rte).With("RTE/validation.jsonl", Rte);

        var report = CheckData.Run(files.Folder);

        Assert.Equal(["rte"], report.Tasks.Select(task => task.Task));
        Assert.True(report.IsSound);
        Assert.Equal((2, 2490), (report.Tasks[0].Data!.Counts[Split.Train], report.Tasks[0].Published[Split.Train]));
    }

    [Fact]
    public void Columns_that_no_task_has_are_a_fault_of_the_folder()
    {
        using var files = new TaskFolder();
        files.With("CoLA/train.jsonl", "{\"x\": 1}\n").With("CoLA/validation.jsonl", "{\"x\": 1}\n");

        var report = CheckData.Run(files.Folder);

        Assert.False(report.IsSound);
        Assert.Contains("no column 'sentence'", Assert.Single(report.Tasks).Fault, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_of_task_files_is_no_built_in_task_though_its_files_are_called_so()
    {
        using var files = new TaskFolder();
        files.With("scitail/test.jsonl", Rte).With("scitail/mine.task.json", Own).With("scitail/train.tsv", Rows).With("scitail/other.tsv", Rows);

        var report = CheckData.Run(files.Folder);

        Assert.Equal(["mine"], report.Tasks.Select(task => task.Task));
        Assert.Equal(["other.tsv", "test.jsonl"], report.Unknown.Select(file => Path.GetFileName(file.Path)));
    }

    [Fact]
    public void Files_of_a_folder_inside_the_tasks_own_are_read_once()
    {
        using var files = new TaskFolder();
        files.With("BoolQ/data/train.jsonl", Question("a", true) + Question("b", false)).With("BoolQ/data/validation.jsonl", Question("c", true));

        var task = Assert.Single(CheckData.Run(files.Folder).Tasks);

        Assert.Equal((files["BoolQ"], 2), (task.Place, task.Data!.Counts[Split.Train]));
    }

    [Fact]
    public void Published_numbers_are_those_of_the_shape_that_is_read()
    {
        using var files = new TaskFolder();
        files.With("BoolQ/train.jsonl", Question("a", true) + Question("b", false)).With("BoolQ/dev.jsonl", Question("c", true));

        var task = Assert.Single(CheckData.Run(files.Folder).Tasks);

        Assert.Equal((2, 1, 0), (task.Data!.Counts[Split.Train], task.Data.Counts[Split.Dev], task.Data.Counts[Split.Test]));
        Assert.Equal(3270, task.Published[Split.Dev]);
        Assert.False(task.Data.DevIsCutFromTrain);
        Assert.DoesNotContain(Split.Dev, PublishedTask.Find("scitail")!.PublishedRowsIn(files["BoolQ"]).Keys);
    }

    [Fact]
    public void A_draw_of_one_class_is_refused_and_a_task_that_is_named_twice_is_split_once()
    {
        using var files = new TaskFolder();
        files.With("mine.task.json", Own).With("train.tsv", "text\tlabel\n" + string.Concat(Enumerable.Range(0, 40).Select(i => $"row {i}\t{i % 2}\n")));
        var settings = new SplitSettings { Tasks = ["mine", "mine"], Data = files.Folder, Out = files["out"], Sizes = [20], Seeds = [0], DevRows = 10 };

        Assert.Equal((20, 10, 40), Assert.Single(SplitData.Run(settings).Splits) is var split ? (split.Train, split.Dev, split.Test) : default);
        Assert.Contains("have the label", Assert.Throws<GraftException>(() => SplitData.Run(settings with { Out = files["one"], Sizes = [1] })).Message, StringComparison.Ordinal);
    }

    private static string Question(string text, bool answer) => $$"""{"question": "{{text}}", "passage": "p {{text}}", "answer": {{(answer ? "true" : "false")}}}""" + "\n";
}
