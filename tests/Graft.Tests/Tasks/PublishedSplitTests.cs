using System.Text.Json.Nodes;
using Graft.Tasks;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Tasks;

public sealed class PublishedSplitTests : IDisposable
{
    private readonly TinyModelFolder _tiny = new();

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public void Orders_are_those_of_torchs_randperm()
    {
        using var scope = new TensorScope();
        using var rng = new Rng(42, Device.Cpu);

        // torch.manual_seed(42); torch.randperm(10)
        Assert.Equal([2, 6, 1, 8, 4, 5, 0, 9, 3, 7], rng.Permutation(10).ToArray<long>());
    }

    [Fact]
    public void Small_tasks_halve_their_dev_rows()
    {
        var data = TaskFile.Load(_tiny.WriteTask(train: 60, dev: 21));

        var split = PublishedSplit.Of(data, SplitRule.Published, 42);

        Assert.Equal((60, 10, 11), (split.Train.Count, split.Dev.Count, split.Test!.Count));
        Assert.Equal(data.Dev.Select(r => r.Line).Order(), split.Dev.Concat(split.Test).Select(r => r.Line).Order());
        Assert.Equal(split.Train.Take(7), split.Take(7, seed: 5).Train);
        Assert.Equal(split.Dev, PublishedSplit.Of(data, SplitRule.Halves, 42).Dev);
        Assert.NotEqual(split.Dev, PublishedSplit.Of(data, SplitRule.Halves, 43).Dev);
    }

    [Fact]
    public void Large_tasks_give_a_thousand_rows_to_dev_and_report_on_the_dev_file()
    {
        var data = TaskFile.Load(_tiny.WriteTask(train: 10_000, dev: 20));

        var split = PublishedSplit.Of(data, SplitRule.Published, 32);

        Assert.Equal((9_000, 1_000), (split.Train.Count, split.Dev.Count));
        Assert.Equal(data.Dev, split.Test);
        Assert.Equal(data.Train.Select(r => r.Line).Order(), split.Train.Concat(split.Dev).Select(r => r.Line).Order());
    }

    [Theory]
    [InlineData("halves", 10_000, 10)]
    [InlineData("thousand", 9_000, 1_000)]
    public void A_task_file_says_what_is_published_whatever_its_rows(string rule, int train, int dev)
    {
        var file = _tiny.WriteTask(train: 10_000, dev: 20);
        var task = JsonNode.Parse(File.ReadAllText(file))!;
        task["publishedSplit"] = rule;
        File.WriteAllText(file, task.ToJsonString());

        var split = PublishedSplit.Of(TaskFile.Load(file), SplitRule.Published, 32);

        Assert.Equal((train, dev), (split.Train.Count, split.Dev.Count));
    }

    [Theory]
    [InlineData("scitail", SplitRule.Halves)]
    [InlineData("multirc", SplitRule.Halves)]
    [InlineData("record", null)]
    public void Large_tasks_that_the_authors_halve_are_halved_in_every_shape_with_train_and_dev(string name, SplitRule? rule)
    {
        // ReCoRD's rows have no published numbers, and none of its shapes is halved.
        var shapes = PublishedTask.Find(name)!.Descriptions
            .Where(d => rule is null || (d.PublishedRows.GetValueOrDefault(Split.Train) >= 10_000 && d.Dev.Count > 0)).ToList();

        Assert.NotEmpty(shapes);
        Assert.All(shapes, d => Assert.Equal(rule, d.PublishedSplit));
    }

    [Fact]
    public void A_task_file_cannot_say_that_what_is_published_is_published()
    {
        var file = _tiny.WriteTask();
        File.WriteAllText(file, File.ReadAllText(file).Replace("\"kind\"", "\"publishedSplit\": \"published\", \"kind\"", StringComparison.Ordinal));

        var fault = Assert.Throws<GraftException>(() => TaskFile.Load(file));

        Assert.Contains("expected halves or thousand", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tasks_without_the_rows_that_a_rule_needs_are_one_sentence()
    {
        var data = TaskFile.Load(_tiny.WriteTask(train: 60, dev: 20));
        var few = Assert.Throws<GraftException>(() => PublishedSplit.Of(data, SplitRule.Thousand, 32));
        Assert.Contains("use 'halves'", few.Message, StringComparison.Ordinal);

        File.WriteAllText(
            Path.Combine(_tiny.Root, "nodev.task.json"),
            """{"name": "nodev", "kind": "classification", "text": "text", "label": "label", "files": {"train": "letters.train.tsv"}}""");
        var none = Assert.Throws<GraftException>(() => PublishedSplit.Of(TaskFile.Load(Path.Combine(_tiny.Root, "nodev.task.json")), SplitRule.Published, 32));
        Assert.Contains("has no dev file", none.Message, StringComparison.Ordinal);
        Assert.Same(data, PublishedSplit.Of(data, SplitRule.Files, 32));
    }
}
