namespace Graft.Recipes;

/// <summary>Training was cancelled between steps; everything needed to go on is on disk.</summary>
/// <param name="task">The task that was being trained.</param>
/// <param name="step">The steps done.</param>
/// <param name="folder">The run's folder.</param>
public sealed class TrainingInterruptedException(string task, int step, string folder)
    : OperationCanceledException(step > 0
        ? $"Training of '{task}' was interrupted after step {step}; the checkpoint is in '{folder}', and the same command with --resume goes on from it."
        : $"Training of '{task}' was interrupted before its first step; the run is in '{folder}', and the same command with --resume goes on with it.")
{
    /// <summary>The task that was being trained.</summary>
    public string Task { get; } = task;

    /// <summary>The steps done.</summary>
    public int Step { get; } = step;

    /// <summary>The run's folder.</summary>
    public string Folder { get; } = folder;
}
