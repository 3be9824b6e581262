namespace Graft.Tasks;

/// <summary>What was right and what was predicted, row by row. Immutable.</summary>
public sealed class Predictions
{
    /// <summary>The index of an answer that is no label.</summary>
    public const int NoLabel = -1;

    private Predictions(TaskKind kind, int classes, int count) => (Kind, Classes, Count) = (kind, classes, count);

    /// <summary>What is predicted.</summary>
    public TaskKind Kind { get; }

    /// <summary>Labels there are; 0 for regression and spans.</summary>
    public int Classes { get; }

    /// <summary>Rows.</summary>
    public int Count { get; }

    /// <summary>The right label index of each row (classification).</summary>
    public IReadOnlyList<int> ExpectedClasses { get; private init; } = [];

    /// <summary>The predicted label index of each row (classification); -1 for an answer that is no label.</summary>
    public IReadOnlyList<int> PredictedClasses { get; private init; } = [];

    /// <summary>The group of each row of a task whose rows belong together; empty where they do not.</summary>
    public IReadOnlyList<int?> Groups { get; private init; } = [];

    /// <summary>The probability of the second label of each row, by which the rows of a group are compared; NaN for an answer that is no label.</summary>
    public IReadOnlyList<float> SecondLabel { get; private init; } = [];

    /// <summary>What each row of a group stands for; null where nothing says it.</summary>
    public IReadOnlyList<string?> Answers { get; private init; } = [];

    /// <summary>The right label indices of each row (multilabel).</summary>
    public IReadOnlyList<IReadOnlyList<int>> ExpectedSets { get; private init; } = [];

    /// <summary>The predicted label indices of each row (multilabel).</summary>
    public IReadOnlyList<IReadOnlyList<int>> PredictedSets { get; private init; } = [];

    /// <summary>The right number of each row (regression).</summary>
    public IReadOnlyList<double> ExpectedScores { get; private init; } = [];

    /// <summary>The predicted number of each row (regression).</summary>
    public IReadOnlyList<double> PredictedScores { get; private init; } = [];

    /// <summary>The right answers of each row (spans); none for a row without answer.</summary>
    public IReadOnlyList<IReadOnlyList<string>> ExpectedAnswers { get; private init; } = [];

    /// <summary>The predicted answer of each row (spans); empty for none.</summary>
    public IReadOnlyList<string> PredictedAnswers { get; private init; } = [];

    /// <summary>Predictions of one label per row.</summary>
    /// <param name="classes">Labels there are.</param>
    /// <param name="expected">The right label index of each row.</param>
    /// <param name="predicted">The predicted label index of each row; -1 for an answer that is no label, as a generated text may be.</param>
    /// <exception cref="ArgumentException">The lists differ in length, or an index is outside 0 .. classes-1.</exception>
    public static Predictions OfClasses(int classes, IReadOnlyList<int> expected, IReadOnlyList<int> predicted)
    {
        RequireSameLength(expected, predicted);
        RequireInRange(classes, expected, nameof(expected));
        RequireInRange(classes, predicted.Where(label => label != NoLabel), nameof(predicted));
        return new Predictions(TaskKind.Classification, classes, expected.Count) { ExpectedClasses = expected, PredictedClasses = predicted };
    }

    /// <summary>Predictions of whether each row of a group is right.</summary>
    /// <param name="rows">The rows with their labels, 1 for a right one.</param>
    /// <param name="predicted">The predicted label of each row; -1 for an answer that is no label.</param>
    /// <param name="right">The probability that each row is right.</param>
    /// <exception cref="ArgumentException">The lists differ in length, or a label is neither 0 nor 1.</exception>
    public static Predictions OfGroups(IReadOnlyList<Example> rows, IReadOnlyList<int> predicted, IReadOnlyList<float> right)
    {
        RequireSameLength(rows, right);
        var plain = OfClasses(2, [.. rows.Select(r => r.Label)], predicted);
        return new Predictions(TaskKind.Classification, 2, rows.Count)
        {
            ExpectedClasses = plain.ExpectedClasses,
            PredictedClasses = plain.PredictedClasses,
            Groups = [.. rows.Select(r => r.Group)],
            Answers = [.. rows.Select(r => r.Answer)],
            SecondLabel = right,
        };
    }

    /// <summary>Predictions of any number of labels per row.</summary>
    /// <param name="classes">Labels there are.</param>
    /// <param name="expected">The right label indices of each row, none twice.</param>
    /// <param name="predicted">The predicted label indices of each row, none twice.</param>
    /// <exception cref="ArgumentException">The lists differ in length, or an index is outside 0 .. classes-1.</exception>
    public static Predictions OfLabelSets(
        int classes, IReadOnlyList<IReadOnlyList<int>> expected, IReadOnlyList<IReadOnlyList<int>> predicted)
    {
        RequireSameLength(expected, predicted);
        foreach (var row in expected.Concat(predicted))
        {
            RequireInRange(classes, row, nameof(expected));
        }

        return new Predictions(TaskKind.Multilabel, classes, expected.Count) { ExpectedSets = expected, PredictedSets = predicted };
    }

    /// <summary>Predictions of one number per row.</summary>
    /// <param name="expected">The right number of each row.</param>
    /// <param name="predicted">The predicted number of each row.</param>
    /// <exception cref="ArgumentException">The lists differ in length.</exception>
    public static Predictions OfScores(IReadOnlyList<double> expected, IReadOnlyList<double> predicted)
    {
        RequireSameLength(expected, predicted);
        return new Predictions(TaskKind.Regression, 0, expected.Count) { ExpectedScores = expected, PredictedScores = predicted };
    }

    /// <summary>Predictions of one answer per row.</summary>
    /// <param name="expected">The right answers of each row; none for a row without answer.</param>
    /// <param name="predicted">The predicted answer of each row; empty for none.</param>
    /// <exception cref="ArgumentException">The lists differ in length.</exception>
    public static Predictions OfAnswers(IReadOnlyList<IReadOnlyList<string>> expected, IReadOnlyList<string> predicted)
    {
        RequireSameLength(expected, predicted);
        return new Predictions(TaskKind.Span, 0, expected.Count) { ExpectedAnswers = expected, PredictedAnswers = predicted };
    }

    private static void RequireSameLength<T, TOther>(IReadOnlyList<T> expected, IReadOnlyList<TOther> predicted)
    {
        ArgumentNullException.ThrowIfNull(expected);
        ArgumentNullException.ThrowIfNull(predicted);
        if (expected.Count != predicted.Count)
        {
            throw new ArgumentException($"{expected.Count} expected rows but {predicted.Count} predicted ones.", nameof(predicted));
        }
    }

    private static void RequireInRange(int classes, IEnumerable<int> labels, string name)
    {
        foreach (var label in labels)
        {
            if (label < 0 || label >= classes)
            {
                throw new ArgumentException($"Label index {label} is outside 0 .. {classes - 1}.", name);
            }
        }
    }
}
