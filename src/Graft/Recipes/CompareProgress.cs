namespace Graft.Recipes;

/// <summary>How far a comparison has come, told on the thread that works.</summary>
/// <param name="Finished">The runs that are finished, whoever did them.</param>
/// <param name="Failed">The runs that failed.</param>
/// <param name="Total">The runs asked for.</param>
/// <param name="SecondsLeft">The time that the rest will take, from the runs that are finished; null as long as there is none.</param>
/// <param name="Run">The running run as <c>METHOD/TASK/SIZE/SEED</c>; null while none runs here.</param>
/// <param name="Trial">The number of its training from 1.</param>
/// <param name="Trials">Its trainings, one for each learning rate that it tries.</param>
/// <param name="Training">What the training does; null while none runs here.</param>
public readonly record struct CompareProgress(
    int Finished, int Failed, int Total, double? SecondsLeft, string? Run, int Trial, int Trials, TrainProgress? Training)
{
    /// <summary>Something to tell the user once, such as a run that failed; null mostly.</summary>
    public string? Note { get; init; }
}
