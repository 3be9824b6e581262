using FsCheck;
using FsCheck.Fluent;
using Graft.Evaluation;
using Graft.Tasks;
using Xunit;

namespace Graft.Tests.Tasks;

public sealed class RowGroupsTests
{
    private static readonly TaskDefinition s_task = new("choice", TaskKind.Classification, ["no", "yes"], ["group_accuracy", "group_exact", "group_f1", "f1"], false) { IsGrouped = true };

    // Questions of two rows, but for those whose number 3 divides, which have three.
    private static TaskData Data(int groups) => new(s_task, Rows(groups), Rows(20), Rows(30));

    private static List<Example> Rows(int groups) =>
        [.. Enumerable.Range(0, groups).SelectMany(g => Enumerable.Range(0, g % 3 == 0 ? 3 : 2).Select(i => new Example($"{g} {i}") { Group = g, Label = i == g % 2 ? 1 : 0, Answer = $"{i}" }))];

    [Theory]
    [InlineData(1)]
    [InlineData(20)]
    [InlineData(41)]
    public void Draws_and_splits_take_whole_groups(int count)
    {
        var data = Data(60);
        var whole = data.Train.GroupBy(r => r.Group).ToDictionary(g => g.Key!.Value, g => g.Count());

        var parts = new[]
        {
            data.Take(count, 3).Train, data.WithHeldOut(count, count).Test!, PublishedSplit.Of(data, SplitRule.Halves, 32).Dev, PublishedSplit.Of(data, SplitRule.Halves, 32).Test!,
            DevCut.From([.. data.Train], s_task, 0, "a").Dev, DevCut.From([.. data.Train], s_task, 0, "a").Train, LowDataSplit.Of(data, count, false, 10, 1)!.Train,
        };

        Assert.All(parts, rows => Assert.All(rows.GroupBy(r => r.Group), g => Assert.Equal(whole[g.Key!.Value], g.Count())));
        Assert.InRange(data.Take(count, 3).Train.Count, Math.Max(1, count - 2), Math.Max(count, 3));
        Assert.Equal(data.Train.Count, DevCut.From([.. data.Train], s_task, 0, "a").Dev.Count + DevCut.From([.. data.Train], s_task, 0, "a").Train.Count);
    }

    [Fact]
    public void The_likeliest_row_of_a_group_is_its_answer()
    {
        List<Example> rows =
        [
            new("a") { Group = 0, Label = 0 }, new("b") { Group = 0, Label = 1 },
            new("c") { Group = 1, Label = 1, Answer = "The Old Bridge" }, new("d") { Group = 1, Label = 0, Answer = "old town." },
            new("e") { Group = 2, Label = 0 }, new("f") { Group = 2, Label = 1 },
        ];
        float[][] outputs = [[0.9f, 0.1f], [0.6f, 0.4f], [0.3f, 0.7f], [0.2f, 0.8f], [0.8f, 0.2f], [0.1f, 0.9f]];

        var metrics = Evaluator.Measure(s_task, rows, outputs);

        // Right by the likeliest: the first and the third. Right as a whole: only the third.
        Assert.Equal(2 / 3.0, metrics["group_accuracy"], 1e-12);
        Assert.Equal(1 / 3.0, metrics["group_exact"], 1e-12);
        Assert.Equal(2 * 2 / 6.0, metrics["f1"], 1e-12);

        // Of the second, "old" is one word of two on both sides.
        Assert.Equal((1 + 0.5 + 1) / 3, metrics["group_f1"], 1e-12);
    }

    [Fact]
    public void A_group_of_one_row_is_that_row_and_an_order_of_rows_changes_nothing() => Prop.ForAll(
        ArbMap.Default.ArbFor<(byte Group, bool Right, byte Score)[]>(),
        given =>
        {
            List<Example> rows = [.. given.Select((g, i) => new Example($"{i}") { Group = g.Group % 4, Label = g.Right ? 1 : 0 })];
            List<float[]> outputs = [.. given.Select((g, i) => (float[])[1 - Score(g.Score, i), Score(g.Score, i)])];
            var order = Enumerable.Range(0, rows.Count).Reverse().ToList();
            var (forth, back) = (Evaluator.Measure(s_task, rows, outputs), Evaluator.Measure(s_task, [.. order.Select(i => rows[i])], [.. order.Select(i => outputs[i])]));
            var alone = Evaluator.Measure(s_task, [.. rows.Select((r, i) => r with { Group = i })], outputs);
            return forth.All(m => Math.Abs(m.Value - back[m.Key]) < 1e-12)
                && Math.Abs(alone["group_accuracy"] - (rows.Count == 0 ? 0 : rows.Average(r => r.Label))) < 1e-12
                && forth["group_exact"] <= 1;
        }).QuickCheckThrowOnFailure();

    // Different for every row, as equals are decided by their order.
    private static float Score(byte score, int row) => ((score * 64) + row) / 65536f;
}
