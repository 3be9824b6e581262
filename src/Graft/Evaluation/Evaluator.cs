using Graft.Tasks;
using Graft.Tasks.Batches;
using Graft.Tasks.Heads;
using Graft.Torch;

namespace Graft.Evaluation;

/// <summary>What a model answers on rows, and how good that is.</summary>
/// <param name="Metrics">The task's metrics by name, in the task's order; empty when the rows have no labels.</param>
/// <param name="Outputs">Per row: class probabilities, label probabilities, or the score alone.</param>
/// <param name="Observed">What parts of the adapter showed over the rows, by name, such as the gates of each layer and submodule; empty unless they do.</param>
public sealed record EvaluationResult(
    IReadOnlyDictionary<string, double> Metrics, IReadOnlyList<float[]> Outputs, IReadOnlyDictionary<string, ObservedValue> Observed)
{
    /// <summary>The result of no rows.</summary>
    public static EvaluationResult OfNoRows { get; } = new(
        new Dictionary<string, double>(StringComparer.Ordinal), [], new Dictionary<string, ObservedValue>(StringComparer.Ordinal));
}

/// <summary>Evaluates a task's model. Stateless and thread-safe.</summary>
public static class Evaluator
{
    /// <summary>A label of a multilabel task is predicted from this probability on.</summary>
    public const float LabelThreshold = 0.5f;

    /// <summary>Answers every row and computes the task's metrics.</summary>
    /// <param name="model">The model.</param>
    /// <param name="rows">The labelled rows.</param>
    /// <param name="batchSize">The most rows computed together; it does not change an answer beyond rounding.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static EvaluationResult Evaluate(
        TaskModel model, TokenizedRows rows, int batchSize = 64, CancellationToken cancellation = default)
    {
        var observed = new ObservedSums();
        var outputs = Answer(model, rows, batchSize, observed, cancellation);
        return new EvaluationResult(Measure(model.Task, rows.Examples, outputs), outputs, observed.Values());
    }

    /// <summary>The task's metrics of answers.</summary>
    /// <param name="task">What is predicted.</param>
    /// <param name="rows">The labelled rows.</param>
    /// <param name="outputs">Per row: class probabilities, label probabilities, or the score alone.</param>
    /// <returns>The metrics by name, in the task's order.</returns>
    public static IReadOnlyDictionary<string, double> Measure(TaskDefinition task, IReadOnlyList<Example> rows, IReadOnlyList<float[]> outputs)
    {
        var predictions = Judge(task, rows, outputs);
        return task.MetricNames.ToDictionary(n => n, n => Metrics.Get(n).Compute(predictions), StringComparer.Ordinal);
    }

    /// <summary>Answers every row.</summary>
    /// <param name="model">The model.</param>
    /// <param name="rows">The rows; their labels are not read.</param>
    /// <param name="batchSize">The most rows computed together.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <returns>Per row: class probabilities, label probabilities, or the score alone.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static IReadOnlyList<float[]> Answer(
        TaskModel model, TokenizedRows rows, int batchSize = 64, CancellationToken cancellation = default) =>
        Answer(model, rows, batchSize, observed: null, cancellation);

    private static IReadOnlyList<float[]> Answer(
        TaskModel model, TokenizedRows rows, int batchSize, ObservedSums? observed, CancellationToken cancellation)
    {
        var outputs = new float[rows.Count][];
        using var frozen = Autograd.NoGrad();
        foreach (var batch in BatchSampler.Sorted(rows.Lengths, batchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = new TensorScope();
            var (logits, _, observations) = model.Forward(rows.Batch(batch, model.Backbone.Device));
            observed?.Add(observations);
            var values = ((PooledHead)model.Head).Predict(logits).To(DType.Float32).To(Device.Cpu).Contiguous().ToArray<float>();
            var width = values.Length / batch.Length;
            for (var i = 0; i < batch.Length; i++)
            {
                outputs[batch[i]] = values[(i * width)..((i + 1) * width)];
            }
        }

        return outputs;
    }

    private static Predictions Judge(TaskDefinition task, IReadOnlyList<Example> rows, IReadOnlyList<float[]> outputs) => task.Kind switch
    {
        TaskKind.Classification => Predictions.OfClasses(
            task.Outputs, [.. rows.Select(r => r.Label)], [.. outputs.Select(ArgMax)]),
        TaskKind.Multilabel => Predictions.OfLabelSets(
            task.Outputs, [.. rows.Select(r => r.Labels)], [.. outputs.Select(PredictedLabels)]),
        _ => Predictions.OfScores([.. rows.Select(r => r.Score)], [.. outputs.Select(o => (double)o[0])]),
    };

    /// <summary>The most probable class; the first of equals.</summary>
    /// <param name="probabilities">One per class.</param>
    public static int ArgMax(float[] probabilities) => Array.IndexOf(probabilities, probabilities.Max());

    /// <summary>The labels whose probability reaches <see cref="LabelThreshold"/>, ascending.</summary>
    /// <param name="probabilities">One per label.</param>
    public static IReadOnlyList<int> PredictedLabels(float[] probabilities) =>
        [.. Enumerable.Range(0, probabilities.Length).Where(l => probabilities[l] >= LabelThreshold)];
}
