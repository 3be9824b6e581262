using System.Collections.Frozen;
using Graft.Torch;

namespace Graft.Tasks;

/// <summary>One number that says how good predictions are; higher is better. Implementations are immutable.</summary>
public interface IMetric
{
    /// <summary>The name in task files and reports.</summary>
    string Name { get; }

    /// <summary>The definition in one line.</summary>
    string Summary { get; }

    /// <summary>Whether the metric is defined for a kind of task.</summary>
    /// <param name="kind">The kind.</param>
    bool Judges(TaskKind kind);

    /// <summary>Whether the metric is defined for two labels only.</summary>
    bool IsBinary { get; }

    /// <summary>Whether the metric is of rows that belong together in groups.</summary>
    bool IsOfGroups { get; }

    /// <summary>The value, normally between -1 and 1; 0 where the definition divides zero by zero, also for no rows.</summary>
    /// <param name="predictions">The rows.</param>
    /// <exception cref="ArgumentException">The metric is not defined for the kind of the predictions.</exception>
    double Compute(Predictions predictions);
}

/// <summary>The metrics there are, by name. Thread-safe.</summary>
public static class Metrics
{
    private static readonly FrozenDictionary<string, IMetric> s_all = new IMetric[]
    {
        new Metric("accuracy", "share of rows that are wholly right", [TaskKind.Classification, TaskKind.Multilabel], CountMetrics.Accuracy),
        new Metric("exact_match", "share of rows whose answer is a right one, articles, punctuation and letter case aside", [TaskKind.Span], AnswerMetrics.ExactMatch),
        new Metric("f1", "harmonic mean of precision and recall of the second of two labels", [TaskKind.Classification], CountMetrics.BinaryF1, IsBinary: true),
        new Metric("group_accuracy", "share of groups whose likeliest row is right", [TaskKind.Classification], GroupMetrics.Accuracy, IsBinary: true, IsOfGroups: true),
        new Metric("group_exact", "share of groups whose rows are all right", [TaskKind.Classification], GroupMetrics.Exact, IsBinary: true, IsOfGroups: true),
        new Metric("group_f1", "words that the answer of the likeliest row shares with a right one", [TaskKind.Classification], GroupMetrics.TokenF1, IsBinary: true, IsOfGroups: true),
        new Metric("macro_f1", "mean of the F1 of each label", [TaskKind.Classification, TaskKind.Multilabel], CountMetrics.MacroF1),
        new Metric("macro_f1_all", "mean of the F1 of each label, those that never occur counted as 0", [TaskKind.Classification, TaskKind.Multilabel], CountMetrics.MacroF1OfAll),
        new Metric("macro_f1_rest", "mean of the F1 of each label but the first", [TaskKind.Classification], CountMetrics.MacroF1OfRest),
        new Metric("macro_recall", "mean of the recall of each label", [TaskKind.Classification], CountMetrics.MacroRecall),
        new Metric("matthews", "correlation of right and predicted labels", [TaskKind.Classification], CountMetrics.Matthews),
        new Metric("micro_f1", "F1 of the counts of all labels together", [TaskKind.Classification, TaskKind.Multilabel], CountMetrics.MicroF1),
        new Metric("pearson", "linear correlation of right and predicted numbers", [TaskKind.Regression], CorrelationMetrics.Pearson),
        new Metric("spearman", "linear correlation of the ranks, ties given their mean rank", [TaskKind.Regression], CorrelationMetrics.Spearman),
        new Metric("token_f1", "mean F1 of the words of the answer and the right answer", [TaskKind.Span], AnswerMetrics.TokenF1),
    }.ToFrozenDictionary(metric => metric.Name, StringComparer.Ordinal);

    /// <summary>All metrics in the order of their names.</summary>
    public static IReadOnlyList<IMetric> All { get; } = [.. s_all.Values.OrderBy(metric => metric.Name, StringComparer.Ordinal)];

    /// <summary>The metric of a name.</summary>
    /// <param name="name">The name.</param>
    /// <exception cref="GraftException">There is none; the message names the nearest.</exception>
    public static IMetric Get(string name) => s_all.TryGetValue(name, out var metric)
        ? metric
        : throw new GraftException($"there is no metric '{name}'; {Suggest.Hint(name, [.. All.Select(one => one.Name)])}");

    /// <summary>The metrics of a task that names none, the primary one first.</summary>
    /// <param name="kind">The kind of the task.</param>
    public static IReadOnlyList<string> Defaults(TaskKind kind) => kind switch
    {
        TaskKind.Classification => ["accuracy", "macro_f1"],
        TaskKind.Multilabel => ["micro_f1", "macro_f1", "accuracy"],
        TaskKind.Span => ["token_f1", "exact_match"],
        _ => ["pearson", "spearman"],
    };

    /// <summary>Refuses a metric that is not defined for a task.</summary>
    /// <param name="name">The metric.</param>
    /// <param name="kind">The kind of the task.</param>
    /// <param name="labels">Number of its labels, null when it is not known yet.</param>
    /// <param name="where">What the sentence begins with, null for nothing.</param>
    /// <param name="grouped">Whether the task's rows belong together in groups.</param>
    /// <exception cref="GraftException">The metric does not exist or does not fit.</exception>
    public static void Check(string name, TaskKind kind, int? labels, string? where = null, bool grouped = true)
    {
        var metric = Get(name);
        var place = where is null ? "" : $"{where}: ";
        if (!metric.Judges(kind))
        {
            var fitting = All.Where(one => one.Judges(kind)).Select(one => one.Name).ToList();
            throw new GraftException($"{place}the metric '{name}' is not defined for a {kind.ToString().ToLowerInvariant()} task; use {Suggest.List(fitting)}.");
        }

        if (metric.IsOfGroups && !grouped)
        {
            throw new GraftException($"{place}the metric '{name}' is of rows that belong together, and the task names no 'group'; name its column, or use another metric.");
        }

        if (metric.IsBinary && labels is > 2)
        {
            throw new GraftException($"{place}the metric '{name}' is for two labels, but the task has {labels}; use macro_f1 or micro_f1.");
        }
    }

    private sealed record Metric(
        string Name, string Summary, IReadOnlyList<TaskKind> Kinds, Func<Predictions, double> Formula, bool IsBinary = false, bool IsOfGroups = false) : IMetric
    {
        public bool Judges(TaskKind kind) => Kinds.Contains(kind);

        public double Compute(Predictions predictions)
        {
            ArgumentNullException.ThrowIfNull(predictions);
            return Judges(predictions.Kind)
                ? Formula(predictions)
                : throw new ArgumentException($"{Name} is not defined for {predictions.Kind}.", nameof(predictions));
        }
    }
}
