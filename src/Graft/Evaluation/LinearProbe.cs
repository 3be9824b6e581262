using Graft.Backbones;
using Graft.Tasks;
using Graft.Tasks.Batches;
using Graft.Torch;

namespace Graft.Evaluation;

/// <summary>How good a linear model on frozen features is.</summary>
/// <param name="Dev">The task's metrics on dev, by which the strength was chosen.</param>
/// <param name="Test">The task's metrics on test; null where there are no test rows.</param>
/// <param name="Strength">The chosen strength of the penalty.</param>
public sealed record LinearProbeResult(IReadOnlyDictionary<string, double> Dev, IReadOnlyDictionary<string, double>? Test, double Strength);

/// <summary>
/// The baseline that an adapter has to beat: a linear model with an L2 penalty on the standardized, mean-pooled last layer of the frozen
/// backbone, the penalty chosen on dev. Deterministic. Stateless and thread-safe.
/// </summary>
public static class LinearProbe
{
    /// <summary>Strengths of the penalty, strong ones first: each fit starts from the one before.</summary>
    private static readonly double[] s_strengths = [10, 3, 1, 0.3, 0.1, 0.03, 0.01, 0.003];

    /// <summary>Weaker penalties in a row without a better dev metric after which the search stops.</summary>
    private const int Patience = 3;

    /// <summary>Computes features of all rows once, fits on train, chooses on dev, and measures.</summary>
    /// <param name="backbone">The backbone.</param>
    /// <param name="train">Rows to fit.</param>
    /// <param name="dev">Rows to choose the strength by.</param>
    /// <param name="test">Rows to report on; null for none.</param>
    /// <param name="batchSize">The most rows of a backbone pass.</param>
    /// <param name="cancellation">Stops between batches and fits.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static LinearProbeResult Run(
        Backbone backbone, TokenizedRows train, TokenizedRows dev, TokenizedRows? test = null, int batchSize = 64,
        CancellationToken cancellation = default)
    {
        using var scope = new TensorScope();
        var (fit, choose) = (Features(train), Features(dev));
        return Run(
            train.Task, (fit, train.Examples), (choose, dev.Examples), test is null ? null : (Features(test), test.Examples), cancellation);

        Tensor Features(TokenizedRows rows) => FrozenFeatures.MeanPooled(backbone, rows, batchSize, cancellation: cancellation);
    }

    /// <summary>Fits on train features, chooses on dev features, and measures.</summary>
    /// <param name="task">What is predicted.</param>
    /// <param name="train">[N, D] features and the rows they are of.</param>
    /// <param name="dev">[N, D] features and the rows they are of.</param>
    /// <param name="test">[N, D] features and the rows they are of; null for none.</param>
    /// <param name="cancellation">Stops between fits.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static LinearProbeResult Run(
        TaskDefinition task, (Tensor Features, IReadOnlyList<Example> Rows) train, (Tensor Features, IReadOnlyList<Example> Rows) dev,
        (Tensor Features, IReadOnlyList<Example> Rows)? test, CancellationToken cancellation = default)
    {
        using var frozen = Autograd.NoGrad();
        using var scope = new TensorScope();
        var scale = new FeatureScale(train.Features);
        var (targets, center, unit) = Targets(task, train.Rows);
        var (fit, choose) = (scale.Apply(train.Features), scale.Apply(dev.Features));

        Tensor? weights = null;
        Tensor? best = null;
        IReadOnlyDictionary<string, double>? bestDev = null;
        var (strength, since) = (0.0, 0);
        foreach (var candidate in s_strengths)
        {
            cancellation.ThrowIfCancellationRequested();
            weights = RidgeRegression.Fit(fit, targets, task.Kind, candidate, weights);
            var metrics = Measure(choose, dev.Rows, weights);
            if (bestDev is null || metrics[task.PrimaryMetric] > bestDev[task.PrimaryMetric])
            {
                (best, bestDev, strength, since) = (weights, metrics, candidate, 0);
            }
            else if (++since >= Patience)
            {
                break;
            }
        }

        return new LinearProbeResult(
            bestDev!, test is { } held ? Measure(scale.Apply(held.Features), held.Rows, best!) : null, strength);

        IReadOnlyDictionary<string, double> Measure(Tensor features, IReadOnlyList<Example> rows, Tensor at)
        {
            using var inner = new TensorScope();
            var values = ((RidgeRegression.Predict(features, at, task.Kind) * unit) + center).Contiguous().ToArray<float>();
            return Evaluator.Measure(task, rows, [.. values.Chunk(task.Outputs)]);
        }
    }

    /// <summary>[N, C] one-hot rows or label sets, or [N, 1] standardized scores with what undoes it.</summary>
    internal static (Tensor Targets, double Center, double Unit) Targets(TaskDefinition task, IReadOnlyList<Example> rows)
    {
        if (task.Kind == TaskKind.Regression)
        {
            var center = rows.Average(r => r.Score);
            var spread = Math.Sqrt(rows.Average(r => Math.Pow(r.Score - center, 2)));
            var unit = spread > 0 ? spread : 1;
            return (Tensor.From(rows.Select(r => (float)((r.Score - center) / unit)).ToArray(), rows.Count, 1), center, unit);
        }

        var hot = new float[rows.Count * task.Outputs];
        for (var i = 0; i < rows.Count; i++)
        {
            foreach (var label in task.Kind == TaskKind.Classification ? [rows[i].Label] : rows[i].Labels)
            {
                hot[(i * task.Outputs) + label] = 1;
            }
        }

        return (Tensor.From(hot, rows.Count, task.Outputs), 0, 1);
    }
}
