using Graft.Backbones;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Batches;
using Graft.Tasks.Heads;
using Graft.Torch;

namespace Graft.Evaluation;

/// <summary>
/// How well rows of a new task are answered under the part that each known task has of an adapter, told without training: where a new task may
/// start. Stateless and thread-safe.
/// </summary>
public static class KnownTaskScores
{
    /// <summary>The most rows that are looked at, the first ones.</summary>
    public const int MostRows = 256;

    private const int BatchSize = 32;

    /// <summary>Whether known tasks can be scored by rows: by those of text heads, and by those with labels or a number for a whole row.</summary>
    /// <param name="rows">Rows of the new task.</param>
    public static bool Can(TokenizedRows rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        return rows.Text is not null || rows.Task.Kind is TaskKind.Classification or TaskKind.Multilabel or TaskKind.Regression;
    }

    /// <summary>
    /// A score of each known task. Of rows for a pooled head it is the share of the labels' variance that a ridge regression on mean-pooled states
    /// under the task's part predicts of each row from the others; of rows for a text head minus the mean loss of the target's tokens.
    /// </summary>
    /// <param name="adapter">An adapter of several tasks; not changed.</param>
    /// <param name="backbone">The backbone it was attached to.</param>
    /// <param name="rows">Labelled rows of the new task, at least one.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <returns>A score for each of the adapter's tasks, in their order; larger is better.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static IReadOnlyList<double> Of(Adapter adapter, Backbone backbone, TokenizedRows rows, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        ArgumentNullException.ThrowIfNull(backbone);
        ArgumentNullException.ThrowIfNull(rows);
        using var frozen = Autograd.NoGrad();
        using var scope = new TensorScope();
        var known = adapter.Tasks.Select(t => new RowAdapter(adapter, t));
        if (rows.Text is not null)
        {
            return [.. known.Select(task => -Loss(backbone, rows, task, cancellation))];
        }

        var targets = LinearProbe.Targets(rows.Task, rows.Examples).Targets;
        return [.. known.Select(task => LeaveOneOut.Explained(FrozenFeatures.MeanPooled(backbone, rows, BatchSize, task, cancellation), targets))];
    }

    private static double Loss(Backbone backbone, TokenizedRows rows, RowAdapter task, CancellationToken cancellation)
    {
        using var head = new TextHead(new TextHeadConfig(rows.Task.Kind, rows.Task.Outputs, rows.Text!.Format, 1));
        var (loss, tokens) = (0.0, 0);
        foreach (var batch in Enumerable.Range(0, rows.Count).Chunk(BatchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = new TensorScope();
            var input = TokenizedRows.Join([(rows, batch)], backbone.Device);
            var output = new AdaptedModel(backbone).Forward(input, [.. Enumerable.Repeat(task, batch.Length)]).Output;
            var size = rows.LossSize(batch).Tokens;
            loss += head.Loss(head.Forward(output, input.Mask), rows.Targets(batch, backbone.Device)).ToDouble() * size;
            tokens += size;
        }

        return loss / tokens;
    }
}
