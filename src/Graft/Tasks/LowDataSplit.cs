using Graft.Torch;

namespace Graft.Tasks;

/// <summary>The rows of a task of which few are to fit. Depends on the task's rows and the seed alone. Immutable.</summary>
/// <param name="Train">Rows to fit.</param>
/// <param name="Dev">Rows to choose by.</param>
/// <param name="Test">Rows to report on.</param>
/// <param name="DevFrom">Where <paramref name="Dev"/> is from, for people.</param>
/// <param name="TestFrom">Where <paramref name="Test"/> is from, for people.</param>
internal sealed record LowDataSplit(IReadOnlyList<Example> Train, IReadOnlyList<Example> Dev, IReadOnlyList<Example> Test, string DevFrom, string TestFrom)
{
    /// <summary>The rows that train rows are drawn from: all that the task's files have as train.</summary>
    /// <param name="data">The task.</param>
    public static IReadOnlyList<Example> Pool(TaskData data) => data.DevIsCutFromTrain && data.Test is not null ? [.. data.Train, .. data.Dev] : data.Train;

    /// <summary>
    /// Draws a split: the first rows of the pool in a seeded order are train. Dev is the task's own where it has dev and test files; otherwise the rows that
    /// follow, and the task's test rows, or else its dev rows, are test.
    /// </summary>
    /// <param name="data">The task.</param>
    /// <param name="count">The rows to fit, in all or of each class.</param>
    /// <param name="perClass">Whether <paramref name="count"/> is of each class; the rows to choose by then are as many.</param>
    /// <param name="devRows">The rows to choose by where they follow.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="reportOnDev">Whether the task's dev rows are test even where it has test rows, and the rows that follow are dev: UniPELT's protocol to the letter.</param>
    /// <returns>Null where the task has too few rows.</returns>
    /// <exception cref="GraftException">Rows of each class are asked for of a task without classes, or the dev rows of a task without a dev file.</exception>
    public static LowDataSplit? Of(TaskData data, int count, bool perClass, int devRows, long seed, bool reportOnDev = false)
    {
        if (reportOnDev && data.DevIsCutFromTrain)
        {
            throw new GraftException($"The task '{data.Task.Name}' has no dev file whose rows could be test; leave --test dev out, or the task.");
        }

        if (perClass && (data.Task.Kind != TaskKind.Classification || data.Task.IsGrouped))
        {
            throw new GraftException($"The task '{data.Task.Name}' has no classes of single rows to draw from; leave --shots out, or the task.");
        }

        var pool = Pool(data);
        var groups = RowGroups.Sides(pool, data.Task);
        int[][] order = [.. SeededOrder.Permutation(groups.Count, seed, "low data").Select(i => groups[i])];
        var (train, left) = perClass ? ByClass(pool, order, data.Task.Labels.Count, count) : Lead(order, count);
        var test = reportOnDev ? null : data.Test;
        var ownDev = !perClass && !data.DevIsCutFromTrain && test is not null;
        var dev = ownDev ? [] : perClass ? ByClass(pool, left, data.Task.Labels.Count, count).Taken : Lead(left, devRows).Taken;
        var (fit, choose) = perClass ? (count * data.Task.Labels.Count, count * data.Task.Labels.Count) : (Fewest(count, groups), ownDev ? 0 : Fewest(devRows, groups));
        if (train.Count < fit || dev.Count < choose)
        {
            return null;
        }

        if (data.Task.Kind == TaskKind.Classification && train.TrueForAll(r => pool[r].Label == pool[train[0]].Label))
        {
            throw new GraftException(
                $"{data.Task.Name}: all of the {train.Count} training rows drawn with seed {seed} have the label '{data.Task.Labels[pool[train[0]].Label]}', expected two classes or more; take more rows or another seed.");
        }

        return new LowDataSplit(
            [.. train.Select(r => pool[r])], ownDev ? data.Dev : [.. dev.Select(r => pool[r])], test ?? data.Dev,
            ownDev ? "the task's own" : perClass ? $"{count} other rows of each class" : "the training rows that follow",
            test is not null ? "the task's own" : data.DevIsCutFromTrain ? "rows cut from train" : "the task's dev rows");
    }

    // Whole groups may leave a place or two.
    private static int Fewest(int count, List<int[]> groups) => Math.Max(1, count - groups.Max(g => g.Length) + 1);

    private static (List<int> Taken, int[][] Left) Lead(int[][] order, int count)
    {
        var taken = RowGroups.Draw([.. order], Enumerable.Range(0, order.Length), count);
        var used = 0;
        return (taken, [.. order.SkipWhile(g => (used += g.Length) <= taken.Count)]);
    }

    private static (List<int> Taken, int[][] Left) ByClass(IReadOnlyList<Example> pool, int[][] order, int classes, int count)
    {
        var (places, taken, rest) = (Enumerable.Repeat(count, classes).ToArray(), new List<int>(), new List<int[]>());
        foreach (var row in order)
        {
            if (places[pool[row[0]].Label]-- > 0)
            {
                taken.Add(row[0]);
            }
            else
            {
                rest.Add(row);
            }
        }

        return (taken, [.. rest]);
    }
}
