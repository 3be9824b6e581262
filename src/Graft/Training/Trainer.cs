using Graft.Methods.Core;
using Graft.Tasks.Batches;
using Graft.Tasks.Heads;
using Graft.Torch;

namespace Graft.Training;

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
/// Trains an adapter and its heads by AdamW: one task, several that share the adapter, or whatever an <see cref="Objective"/> says. Steps are pulled:
/// whoever iterates evaluates, saves and stops between them, so the order of events is the order of the caller's lines. The same settings and seed
/// give the same bits. Thread contract: one thread.
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly Objective _objective;
    private readonly TrainingSettings _settings;
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
        : this(Of(models, rows, settings), settings)
    {
    }

    /// <summary>Prepares a training from the model's present state.</summary>
    /// <param name="objective">What is made smaller, and of which model; the batch size, mixture and label smoothing of the settings are up to it.</param>
    /// <param name="settings">The settings.</param>
    /// <exception cref="GraftException">The settings let the adapter rest in every block, or there is nothing to train.</exception>
    public Trainer(Objective objective, TrainingSettings settings)
    {
        ArgumentNullException.ThrowIfNull(objective);
        ArgumentNullException.ThrowIfNull(settings);
        (_objective, _settings) = (objective, settings);
        if (settings.AdapterDrop >= Model.Backbone.Config.Layers)
        {
            throw new GraftException(
                $"adapter_drop is {settings.AdapterDrop}, and of the backbone's {Model.Backbone.Config.Layers} blocks one must keep its adapter; give at most {Model.Backbone.Config.Layers - 1}.");
        }

        TotalSteps = settings.Steps ?? Math.Max(1, (int)Math.Ceiling(settings.Epochs * objective.StepsPerEpoch));
        Model.Adapter.BeginTraining(new TrainingPlan(TotalSteps));
        var warmup = (int)Math.Ceiling(settings.WarmupRatio * TotalSteps);
        _schedule = settings.Schedule switch
        {
            ScheduleKind.Linear => Schedules.Linear(warmup, TotalSteps),
            ScheduleKind.Cosine => Schedules.Cosine(warmup, TotalSteps),
            _ => Schedules.Constant(warmup),
        };
        var groups = Groups(Model, settings);
        if (groups.Count == 0)
        {
            throw new GraftException(
                $"{Model.Adapter.Method.Name} has no parameters of its own, and answers that are text have no head to train; choose another method, or give --head pooled.");
        }

        Optimizer = new AdamW(groups, beta2: settings.Beta2, eps: settings.Epsilon, variant: settings.Optimizer);
        _peaks = [.. Optimizer.Groups.Select(g => g.LearningRate)];
        _parameters = [.. Optimizer.Groups.SelectMany(g => g.Parameters)];
        _watch = new GradientWatch(Model, objective.StepsPerEpoch, settings.AdapterDrop > 0);
        Dropout = new Rng(unchecked((settings.Seed * 2) + 1), Model.Backbone.Device);
    }

    /// <summary>What is trained; not owned.</summary>
    public ITrainable Model => _objective.Model;

    /// <summary>The number of steps of the whole run.</summary>
    public int TotalSteps { get; }

    /// <summary>The steps done.</summary>
    public int StepsDone { get; internal set; }

    /// <summary>The optimizer, with its state.</summary>
    internal AdamW Optimizer { get; }

    /// <summary>The generator of dropout.</summary>
    internal Rng Dropout { get; }

    /// <summary>The steps that remain, each done when it is asked for.</summary>
    /// <param name="cancellation">Stops between steps, and gives a step of several micro-batches up; all is then as before that step.</param>
    /// <exception cref="GraftException">A parameter gets no gradient, so it would never be trained.</exception>
    /// <exception cref="TrainingDivergedException">The loss or the gradient is not a number; the model is as before the step.</exception>
    public IEnumerable<TrainStep> Steps(CancellationToken cancellation = default)
    {
        while (StepsDone < TotalSteps && !cancellation.IsCancellationRequested)
        {
            if (Step(cancellation) is not { } step)
            {
                yield break;
            }

            yield return step;
        }
    }

    /// <summary>Whether the model should be evaluated on dev behind a step.</summary>
    /// <param name="step">Its number, from 1.</param>
    internal bool EvaluationDue(int step) => _settings.Evaluations is { } count
        ? (long)step * count / TotalSteps > (step - 1L) * count / TotalSteps
        : step == TotalSteps || step % (_settings.EvaluateEvery ?? _objective.StepsPerEpoch) == 0;

    /// <inheritdoc/>
    public void Dispose()
    {
        Optimizer.Dispose();
        Dropout.Dispose();
    }

    private static TaskObjective Of(TaskModels models, IReadOnlyList<TokenizedRows> rows, TrainingSettings settings)
    {
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentOutOfRangeException.ThrowIfNotEqual(rows.Count, models.Models.Count, nameof(rows));
        return new TaskObjective(models, rows, settings);
    }

    private TrainStep? Step(CancellationToken cancellation)
    {
        var number = StepsDone + 1;
        var generator = cancellation.CanBeCanceled ? Dropout.State : [];
        Optimizer.ZeroGrad();
        StepLoss done;
        try
        {
            done = _objective.Backward(StepsDone, Dropout, cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            Optimizer.ZeroGrad();
            Dropout.State = generator;
            return null;
        }

        _watch.Look(number, [.. done.Tasks.Select(t => t.Task)]);
        Model.Adapter.BeforeOptimizerStep(number);
        var norm = GradientClip.ClipNorm_(_parameters, _settings.ClipNorm > 0 ? _settings.ClipNorm : double.PositiveInfinity);
        if (!double.IsFinite(done.Loss) || !double.IsFinite(norm))
        {
            var known = done.Tasks.Any(t => !double.IsFinite(t.Loss));
            List<string> names = [.. done.Tasks.Where(t => !known || !double.IsFinite(t.Loss)).Select(t => t.Task)];
            throw new TrainingDivergedException(string.Join("', '", names), number, done.Loss, norm, done.RowsOf(names));
        }

        var factor = _schedule(StepsDone);
        for (var g = 0; g < _peaks.Count; g++)
        {
            Optimizer.Groups[g].LearningRate = _peaks[g] * factor;
        }

        Optimizer.Step();
        Model.Adapter.AfterOptimizerStep(number);
        StepsDone = number;
        return new TrainStep(
            number, (double)number / _objective.StepsPerEpoch, done.Loss, norm, _settings.LearningRate * factor, done.Rows, done.Tokens, EvaluationDue(number))
        {
            Tasks = done.Tasks,
        };
    }

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

    private static List<ParameterGroup> Groups(ITrainable model, TrainingSettings settings)
    {
        var groups = model.Adapter.Groups.SelectMany(g => Own(g, settings)).ToList();
        var taken = groups.SelectMany(g => g.Parameters).ToHashSet();
        var rest = model.Parameters().Where(p => p.Parameter.Trainable && !taken.Contains(p.Parameter)).ToList();
        if (settings.HeadFactor != 1)
        {
            List<Parameter> heads = [.. rest.Where(p => !p.Path.StartsWith("adapter.", StringComparison.Ordinal)).Select(p => p.Parameter)];
            groups.AddRange(Own(new AdapterGroup("heads", heads) { Factor = settings.HeadFactor }, settings));
            rest.RemoveAll(p => heads.Contains(p.Parameter));
        }

        var plain = rest.ToLookup(p => p.Parameter.Value.Rank >= 2, p => p.Parameter);
        if (plain[true].Any())
        {
            groups.Add(new ParameterGroup("matrices", [.. plain[true]], settings.LearningRate, settings.WeightDecay));
        }

        if (plain[false].Any())
        {
            groups.Add(new ParameterGroup("vectors", [.. plain[false]], settings.LearningRate, 0));
        }

        return groups;
    }
}
