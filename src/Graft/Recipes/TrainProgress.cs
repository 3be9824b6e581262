namespace Graft.Recipes;

/// <summary>What training is doing.</summary>
public enum TrainPhase
{
    /// <summary>Reading and tokenizing a task.</summary>
    Preparing,

    /// <summary>Computing the baselines.</summary>
    Baselines,

    /// <summary>Training.</summary>
    Training,

    /// <summary>Evaluating on dev.</summary>
    Evaluating,

    /// <summary>Evaluating on test and writing the package.</summary>
    Finishing,

    /// <summary>Done with the task.</summary>
    Done,
}

/// <summary>A progress report, made on the training thread.</summary>
/// <param name="Phase">What is being done.</param>
/// <param name="Task">The task.</param>
/// <param name="TaskNumber">Its number from 1.</param>
/// <param name="TaskCount">The number of tasks.</param>
/// <param name="Step">The steps done.</param>
/// <param name="TotalSteps">The steps of the task.</param>
/// <param name="Loss">The latest loss; NaN before the first step.</param>
/// <param name="RowsPerSecond">Training rows per second.</param>
/// <param name="BestDev">The best primary metric on dev so far.</param>
/// <param name="PrimaryMetric">Its name.</param>
public readonly record struct TrainProgress(
    TrainPhase Phase, string Task, int TaskNumber, int TaskCount, int Step, int TotalSteps, double Loss, double RowsPerSecond,
    double? BestDev, string PrimaryMetric)
{
    /// <summary>Something to tell the user once, such as truncated rows or a resumed step; null mostly.</summary>
    public string? Note { get; init; }

    /// <summary>The task's report when it is done; null before.</summary>
    public TaskReport? Report { get; init; }
}
