using Graft.Tasks.Heads;
using Graft.Torch;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

/// <summary>A training that may stop at a checkpoint, and what is left of it as bits.</summary>
internal static class InterruptedTraining
{
    /// <summary>Trains to the end, or to a step at which a checkpoint is written.</summary>
    /// <param name="trainer">A trainer from its first step on; not disposed.</param>
    /// <param name="worth">What a step's state is worth; null where it is not evaluated.</param>
    /// <param name="checkpoint">The checkpoint's file.</param>
    /// <param name="stopAfter">The step; null for the end.</param>
    /// <param name="resume">Whether to begin with what the checkpoint holds.</param>
    /// <returns>The parameters at the end, those of the best step, and which one it was; nothing where it stopped.</returns>
    public static string[] Run(Trainer trainer, Func<TrainStep, double?> worth, string checkpoint, int? stopAfter, bool resume)
    {
        using var best = new BestOnDev(trainer.Model);
        if (resume)
        {
            Checkpoint.Load(checkpoint, "run", trainer, best);
        }

        foreach (var step in trainer.Steps(TestContext.Current.CancellationToken))
        {
            if (worth(step) is { } metric)
            {
                best.Offer(metric, step.Number);
            }

            if (step.Number == stopAfter)
            {
                Checkpoint.Save(checkpoint, trainer, best, new RunState("run", 0, 0));
                return [];
            }
        }

        var last = Bits(trainer.Model);
        best.Restore();
        return [.. last, .. Bits(trainer.Model), $"{best.Step} {best.Metric}"];
    }

    /// <summary>Every parameter's bytes.</summary>
    public static string[] Bits(ITrainable model)
    {
        using var scope = new TensorScope();
        return [.. model.Parameters().Select(p => Convert.ToHexString(p.Parameter.Value.Detach().Contiguous().Bytes()))];
    }
}
