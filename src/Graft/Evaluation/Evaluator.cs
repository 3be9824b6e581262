using Graft.Backbones;
using Graft.Tasks;
using Graft.Tasks.Batches;
using Graft.Tasks.Heads;
using Graft.Tasks.TextToText;
using Graft.Torch;

namespace Graft.Evaluation;

/// <summary>What a model answers on rows, and how good that is.</summary>
/// <param name="Metrics">The task's metrics by name, in the task's order; empty when the rows have no labels.</param>
/// <param name="Outputs">Per row: class probabilities, label probabilities, or the score alone; of spans the probability of the answer, 0 for none, and nothing where it is written.</param>
/// <param name="Observed">What parts of the adapter showed over the rows, by name, such as the gates of each layer and submodule; empty unless they do.</param>
public sealed record EvaluationResult(
    IReadOnlyDictionary<string, double> Metrics, IReadOnlyList<float[]> Outputs, IReadOnlyDictionary<string, ObservedValue> Observed)
{
    /// <summary>The text of the answer to each row of a task of spans, empty for none; of other tasks empty.</summary>
    public IReadOnlyList<string> Answers { get; init; } = [];

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
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(rows);
        var observed = new ObservedSums();
        if (rows.Spans is { } spans)
        {
            var found = SpanAnswers.Find(model, rows, spans, batchSize, observed, cancellation);
            return OfSpans(model.Task, spans.Questions, [.. found.Select(f => f.Text)], [.. found.Select(f => new[] { (float)(f.Best?.Probability ?? 0) })], observed);
        }

        var texts = model.Task.Kind == TaskKind.Span ? new string[rows.Count] : null;
        var outputs = Answer(model, rows, batchSize, observed, cancellation, texts);
        return texts is not null
            ? OfSpans(model.Task, rows.Examples, [.. texts.Select(TextFormat.AnswerIn)], outputs, observed)
            : new EvaluationResult(Measure(model.Task, rows.Examples, Judged(model, outputs)), outputs, observed.Values());
    }

    private static EvaluationResult OfSpans(
        TaskDefinition task, IReadOnlyList<Example> rows, IReadOnlyList<string> answers, IReadOnlyList<float[]> outputs, ObservedSums observed) =>
        new(Measure(task, Predictions.OfAnswers([.. rows.Select(r => r.Answers.Select(a => a.Text).ToList())], answers)), outputs, observed.Values()) { Answers = answers };

    /// <summary>The task's metrics of answers.</summary>
    /// <param name="task">What is predicted.</param>
    /// <param name="rows">The labelled rows.</param>
    /// <param name="outputs">Per row: class probabilities (NaN for an answer that is no label), label probabilities, or the score alone.</param>
    /// <returns>The metrics by name, in the task's order.</returns>
    public static IReadOnlyDictionary<string, double> Measure(TaskDefinition task, IReadOnlyList<Example> rows, IReadOnlyList<float[]> outputs) =>
        Measure(task, Judge(task, rows, outputs));

    private static Dictionary<string, double> Measure(TaskDefinition task, Predictions predictions) =>
        task.MetricNames.ToDictionary(n => n, n => Metrics.Get(n).Compute(predictions), StringComparer.Ordinal);

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
        TaskModel model, TokenizedRows rows, int batchSize, ObservedSums? observed, CancellationToken cancellation, string[]? texts = null)
    {
        var (outputs, answered) = (new float[rows.Count][], 0);
        using var frozen = Autograd.NoGrad();
        foreach (var batch in BatchSampler.Sorted(rows.Lengths, batchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = new TensorScope();
            var input = rows.Batch(batch, model.Backbone.Device);
            var (answers, written) = model.Head is PooledHead head ? (Pooled(model, head, input, observed), null) : Written(model, rows, input);
            if (observed is not null && model.Head is TextHead && (answered == 0 || !observed.IsEmpty))
            {
                // What parts show is that of a pass over the right texts; where the first rows show nothing, no others do.
                observed.Add(model.Forward(TokenizedRows.Join([(rows, batch)], model.Backbone.Device)).Observations);
            }

            answered += batch.Length;
            for (var i = 0; i < batch.Length; i++)
            {
                outputs[batch[i]] = answers[i];
                if (texts is not null && written is not null)
                {
                    texts[batch[i]] = written[i];
                }
            }
        }

        return outputs;
    }

    private static float[][] Pooled(TaskModel model, PooledHead head, BackboneInput input, ObservedSums? observed)
    {
        var (logits, _, observations) = model.Forward(input);
        observed?.Add(observations);
        var values = head.Predict(logits).To(DType.Float32).To(Device.Cpu).Contiguous().ToArray<float>();
        return [.. values.Chunk(head.Config.Outputs)];
    }

    private static (float[][] Outputs, string[]? Texts) Written(TaskModel model, TokenizedRows rows, BackboneInput input)
    {
        var (head, codec) = ((TextHeadConfig)model.Head.Config, rows.Text ?? throw new ArgumentException("The rows have no texts for the model's head.", nameof(rows)));
        TextRow[] asked = [.. Enumerable.Repeat(new TextRow(model.Row, head, codec), (int)input.InputIds.Size(0))];
        if (rows.Examples.Any(r => r.Group is not null))
        {
            // Rows that belong together are compared, for which a text alone, right or wrong, says too little.
            return (TextAnswers.Probabilities(model.Backbone, input, asked), null);
        }

        var texts = TextAnswers.Generate(model.Backbone, input, asked);
        return ([.. texts.Select(head.Format.Read)], texts);
    }

    // A text that is no number counts as -1, as in the authors' code.
    private static IReadOnlyList<float[]> Judged(TaskModel model, IReadOnlyList<float[]> outputs) =>
        model is { Head: TextHead, Task.Kind: TaskKind.Regression } ? [.. outputs.Select(o => float.IsNaN(o[0]) ? [-1f] : o)] : outputs;

    private static Predictions Judge(TaskDefinition task, IReadOnlyList<Example> rows, IReadOnlyList<float[]> outputs) => task.Kind switch
    {
        TaskKind.Classification when task.Labels.Count == 2 && rows.Any(r => r.Group is not null) => Predictions.OfGroups(
            rows, [.. outputs.Select(Class)], [.. outputs.Select(o => o[1])]),
        TaskKind.Classification => Predictions.OfClasses(
            task.Outputs, [.. rows.Select(r => r.Label)], [.. outputs.Select(Class)]),
        TaskKind.Multilabel => Predictions.OfLabelSets(
            task.Outputs, [.. rows.Select(r => r.Labels)], [.. outputs.Select(PredictedLabels)]),
        _ => Predictions.OfScores([.. rows.Select(r => r.Score)], [.. outputs.Select(o => (double)o[0])]),
    };

    private static int Class(float[] probabilities) => float.IsNaN(probabilities[0]) ? Predictions.NoLabel : ArgMax(probabilities);

    /// <summary>The most probable class; the first of equals.</summary>
    /// <param name="probabilities">One per class.</param>
    public static int ArgMax(float[] probabilities) => Array.IndexOf(probabilities, probabilities.Max());

    /// <summary>The labels whose probability reaches <see cref="LabelThreshold"/>, ascending.</summary>
    /// <param name="probabilities">One per label.</param>
    public static IReadOnlyList<int> PredictedLabels(float[] probabilities) =>
        [.. Enumerable.Range(0, probabilities.Length).Where(l => probabilities[l] >= LabelThreshold)];
}
