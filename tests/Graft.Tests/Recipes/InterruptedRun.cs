using Graft.Recipes;
using Xunit;

namespace Graft.Tests.Recipes;

/// <summary>A run that is stopped after a step and gone on with, beside the same one undisturbed.</summary>
internal static class InterruptedRun
{
    /// <summary>Trains one task both ways.</summary>
    /// <param name="settings">The undisturbed run.</param>
    /// <param name="folder">Where the other is written.</param>
    /// <param name="step">The step after which it is stopped.</param>
    /// <returns>The report of either.</returns>
    public static (TaskReport Undisturbed, TaskReport Resumed) Train(TrainSettings settings, string folder, int step = 3)
    {
        var undisturbed = Graft.Recipes.Train.Run(settings).Tasks[0];
        var cut = settings with { Out = folder };
        using var stop = new CancellationTokenSource();
        Assert.Throws<TrainingInterruptedException>(() => Graft.Recipes.Train.Run(
            cut,
            p =>
            {
                if (p.Phase == TrainPhase.Training && p.Step == step)
                {
                    stop.Cancel();
                }
            },
            stop.Token));
        return (undisturbed, Graft.Recipes.Train.Run(cut with { Resume = true }).Tasks[0]);
    }

    /// <summary>Whether a file of the two packages has the same bytes.</summary>
    public static bool IsSame((TaskReport Undisturbed, TaskReport Resumed) runs, string file) =>
        File.ReadAllBytes(Path.Combine(runs.Undisturbed.Package, file)).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(runs.Resumed.Package, file)));
}
