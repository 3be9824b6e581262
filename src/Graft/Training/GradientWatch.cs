using Graft.Tasks.Heads;
using Graft.Torch;

namespace Graft.Training;

/// <summary>
/// Refuses parameters that training would leave as they are, which nothing else shows: the loss falls by the others. Two rules:
/// a trainable parameter without a gradient at step 1 is not part of the loss; and one whose gradient is exactly zero in each of the first
/// <see cref="Steps"/> steps is cut off by zeros behind it. A zero gradient in some of these steps is right: LoRA's A has one as long as B
/// is zero, which is step 1, and step 2 where a warm-up starts from a learning rate of 0. Methods whose parts rest in some steps
/// (<see cref="Methods.Core.PeftMethod.MayRest"/>, and all of them with AdapterDrop) are not held to the first rule, and have a whole epoch for the second.
/// What one task of several trains alone is looked at in the steps that have rows of that task, and what belongs to a task that is not trained never.
/// A resumed run is not watched: its first steps were. Thread contract: one thread.
/// </summary>
internal sealed class GradientWatch
{
    /// <summary>The steps after which a parameter without any gradient so far is refused.</summary>
    public const int Steps = 10;

    private readonly ITrainable _model;
    private readonly bool _mayRest;
    private readonly int _last;
    private readonly Dictionary<string, int> _steps;
    private List<Watched>? _silent;

    /// <summary>Begins to watch.</summary>
    /// <param name="model">What is trained.</param>
    /// <param name="epoch">The steps of an epoch.</param>
    /// <param name="drops">Whether the adapter rests in some blocks at random.</param>
    public GradientWatch(ITrainable model, int epoch, bool drops)
    {
        _model = model;
        _mayRest = drops || model.Adapter.Method.MayRest(model.Adapter.Config);
        _last = _mayRest ? Math.Max(Steps, epoch) : Steps;
        _steps = model.Names.ToDictionary(n => n, _ => 0, StringComparer.Ordinal);
    }

    /// <summary>Looks at the gradients of a step, before anything changes them.</summary>
    /// <param name="step">The step's number from 1.</param>
    /// <param name="present">The names of the tasks that the step had rows of.</param>
    /// <exception cref="GraftException">A parameter would never be trained; the model is as before the step.</exception>
    public void Look(int step, IReadOnlyCollection<string> present)
    {
        if (step == 1)
        {
            _silent = Watch();
        }

        foreach (var task in present)
        {
            _steps[task]++;
        }

        if (_silent is not { Count: > 0 })
        {
            return;
        }

        using var scope = new TensorScope();
        var looked = _silent.FindAll(p => p.Task is not { } task || present.Contains(task));
        foreach (var parameter in looked)
        {
            var seen = parameter.Task is { } task ? _steps[task] : step;
            var gradient = parameter.Parameter.Value.Grad;
            if (gradient is null && seen == 1 && !_mayRest)
            {
                throw Untrained(parameter.Path, "has no gradient at step 1: nothing that the head reads depends on it");
            }

            if (gradient is not null && gradient.Abs().Max().To(DType.Float64).ToDouble() != 0)
            {
                _silent.Remove(parameter);
            }
            else if (seen == _last)
            {
                throw Untrained(parameter.Path, $"had a gradient of exactly zero in each of the first {seen} steps: zeros behind it cut it off");
            }
        }
    }

    private List<Watched> Watch() =>
    [
        .. _model.Parameters().Where(p => p.Parameter.Trainable)
            .Select(p => new Watched(p.Path, p.Parameter, _model.TaskOf(p.Path)))
            .Where(p => p.Task is null || _steps.ContainsKey(p.Task)),
    ];

    private GraftException Untrained(string path, string why) => new(
        $"The parameter '{path}' of {_model.Adapter.Method.Name} {why}, so it would never be trained; choose other settings (--set), or correct the method.");

    private sealed record Watched(string Path, Parameter Parameter, string? Task);
}
