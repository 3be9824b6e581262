using Graft.Tasks.Spans;
using Graft.Tasks.TextToText;

namespace Graft.Tasks;

/// <summary>What is predicted for a row.</summary>
public enum TaskKind
{
    /// <summary>Exactly one label of a list.</summary>
    Classification,

    /// <summary>One number.</summary>
    Regression,

    /// <summary>Any number of labels of a list, none included.</summary>
    Multilabel,

    /// <summary>A piece of the second text, or that it holds none: extractive question answering.</summary>
    Span,
}

/// <summary>The part of a task's data that rows belong to.</summary>
public enum Split
{
    /// <summary>Rows that weights are fitted to.</summary>
    Train,

    /// <summary>Rows that settings and checkpoints are chosen on.</summary>
    Dev,

    /// <summary>Rows that are only reported on.</summary>
    Test,
}

/// <summary>What a task predicts, from what, and how it is judged. Immutable.</summary>
/// <param name="Name">The task's name: letters, digits, <c>-</c>, <c>_</c> and <c>.</c>, fit for a folder.</param>
/// <param name="Kind">What is predicted.</param>
/// <param name="Labels">The labels as the data writes them, in the order of their indices; empty for regression and spans.</param>
/// <param name="MetricNames">Names of metrics in <see cref="Metrics"/>, the primary one first.</param>
/// <param name="IsPair">Whether a row has a second text.</param>
public sealed record TaskDefinition(
    string Name,
    TaskKind Kind,
    IReadOnlyList<string> Labels,
    IReadOnlyList<string> MetricNames,
    bool IsPair)
{
    /// <summary>What its file says about it as text; null where nothing says it.</summary>
    public TextNames? Text { get; init; }

    /// <summary>Whether rows belong together in groups, of which the likeliest row is the answer: two labels, of which the second means that a row is right.</summary>
    public bool IsGrouped { get; init; }

    /// <summary>The metric that checkpoints are chosen by.</summary>
    public string PrimaryMetric => MetricNames[0];

    /// <summary>Outputs a head needs: one per label, one for a regression, two for spans: where they start and where they end.</summary>
    public int Outputs => Kind switch { TaskKind.Regression => 1, TaskKind.Span => 2, _ => Labels.Count };
}

/// <summary>One labelled row. Immutable.</summary>
/// <param name="Text">The text, or the first of two.</param>
/// <param name="Pair">The second text, null when the task has none.</param>
public sealed record Example(string Text, string? Pair = null)
{
    /// <summary>Index of the label of a classification row, -1 for the other kinds.</summary>
    public int Label { get; init; } = -1;

    /// <summary>Indices of the labels of a multilabel row, ascending, none twice; empty for the other kinds.</summary>
    public IReadOnlyList<int> Labels { get; init; } = [];

    /// <summary>The number of a regression row, NaN for the other kinds.</summary>
    public double Score { get; init; } = double.NaN;

    /// <summary>What the row belongs to: rows of one number are possible answers to one question; null for a row that stands alone.</summary>
    public int? Group { get; init; }

    /// <summary>What the row of a group stands for, such as a possible answer; null when its file does not say.</summary>
    public string? Answer { get; init; }

    /// <summary>The right answers of a span row, pieces of <see cref="Pair"/>; empty where it holds none, and for the other kinds.</summary>
    public IReadOnlyList<AnswerSpan> Answers { get; init; } = [];

    /// <summary>What the data calls a span row, empty where it does not say it; of the other kinds always empty.</summary>
    public string Id { get; init; } = "";

    /// <summary>File that the row was read from, empty when it was made in memory.</summary>
    public string File { get; init; } = "";

    /// <summary>Line of the file on which the row begins, counted from 1; 0 when it was made in memory.</summary>
    public int Line { get; init; }
}
