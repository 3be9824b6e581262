using Graft.Methods.Core;
using Graft.Tasks.Batches;
using Graft.Tasks.Heads;
using Graft.Tasks.Mixtures;
using Graft.Torch;

namespace Graft.Training;

/// <summary>What a step did for one of its tasks.</summary>
/// <param name="Task">The task.</param>
/// <param name="Loss">The mean loss of its rows.</param>
/// <param name="Rows">The number of its rows.</param>
public readonly record struct TaskStep(string Task, double Loss, int Rows);

/// <summary>What happened in an optimizer step.</summary>
/// <param name="Number">The step's number from 1.</param>
/// <param name="Epoch">Passes over the rows so far.</param>
/// <param name="Loss">The mean loss of its rows, with the adapter's own terms.</param>
/// <param name="GradientNorm">The gradient's norm before clipping.</param>
/// <param name="LearningRate">The learning rate it used.</param>
/// <param name="Rows">The number of its rows.</param>
/// <param name="Tokens">The number of their real tokens.</param>
/// <param name="EvaluationDue">Whether the model should be evaluated on dev now.</param>
public readonly record struct TrainStep(
    int Number, double Epoch, double Loss, double GradientNorm, double LearningRate, int Rows, int Tokens, bool EvaluationDue)
{
    /// <summary>The tasks that had rows in the step, without the adapter's own terms of the loss.</summary>
    public IReadOnlyList<TaskStep> Tasks { get; init; } = [];
}

/// <summary>
/// Trains an adapter and its heads by AdamW: one task, or several that share the adapter. Steps are pulled: whoever iterates evaluates, saves and
/// stops between them, so the order of events is the order of the caller's lines. The same settings and seed give the same bits. A step's
/// loss is the mean over its rows, of whatever tasks. Thread contract: one thread.
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly IReadOnlyList<TokenizedRows> _rows;
    private readonly TrainingSettings _settings;
    private readonly MixtureSampler _sampler;
    private readonly LearningRateSchedule _schedule;
    private readonly IReadOnlyList<double> _peaks;
    private readonly List<Parameter> _parameters;
    private readonly GradientWatch _watch;

    /// <summary>Prepares the training of one task from the model's present state.</summary>
    /// <param name="model">The model; changed by training.</param>
    /// <param name="rows">The training rows.</param>
    /// <param name="settings">The settings.</param>
    /// <exception cref="GraftException">The settings let the adapter rest in every block.</exception>
    public Trainer(TaskModel model, TokenizedRows rows, TrainingSettings settings)
        : this(new TaskModels([model]), [rows], settings)
    {
    }

    /// <summary>Prepares the training of several tasks on one adapter from the models' present state.</summary>
    /// <param name="models">The models; changed by training.</param>
    /// <param name="rows">The training rows of each, in their order.</param>
    /// <param name="settings">The settings.</param>
    /// <exception cref="GraftException">The settings let the adapter rest in every block, or there is nothing to train.</exception>
    public Trainer(TaskModels models, IReadOnlyList<TokenizedRows> rows, TrainingSettings settings)
    {
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentOutOfRangeException.ThrowIfNotEqual(rows.Count, models.Models.Count, nameof(rows));
        (Models, _rows, _settings) = (models, rows, settings);
        if (settings.AdapterDrop >= models.Backbone.Config.Layers)
        {
            throw new GraftException(
                $"adapter_drop is {settings.AdapterDrop}, and of the backbone's {models.Backbone.Config.Layers} blocks one must keep its adapter; give at most {models.Backbone.Config.Layers - 1}.");
        }

        _sampler = new MixtureSampler([.. rows.Select(r => r.Lengths)], settings.BatchSize, settings.Seed, settings.Mixture ?? new MixtureSettings());
        TotalSteps = settings.Steps ?? Math.Max(1, (int)Math.Ceiling(settings.Epochs * _sampler.StepsPerEpoch));
        models.Adapter.BeginTraining(new TrainingPlan(TotalSteps));
        var warmup = (int)Math.Ceiling(settings.WarmupRatio * TotalSteps);
        _schedule = settings.Schedule switch
        {
            ScheduleKind.Linear => Schedules.Linear(warmup, TotalSteps),
            ScheduleKind.Cosine => Schedules.Cosine(warmup, TotalSteps),
            _ => Schedules.Constant(warmup),
        };
        var groups = Groups(models, settings);
        if (groups.Count == 0)
        {
            throw new GraftException(
                $"{models.Adapter.Method.Name} has no parameters of its own, and answers that are text have no head to train; choose another method, or give --head pooled.");
        }

        Optimizer = new AdamW(groups);
        _peaks = [.. Optimizer.Groups.Select(g => g.LearningRate)];
        _parameters = [.. Optimizer.Groups.SelectMany(g => g.Parameters)];
        _watch = new GradientWatch(models, _sampler.StepsPerEpoch, settings.AdapterDrop > 0);
        Dropout = new Rng(unchecked((settings.Seed * 2) + 1), models.Backbone.Device);
    }

    /// <summary>What is trained; not owned.</summary>
    public TaskModels Models { get; }

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
        while (StepsDone < TotalSteps && !cancellation.IsCancellationRequested)
        {
            yield return Step(_sampler.Rows(StepsDone));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Optimizer.Dispose();
        Dropout.Dispose();
    }

    private TrainStep Step(MixtureRow[] batch)
    {
        var number = StepsDone + 1;
        var loss = 0.0;
        var own = new double[_rows.Count];
        var whole = Size(batch);
        Optimizer.ZeroGrad();
        foreach (var rows in batch.Chunk((batch.Length + _settings.Accumulation - 1) / _settings.Accumulation))
        {
            using var scope = new TensorScope();
            loss += Backward(rows, batch.Length, whole, own);
        }

        var counts = Enumerable.Range(0, own.Length).Select(task => batch.Count(r => r.Task == task)).ToList();
        _watch.Look(number, task => counts[task] > 0);
        Models.Adapter.BeforeOptimizerStep(number);
        var norm = GradientClip.ClipNorm_(_parameters, _settings.ClipNorm > 0 ? _settings.ClipNorm : double.PositiveInfinity);
        if (!double.IsFinite(loss) || !double.IsFinite(norm))
        {
            var among = Array.Exists(batch, r => !double.IsFinite(own[r.Task])) ? Array.FindAll(batch, r => !double.IsFinite(own[r.Task])) : batch;
            throw new TrainingDivergedException(
                string.Join("', '", among.Select(r => Models.Models[r.Task].Task.Name).Distinct(StringComparer.Ordinal)), number, loss, norm,
                [.. among.Select(r => _rows[r.Task].Examples[r.Row])]);
        }

        var factor = _schedule(StepsDone);
        for (var g = 0; g < _peaks.Count; g++)
        {
            Optimizer.Groups[g].LearningRate = _peaks[g] * factor;
        }

        Optimizer.Step();
        Models.Adapter.AfterOptimizerStep(number);
        StepsDone = number;
        return new TrainStep(
            number, (double)number / _sampler.StepsPerEpoch, loss, norm, _settings.LearningRate * factor,
            batch.Length, batch.Sum(r => _rows[r.Task].Lengths[r.Row]), EvaluationDue(number))
        {
            Tasks = [.. counts.Select((count, task) => new TaskStep(Models.Models[task].Task.Name, own[task] / count, count)).Where(t => t.Rows > 0)],
        };
    }

    /// <summary>Adds the gradient of a micro-batch.</summary>
    /// <param name="rows">Its rows, in any order.</param>
    /// <param name="count">The number of the step's rows.</param>
    /// <param name="whole">How much of its loss they bear.</param>
    /// <param name="own">Receives each task's loss, summed over its rows.</param>
    /// <returns>The micro-batch's part of the step's loss.</returns>
    private double Backward(MixtureRow[] rows, int count, LossSize whole, double[] own)
    {
        // By task, so that each task's rows are neighbours; a stable order, as results depend on it.
        var parts = _rows.Select((r, task) => (Rows: r, Numbers: (int[])[.. rows.Where(x => x.Task == task).Select(x => x.Row)])).ToList();
        var present = parts.FindAll(p => p.Numbers.Length > 0);
        var (logits, auxiliary) = Models.Forward(
            TokenizedRows.Join([.. present.Select(p => (p.Rows, (IReadOnlyList<int>)p.Numbers))], Models.Backbone.Device), [.. parts.Select(p => p.Numbers.Length)], Dropout, FirstLayer());
        Tensor? loss = null;
        var means = new Tensor?[parts.Count];
        for (var task = 0; task < parts.Count; task++)
        {
            if (logits[task] is { } scores)
            {
                var (numbers, model) = (parts[task].Numbers, Models.Models[task]);
                means[task] = model.Head.Loss(scores, _rows[task].Targets(numbers, Models.Backbone.Device), _settings.LabelSmoothing);
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
    private int FirstLayer() => _settings.AdapterDrop > 0 ? (int)Dropout.Integers([], 0, _settings.AdapterDrop + 1).ToInt64() : 0;

    private bool EvaluationDue(int step) => _settings.Evaluations is { } count
        ? (long)step * count / TotalSteps > (step - 1L) * count / TotalSteps
        : step == TotalSteps || step % (_settings.EvaluateEvery ?? _sampler.StepsPerEpoch) == 0;

    private static IEnumerable<ParameterGroup> Own(AdapterGroup group, TrainingSettings settings)
    {
        var rate = (group.LearningRate ?? settings.LearningRate) * group.Factor;
        var trained = group.Parameters.Where(p => p.Trainable).ToLookup(p => p.Value.Rank >= 2 || group.WeightDecay is not null);
        if (trained[true].Any())
        {
            yield return new ParameterGroup(group.Name, [.. trained[true]], rate, group.WeightDecay ?? settings.WeightDecay);
        }

        if (trained[false].Any())
        {
            yield return new ParameterGroup(group.Name + " vectors", [.. trained[false]], rate, 0);
        }
    }

    private static List<ParameterGroup> Groups(TaskModels models, TrainingSettings settings)
    {
        var groups = models.Adapter.Groups.SelectMany(g => Own(g, settings)).ToList();
        var taken = groups.SelectMany(g => g.Parameters).ToHashSet();
        var rest = models.Parameters().Select(p => p.Parameter).Where(p => p.Trainable && !taken.Contains(p)).ToLookup(p => p.Value.Rank >= 2);
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
