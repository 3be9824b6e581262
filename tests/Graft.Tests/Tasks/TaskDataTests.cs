using FsCheck;
using FsCheck.Fluent;
using Graft.Tasks;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Tasks;

public sealed class TaskDataTests
{
    private const string NoDev = """{"name": "mood", "kind": "classification", "text": "text", "label": "label", "files": {"train": "train.tsv"}}""";

    [Fact]
    public void A_dev_split_is_cut_per_class_and_the_same_every_time()
    {
        using var files = new TaskFolder();
        files.With("train.tsv", Table(300, row => row % 10 == 0 ? "rare" : row % 3 == 0 ? "some" : "most"));
        var (first, again, other) = (files.Load(NoDev), files.Load(NoDev), files.Load(NoDev, splitSeed: 1));

        Assert.True(first.DevIsCutFromTrain);
        Assert.Equal((270, 30), (first.Train.Count, first.Dev.Count));
        Assert.Equal(first.LabelHistogram(first.Train).Select(count => count / 9), first.LabelHistogram(first.Dev));
        Assert.Equal(Texts(first.Dev), Texts(again.Dev));
        Assert.NotEqual(Texts(first.Dev), Texts(other.Dev));
        Assert.Equal(300, Texts(first.Train).Concat(Texts(first.Dev)).Distinct().Count());
        Assert.Equal(first.Train.Select(row => row.Line).Order(), first.Train.Select(row => row.Line));
    }

    [Fact]
    public void The_rows_of_a_cut_never_change_between_versions()
    {
        using var files = new TaskFolder();
        var data = files.With("train.tsv", Table(60, row => $"{row % 2}")).Load(NoDev);

        // Computed by a second implementation of the orders that docs/tasks.md describes.
        Assert.Equal([2, 33, 34, 35, 36, 59], data.Dev.Select(row => row.Line - 2));
        Assert.Equal([13, 18, 118, 153, 199], Data(200).Take(5, 7).Train.Select(row => row.Line));
    }

    [Theory]
    [InlineData(3, 1)]
    [InlineData(14, 1)]
    [InlineData(16, 2)]
    [InlineData(9_000, 900)]
    [InlineData(20_000, 1_000)]
    public void A_dev_split_is_a_tenth_within_its_limits(int rows, int dev)
    {
        using var files = new TaskFolder();
        files.With("train.tsv", Table(rows, row => $"{row % 2}"));

        Assert.Equal(dev, files.Load(NoDev).Dev.Count);
        Assert.Equal(dev, files.Load(NoDev.Replace("classification", "regression", StringComparison.Ordinal)).Dev.Count);
    }

    [Fact]
    public void A_class_of_one_row_stays_in_train() => Prop.ForAll(Gen.Choose(0, 5).ListOf().ToArbitrary(), labels =>
    {
        using var files = new TaskFolder();
        files.With("train.tsv", Table(labels.Count + 3, row => row < labels.Count ? $"{labels[row]}" : row == labels.Count ? "x" : "y"));
        var data = files.Load(NoDev);

        Assert.All(data.LabelHistogram(data.Train), count => Assert.True(count > 0));
        Assert.Equal(labels.Count + 3, data.Train.Count + data.Dev.Count);
        Assert.NotEmpty(data.Dev);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_single_row_cannot_be_cut()
    {
        using var files = new TaskFolder();
        files.With("train.tsv", "text\tlabel\na\t1\n");

        Assert.Equal(
            "a.task.json: a dev split cannot be cut from 1 training row, expected at least 2; add rows, or name dev files.",
            files.Sentence(NoDev.Replace("classification", "regression", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_draw_depends_on_the_seed_alone_and_a_smaller_one_lies_in_a_larger() => Prop.ForAll(
        Gen.Choose(2, 199).Two().Zip(Gen.Choose(0, 1000)).ToArbitrary(), draw =>
        {
            var (sizes, seed) = draw;
            var data = Data(200);
            var (few, many) = (Math.Min(sizes.Item1, sizes.Item2), Math.Max(sizes.Item1, sizes.Item2));
            try
            {
                var (small, large) = (data.Take(few, seed), data.Take(many, seed));
                Assert.Equal((few, many), (small.Train.Count, large.Train.Count));
                Assert.Subset(Texts(large.Train).ToHashSet(), Texts(small.Train).ToHashSet());
                Assert.Equal(Texts(small.Train), Texts(Data(200).Take(few, seed).Train));
                Assert.Same(data.Dev, small.Dev);
            }
            catch (GraftException fault)
            {
                Assert.Contains("have the label", fault.Message, StringComparison.Ordinal);
                Assert.True(few < 30);
            }
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Draws_of_many_seeds_take_each_row_equally_often()
    {
        var data = Data(20);
        var counts = Enumerable.Range(0, 4000).SelectMany(seed => Draw(data, seed)).CountBy(line => line).Select(pair => pair.Value);

        Assert.All(counts, count => Assert.InRange(count, 1800, 2200));
    }

    [Fact]
    public void Draws_that_make_no_sense_are_refused()
    {
        var task = new TaskDefinition("mood", TaskKind.Classification, ["neg", "pos"], ["accuracy"], false);
        var rows = Enumerable.Range(0, 100).Select(row => new Example("x") { Label = row == 0 ? 1 : 0 }).ToList();
        var data = new TaskData(task, rows, rows, null);

        Assert.Equal("mood: 0 training rows were asked for, expected at least 1; give a larger number.", Message(() => data.Take(0, 1)));
        Assert.Equal(
            "mood: all of the 2 training rows drawn with seed 0 have the label 'neg', expected two classes or more; take more rows or another seed.",
            Message(() => data.Take(2, 0)));
        Assert.Same(data, data.Take(100, 0));
    }

    [Fact]
    public void A_draw_knows_the_rows_that_it_was_drawn_from()
    {
        var data = Data(20);

        var drawn = data.Take(10, 1).WithHeldOut(3, 3).Take(5, 2).WithoutTest();

        Assert.Equal((5, 20), (drawn.Train.Count, drawn.WholeTrain.Count));
        Assert.Same(data.Train, data.WholeTrain);
    }

    [Fact]
    public void The_majority_is_that_of_train()
    {
        var task = new TaskDefinition("mood", TaskKind.Classification, ["neg", "pos"], ["accuracy"], false);
        Example[] train = [new("a") { Label = 1 }, new("b") { Label = 1 }, new("c") { Label = 0 }];
        Example[] dev = [new("a") { Label = 0 }, new("b") { Label = 0 }, new("c") { Label = 0 }, new("d") { Label = 1 }];
        var data = new TaskData(task, train, dev, null);

        Assert.Equal(0.25, data.MajorityShare(data.Dev));
        Assert.Null(data.MajorityShare([]));
        Assert.Equal([1, 2], data.LabelHistogram(data.Train));
    }

    private static IEnumerable<int> Draw(TaskData data, int seed)
    {
        try
        {
            return data.Take(10, seed).Train.Select(row => row.Line);
        }
        catch (GraftException)
        {
            return [];
        }
    }

    private static TaskData Data(int rows)
    {
        var task = new TaskDefinition("mood", TaskKind.Classification, ["0", "1"], ["accuracy"], false);
        var examples = Enumerable.Range(0, rows).Select(row => new Example($"row {row}") { Label = row % 2, Line = row }).ToList();
        return new TaskData(task, examples, examples, null);
    }

    private static string Table(int rows, Func<int, string> label) =>
        "text\tlabel\n" + string.Concat(Enumerable.Range(0, rows).Select(row => $"row {row}\t{label(row)}\n"));

    private static IEnumerable<string> Texts(IEnumerable<Example> rows) => rows.Select(row => row.Text);

    private static string Message(Func<object?> act) => Assert.Throws<GraftException>(act).Message;
}
