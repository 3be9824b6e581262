using Graft.Tasks.Batches;
using Graft.Tasks.Heads;
using Graft.Tasks.Mixtures;
using Graft.Torch;

namespace Graft.Training;

/// <summary>
/// The loss of one task, or of several that share an adapter: the mean over a step's rows, of whatever tasks, and the adapter's own terms. Thread
/// contract: one thread.
/// </summary>
internal sealed class TaskObjective : Objective
{
    private readonly TaskModels _models;
    private readonly IReadOnlyList<TokenizedRows> _rows;
    private readonly TrainingSettings _settings;
    private readonly MixtureSampler _sampler;

    /// <summary>Prepares the steps.</summary>
    /// <param name="models">The models.</param>
    /// <param name="rows">The training rows of each, in their order.</param>
    /// <param name="settings">The settings.</param>
    public TaskObjective(TaskModels models, IReadOnlyList<TokenizedRows> rows, TrainingSettings settings)
        : this(models, rows, settings, new MixtureSampler([.. rows.Select(r => r.Lengths)], settings.BatchSize, settings.Seed, settings.Mixture ?? new MixtureSettings()))
    {
    }

    private TaskObjective(TaskModels models, IReadOnlyList<TokenizedRows> rows, TrainingSettings settings, MixtureSampler sampler)
        : base(models, sampler.StepsPerEpoch) => (_models, _rows, _settings, _sampler) = (models, rows, settings, sampler);

    /// <inheritdoc/>
    public override StepLoss Backward(int step, Rng dropout, CancellationToken cancellation)
    {
        var batch = _sampler.Rows(step);
        var loss = 0.0;
        var own = new double[_rows.Count];
        var whole = Size(batch);
        foreach (var rows in batch.Chunk((batch.Length + _settings.Accumulation - 1) / _settings.Accumulation))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = new TensorScope();
            loss += Backward(rows, batch.Length, whole, own, dropout);
        }

        var counts = Enumerable.Range(0, own.Length).Select(task => batch.Count(r => r.Task == task));
        return new StepLoss(
            loss, batch.Length, batch.Sum(r => _rows[r.Task].Lengths[r.Row]),
            [.. counts.Select((count, task) => new TaskStep(Model.Names[task], own[task] / count, count)).Where(t => t.Rows > 0)],
            names => [.. batch.Where(r => names.Contains(Model.Names[r.Task])).Select(r => _rows[r.Task].Examples[r.Row])]);
    }

    /// <summary>Adds the gradient of a micro-batch.</summary>
    /// <param name="rows">Its rows, in any order.</param>
    /// <param name="count">The number of the step's rows.</param>
    /// <param name="whole">How much of its loss they bear.</param>
    /// <param name="own">Receives each task's loss, summed over its rows.</param>
    /// <param name="dropout">The generator of dropout.</param>
    /// <returns>The micro-batch's part of the step's loss.</returns>
    private double Backward(MixtureRow[] rows, int count, LossSize whole, double[] own, Rng dropout)
    {
        // By task, so that each task's rows are neighbours; a stable order, as results depend on it.
        var parts = _rows.Select((r, task) => (Rows: r, Numbers: (int[])[.. rows.Where(x => x.Task == task).Select(x => x.Row)])).ToList();
        var present = parts.FindAll(p => p.Numbers.Length > 0);
        var (logits, auxiliary) = _models.Forward(
            TokenizedRows.Join([.. present.Select(p => (p.Rows, (IReadOnlyList<int>)p.Numbers))], _models.Backbone.Device),
            [.. parts.Select(p => p.Numbers.Length)], dropout, FirstLayer(dropout));
        Tensor? loss = null;
        var means = new Tensor?[parts.Count];
        for (var task = 0; task < parts.Count; task++)
        {
            if (logits[task] is { } scores)
            {
                var (numbers, model) = (parts[task].Numbers, _models.Models[task]);
                means[task] = model.Head.Loss(scores, _rows[task].Targets(numbers, _models.Backbone.Device), _settings.LabelSmoothing);
                var share = means[task]! * model.Head.Share(_rows[task].LossSize(numbers), whole);
                loss = loss is null ? share : loss + share;
            }
        }

        loss = auxiliary is null ? loss! : loss! + (auxiliary * ((double)rows.Length / count));
        loss.Backward();
        for (var task = 0; task < parts.Count; task++)
        {
            own[task] += means[task] is { } mean ? mean.ToDouble() * parts[task].Numbers.Length : 0;
        }

        return loss.ToDouble();
    }

    private LossSize Size(MixtureRow[] batch) => batch.GroupBy(r => r.Task)
        .Select(g => _rows[g.Key].LossSize([.. g.Select(r => r.Row)])).Aggregate(LossSize.Join);

    // Without AdapterDrop nothing is drawn, so that a run has the bits it had before there was such a setting.
    private int FirstLayer(Rng dropout) => _settings.AdapterDrop > 0 ? (int)dropout.Integers([], 0, _settings.AdapterDrop + 1).ToInt64() : 0;
}
