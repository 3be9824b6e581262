using Graft.Methods.Core;
using Graft.Tasks.Batches;
using Graft.Tasks.Heads;
using Graft.Torch;

namespace Graft.Training;

/// <summary>What happened in an optimizer step.</summary>
/// <param name="Number">The step's number from 1.</param>
/// <param name="Epoch">Passes over the rows so far.</param>
/// <param name="Loss">The mean loss of its rows.</param>
/// <param name="GradientNorm">The gradient's norm before clipping.</param>
/// <param name="LearningRate">The learning rate it used.</param>
/// <param name="Rows">The number of its rows.</param>
/// <param name="Tokens">The number of their real tokens.</param>
/// <param name="EvaluationDue">Whether the model should be evaluated on dev now.</param>
public readonly record struct TrainStep(
    int Number, double Epoch, double Loss, double GradientNorm, double LearningRate, int Rows, int Tokens, bool EvaluationDue);

/// <summary>
/// Trains one task's adapter and head by AdamW. Steps are pulled: whoever iterates evaluates, saves and stops between them, so the order of
/// events is the order of the caller's lines. The same settings and seed give the same bits. Thread contract: one thread.
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly TaskModel _model;
    private readonly TokenizedRows _rows;
    private readonly TrainingSettings _settings;
    private readonly BatchSampler _sampler;
    private readonly LearningRateSchedule _schedule;
    private readonly IReadOnlyList<double> _peaks;
    private readonly List<Parameter> _parameters;
    private readonly GradientWatch _watch;

    /// <summary>Prepares training from the model's present state.</summary>
    /// <param name="model">The model; changed by training.</param>
    /// <param name="rows">The training rows.</param>
    /// <param name="settings">The settings.</param>
    /// <exception cref="GraftException">The settings let the adapter rest in every block.</exception>
    public Trainer(TaskModel model, TokenizedRows rows, TrainingSettings settings)
    {
        (_model, _rows, _settings) = (model, rows, settings);
        if (settings.AdapterDrop >= model.Backbone.Config.Layers)
        {
            throw new GraftException(
                $"adapter_drop is {settings.AdapterDrop}, and of the backbone's {model.Backbone.Config.Layers} blocks one must keep its adapter; give at most {model.Backbone.Config.Layers - 1}.");
        }

        _sampler = new BatchSampler(rows.Lengths, settings.BatchSize, settings.Seed);
        TotalSteps = settings.Steps ?? Math.Max(1, (int)Math.Ceiling(settings.Epochs * _sampler.BatchesPerEpoch));
        model.Adapter.BeginTraining(new TrainingPlan(TotalSteps));
        var warmup = (int)Math.Ceiling(settings.WarmupRatio * TotalSteps);
        _schedule = settings.Schedule switch
        {
            ScheduleKind.Linear => Schedules.Linear(warmup, TotalSteps),
            ScheduleKind.Cosine => Schedules.Cosine(warmup, TotalSteps),
            _ => Schedules.Constant(warmup),
        };
        Optimizer = new AdamW(Groups(model, settings));
        _peaks = [.. Optimizer.Groups.Select(g => g.LearningRate)];
        _parameters = [.. Optimizer.Groups.SelectMany(g => g.Parameters)];
        _watch = new GradientWatch(model, _sampler.BatchesPerEpoch, settings.AdapterDrop > 0);
        Dropout = new Rng(unchecked((settings.Seed * 2) + 1), model.Backbone.Device);
    }

    /// <summary>The number of steps of the whole run.</summary>
    public int TotalSteps { get; }

    /// <summary>The steps done.</summary>
    public int StepsDone { get; internal set; }

    /// <summary>The optimizer, with its state.</summary>
    internal AdamW Optimizer { get; }

    /// <summary>The generator of dropout.</summary>
    internal Rng Dropout { get; }

    /// <summary>The steps that remain, each done when it is asked for.</summary>
    /// <param name="cancellation">Stops between steps.</param>
    /// <exception cref="GraftException">A parameter gets no gradient, so it would never be trained.</exception>
    /// <exception cref="TrainingDivergedException">The loss or the gradient is not a number; the model is as before the step.</exception>
    public IEnumerable<TrainStep> Steps(CancellationToken cancellation = default)
    {
        var epoch = -1;
        IReadOnlyList<int[]> batches = [];
        while (StepsDone < TotalSteps && !cancellation.IsCancellationRequested)
        {
            if (StepsDone / _sampler.BatchesPerEpoch != epoch)
            {
                epoch = StepsDone / _sampler.BatchesPerEpoch;
                batches = _sampler.Epoch(epoch);
            }

            yield return Step(batches[StepsDone % _sampler.BatchesPerEpoch]);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Optimizer.Dispose();
        Dropout.Dispose();
    }

    private TrainStep Step(int[] batch)
    {
        var number = StepsDone + 1;
        var loss = 0.0;
        Optimizer.ZeroGrad();
        foreach (var rows in batch.Chunk((batch.Length + _settings.Accumulation - 1) / _settings.Accumulation))
        {
            using var scope = new TensorScope();
            var (logits, auxiliary, _) = _model.Forward(_rows.Batch(rows, _model.Backbone.Device), Dropout, FirstLayer());
            var part = _model.Head.Loss(logits, _rows.Targets(rows, _model.Backbone.Device), _settings.LabelSmoothing);
            part = (auxiliary is null ? part : part + auxiliary) * ((double)rows.Length / batch.Length);
            part.Backward();
            loss += part.ToDouble();
        }

        _watch.Look(number);
        _model.Adapter.BeforeOptimizerStep(number);
        var norm = GradientClip.ClipNorm_(_parameters, _settings.ClipNorm > 0 ? _settings.ClipNorm : double.PositiveInfinity);
        if (!double.IsFinite(loss) || !double.IsFinite(norm))
        {
            throw new TrainingDivergedException(_model.Task.Name, number, loss, norm, [.. batch.Select(r => _rows.Examples[r])]);
        }

        var factor = _schedule(StepsDone);
        for (var g = 0; g < _peaks.Count; g++)
        {
            Optimizer.Groups[g].LearningRate = _peaks[g] * factor;
        }

        Optimizer.Step();
        _model.Adapter.AfterOptimizerStep(number);
        StepsDone = number;
        return new TrainStep(
            number, (double)number / _sampler.BatchesPerEpoch, loss, norm, _settings.LearningRate * factor,
            batch.Length, batch.Sum(r => _rows.Lengths[r]), EvaluationDue(number));
    }

    // Without AdapterDrop nothing is drawn, so that a run has the bits it had before there was such a setting.
    private int FirstLayer() => _settings.AdapterDrop > 0 ? (int)Dropout.Integers([], 0, _settings.AdapterDrop + 1).ToInt64() : 0;

    private bool EvaluationDue(int step) => _settings.Evaluations is { } count
        ? (long)step * count / TotalSteps > (step - 1L) * count / TotalSteps
        : step == TotalSteps || step % (_settings.EvaluateEvery ?? _sampler.BatchesPerEpoch) == 0;

    private static List<ParameterGroup> Groups(TaskModel model, TrainingSettings settings)
    {
        var groups = model.Adapter.Groups
            .Select(g => new ParameterGroup(
                g.Name, g.Parameters, g.LearningRate ?? settings.LearningRate, g.WeightDecay ?? settings.WeightDecay))
            .ToList();
        var taken = groups.SelectMany(g => g.Parameters).ToHashSet();
        var rest = model.Parameters().Select(p => p.Parameter).Where(p => p.Trainable && !taken.Contains(p)).ToLookup(p => p.Value.Rank >= 2);
        if (rest[true].Any())
        {
            groups.Add(new ParameterGroup("matrices", [.. rest[true]], settings.LearningRate, settings.WeightDecay));
        }

        if (rest[false].Any())
        {
            groups.Add(new ParameterGroup("vectors", [.. rest[false]], settings.LearningRate, 0));
        }

        return groups;
    }
}
