using Graft.Torch;

namespace Graft.Tasks;

/// <summary>A task with its rows. Immutable.</summary>
public sealed class TaskData
{
    /// <summary>Joins a definition and its rows.</summary>
    /// <param name="task">The definition.</param>
    /// <param name="train">Rows to fit, at least one.</param>
    /// <param name="dev">Rows to choose by, at least one.</param>
    /// <param name="test">Labelled rows to report on, null when there are none.</param>
    public TaskData(TaskDefinition task, IReadOnlyList<Example> train, IReadOnlyList<Example> dev, IReadOnlyList<Example>? test)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(train);
        ArgumentNullException.ThrowIfNull(dev);
        (Task, Train, Dev, Test) = (task, train, dev, test);
    }

    /// <summary>What is predicted.</summary>
    public TaskDefinition Task { get; }

    /// <summary>Rows to fit.</summary>
    public IReadOnlyList<Example> Train { get; }

    /// <summary>Rows to choose settings and checkpoints by.</summary>
    public IReadOnlyList<Example> Dev { get; }

    /// <summary>Rows to report on; null when the task has no labelled test rows.</summary>
    public IReadOnlyList<Example>? Test { get; }

    /// <summary>Whether <see cref="Dev"/> was cut from the train files because the task names no dev file.</summary>
    public bool DevIsCutFromTrain => Splits.CutSeed is not null;

    /// <summary>How the splits came about.</summary>
    public TaskSplits Splits { get; init; } = new();

    /// <summary>What <see cref="SplitRule.Published"/> is for this task whatever its number of rows; null where that decides.</summary>
    public SplitRule? PublishedSplit { get; init; }

    /// <summary>Rows that were left out because the task file says <c>"ragged": "skip"</c>.</summary>
    public int SkippedRows { get; init; }

    /// <summary>What is unusual about the rows, in half sentences for people, such as numbers other than the published ones.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Whether <see cref="Train"/> is in a random order, of which a draw takes the first rows.</summary>
    public bool IsShuffled { get; init; }

    /// <summary>The train rows that <see cref="Train"/> was drawn from; the same where nothing was drawn.</summary>
    public IReadOnlyList<Example> WholeTrain { get => field ?? Train; private init; }

    /// <summary>The rows of a split; an empty list for a test split that does not exist.</summary>
    /// <param name="split">The split.</param>
    public IReadOnlyList<Example> Rows(Split split) => split switch
    {
        Split.Train => Train,
        Split.Dev => Dev,
        _ => Test ?? [],
    };

    /// <summary>
    /// The same task with at most <paramref name="examples"/> train rows, drawn plainly at random (not per class; whole groups where rows belong together) and kept in
    /// the order of the file. The draw depends on the number of rows and the seed alone, so every method sees the same rows, and the
    /// rows of a smaller draw are among those of a larger one with the same seed.
    /// </summary>
    /// <param name="examples">Rows wanted, at least 1; all rows when there are no more than that.</param>
    /// <param name="seed">The seed of the draw.</param>
    /// <exception cref="GraftException">Fewer than one row is asked for, or the draw of a classification task holds one class only.</exception>
    public TaskData Take(int examples, long seed)
    {
        if (examples < 1)
        {
            throw new GraftException($"{Task.Name}: {examples} training rows were asked for, expected at least 1; give a larger number.");
        }

        if (examples >= Train.Count)
        {
            return this;
        }

        var groups = RowGroups.Of(Train);
        var order = IsShuffled ? Enumerable.Range(0, groups.Count) : SeededOrder.Permutation(groups.Count, seed, "take");
        var chosen = RowGroups.Draw(groups, order, examples).Order().Select(row => Train[row]).ToList();
        if (Task.Kind == TaskKind.Classification && chosen.TrueForAll(row => row.Label == chosen[0].Label))
        {
            throw new GraftException(
                $"{Task.Name}: all of the {examples} training rows drawn with seed {seed} have the label '{Task.Labels[chosen[0].Label]}', " +
                "expected two classes or more; take more rows or another seed.");
        }

        return With(chosen, Dev, Test);
    }

    /// <summary>
    /// The same task with at most so many rows to choose by and to report on, drawn plainly at random with seed 0 and kept in the order of
    /// the file, so that everybody who asks for as many has the same ones.
    /// </summary>
    /// <param name="dev">The most dev rows, at least 1; null for all.</param>
    /// <param name="test">The most test rows, at least 1; null for all.</param>
    public TaskData WithHeldOut(int? dev, int? test) => With(Train, Draw(Dev, dev, "dev rows"), Test is null ? null : Draw(Test, test, "test rows"));

    /// <summary>The same task without rows to report on, for training whose result is judged later or not at all.</summary>
    public TaskData WithoutTest() => With(Train, Dev, null);

    /// <summary>The same task with other rows.</summary>
    /// <param name="train">Rows to fit.</param>
    /// <param name="dev">Rows to choose by.</param>
    /// <param name="test">Rows to report on, null when there are none.</param>
    internal TaskData With(IReadOnlyList<Example> train, IReadOnlyList<Example> dev, IReadOnlyList<Example>? test) =>
        new(Task, train, dev, test) { Splits = Splits, SkippedRows = SkippedRows, IsShuffled = IsShuffled, Notes = Notes, WholeTrain = WholeTrain };

    private static IReadOnlyList<Example> Draw(IReadOnlyList<Example> rows, int? most, string purpose)
    {
        if (most is not { } count || count >= rows.Count)
        {
            return rows;
        }

        var groups = RowGroups.Of(rows);
        return [.. RowGroups.Draw(groups, SeededOrder.Permutation(groups.Count, 0, purpose), count).Order().Select(row => rows[row])];
    }

    /// <summary>How many rows bear each label, by label index; empty for regression. A multilabel row counts once for each of its labels.</summary>
    /// <param name="rows">The rows.</param>
    public IReadOnlyList<int> LabelHistogram(IEnumerable<Example> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var counts = new int[Task.Labels.Count];
        foreach (var row in rows)
        {
            if (Task.Kind == TaskKind.Classification)
            {
                counts[row.Label]++;
            }

            foreach (var label in row.Labels)
            {
                counts[label]++;
            }
        }

        return counts;
    }

    /// <summary>
    /// The accuracy on <paramref name="rows"/> of always answering the commonest label of <see cref="Train"/> (the first of equals),
    /// which a trained model has to beat; null unless the task is a classification and there are rows.
    /// </summary>
    /// <param name="rows">The rows judged on.</param>
    public double? MajorityShare(IReadOnlyCollection<Example> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        if (Task.Kind != TaskKind.Classification || rows.Count == 0)
        {
            return null;
        }

        var counts = LabelHistogram(Train);
        var majority = Enumerable.Range(0, counts.Count).MaxBy(label => counts[label]);
        return (double)rows.Count(row => row.Label == majority) / rows.Count;
    }
}
