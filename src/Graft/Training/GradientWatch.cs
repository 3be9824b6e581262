using Graft.Tasks.Heads;
using Graft.Torch;

namespace Graft.Training;

/// <summary>
/// Refuses parameters that training would leave as they are, which nothing else shows: the loss falls by the others. Two rules:
/// a trainable parameter without a gradient at step 1 is not part of the loss; and one whose gradient is exactly zero in each of the first
/// <see cref="Steps"/> steps is cut off by zeros behind it. A zero gradient in some of these steps is right: LoRA's A has one as long as B
/// is zero, which is step 1, and step 2 where a warm-up starts from a learning rate of 0. Methods whose parts rest in some steps
/// (<see cref="Methods.Core.PeftMethod.MayRest"/>, and all of them with AdapterDrop) are not held to the first rule, and have a whole epoch for the second.
/// A resumed run is not watched: its first steps were. Thread contract: one thread.
/// </summary>
internal sealed class GradientWatch
{
    /// <summary>The steps after which a parameter without any gradient so far is refused.</summary>
    public const int Steps = 10;

    private readonly TaskModel _model;
    private readonly bool _mayRest;
    private readonly int _last;
    private List<(string Path, Parameter Parameter)>? _silent;

    /// <summary>Begins to watch.</summary>
    /// <param name="model">The model.</param>
    /// <param name="epoch">The steps of an epoch.</param>
    /// <param name="drops">Whether the adapter rests in some blocks at random.</param>
    public GradientWatch(TaskModel model, int epoch, bool drops)
    {
        _model = model;
        _mayRest = drops || model.Adapter.Method.MayRest(model.Adapter.Config);
        _last = _mayRest ? Math.Max(Steps, epoch) : Steps;
    }

    /// <summary>Looks at the gradients of a step, before anything changes them.</summary>
    /// <param name="step">The step's number from 1.</param>
    /// <exception cref="GraftException">A parameter would never be trained; the model is as before the step.</exception>
    public void Look(int step)
    {
        using var scope = new TensorScope();
        if (step == 1)
        {
            _silent = [.. _model.Parameters().Where(p => p.Parameter.Trainable)];
            if (!_mayRest && _silent.Find(p => p.Parameter.Value.Grad is null) is { Path: { } path })
            {
                throw Untrained(path, "has no gradient at step 1: nothing that the head reads depends on it");
            }
        }

        if (_silent is not { Count: > 0 })
        {
            return;
        }

        _silent.RemoveAll(p => p.Parameter.Value.Grad is { } gradient && gradient.Abs().Max().To(DType.Float64).ToDouble() != 0);
        if (step == _last && _silent.Count > 0)
        {
            throw Untrained(_silent[0].Path, $"had a gradient of exactly zero in each of the first {step} steps: zeros behind it cut it off");
        }
    }

    private GraftException Untrained(string path, string why) => new(
        $"The parameter '{path}' of {_model.Adapter.Method.Name} {why}, so it would never be trained; choose other settings (--set), or correct the method.");
}
