using Graft.Tasks;
using Xunit;

namespace Graft.Tests.Tasks;

public sealed class TaskCatalogTests
{
    [Fact]
    public void Task_files_are_found_by_name_in_the_first_folder_that_has_one()
    {
        using var files = new TaskFolder();
        files.With("one/mood.task.json", TaskFolder.Minimal).With("one/train.tsv", "text\tlabel\na\t1\nb\t0\n").With("one/dev.tsv", "text\tlabel\na\t1\n")
            .With("two/deep/mood.task.json", "{").With("two/deep/topic.task.json", TaskFolder.Minimal.Replace("\"kind\"", "\"description\": \"what it is about\", \"kind\"", StringComparison.Ordinal));
        var catalog = new TaskCatalog([files["none"], files["one"], files["two"]]);

        Assert.Equal(2, catalog.Load("mood").Train.Count);
        Assert.Equal(2, catalog.Load(files["one/mood.task.json"]).Train.Count);
        Assert.Equal(
            [("mood", "classification", files["one/mood.task.json"]), ("topic", "what it is about", files["two/deep/topic.task.json"])],
            catalog.List().Skip(PublishedTask.All.Count).Select(task => (task.Name, task.Summary, task.Path!)));
    }

    [Fact]
    public void The_list_tells_where_the_data_of_built_in_tasks_is()
    {
        using var files = new TaskFolder();
        files.With("RTE/train.tsv", "").With("RTE/dev.tsv", "").With("broken.task.json", "{");
        var list = new TaskCatalog([files.Folder]).List();

        Assert.Equal(files["RTE"], list.Single(task => task.Name == "rte").Path);
        Assert.Null(list.Single(task => task.Name == "cola").Path);
        Assert.Contains("not valid JSON", list.Single(task => task.Name == "broken").Summary, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_task_names_the_nearest()
    {
        using var files = new TaskFolder();
        files.With("sentiment-imdb.task.json", "{}");
        var catalog = new TaskCatalog([files.Folder]);

        Assert.Equal($"there is no task 'mprc' (searched {files.Folder}); did you mean 'mrpc' or 'mpqa' or 'mr'?", files.Sentence(() => catalog.Load("mprc")));
        Assert.Equal("the task 'cooking' is not on this machine yet; run 'graft tasks pull starter'.", files.Sentence(() => catalog.Load("cooking")));
        Assert.Equal($"there is no task 'sentiment' (searched {files.Folder}); did you mean 'sentiment-imdb' or 'tweeteval-sentiment'?", files.Sentence(() => catalog.Load("sentiment")));
        Assert.StartsWith(
            "there is no task 'zzzzzzzzzz' (no folder was searched); use one of cola, mnli, mnli-mm, mrpc, qnli, qqp, rte, sst-2, sts-b, wnli, boolq,",
            files.Sentence(() => new TaskCatalog([]).Load("zzzzzzzzzz")),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_data_folder_that_is_not_there_is_named()
    {
        using var files = new TaskFolder();

        Assert.Equal("none: no such data folder; check the path.", files.Sentence(() => TaskCatalog.Resolve("rte", files["none"])));
    }

    [Fact]
    public void A_data_folder_goes_before_the_usual_ones()
    {
        using var files = new TaskFolder();
        files.With("mood.task.json", TaskFolder.Minimal).With("train.tsv", "text\tlabel\na\t1\nb\t0\n").With("dev.tsv", "text\tlabel\na\t1\n");

        Assert.Equal("mood", TaskCatalog.Resolve("mood", files.Folder).Task.Name);
    }
}
