namespace Graft.Recipes;

/// <summary>What pretraining is doing.</summary>
public enum PretrainPhase
{
    /// <summary>Training a tokenizer on the texts.</summary>
    Tokenizer,

    /// <summary>Reading and tokenizing the texts.</summary>
    Reading,

    /// <summary>Training.</summary>
    Training,

    /// <summary>Evaluating on dev.</summary>
    Evaluating,

    /// <summary>Writing the model.</summary>
    Writing,

    /// <summary>Done.</summary>
    Done,
}

/// <summary>A progress report, made on the training thread.</summary>
/// <param name="Phase">What is being done.</param>
/// <param name="Step">The steps done.</param>
/// <param name="TotalSteps">The steps of the run; 0 before they are known.</param>
/// <param name="Loss">The mean loss of the latest steps; NaN before the first.</param>
/// <param name="DevLoss">The latest loss on dev; null before the first evaluation.</param>
/// <param name="TokensPerSecond">Training tokens per second.</param>
/// <param name="SecondsLeft">The time that the remaining steps take; null before it is known.</param>
/// <param name="Texts">The texts read so far.</param>
public readonly record struct PretrainProgress(
    PretrainPhase Phase, int Step, int TotalSteps, double Loss, double? DevLoss, double TokensPerSecond, double? SecondsLeft, long Texts)
{
    /// <summary>Something to tell the user once, such as texts that lose their end; null mostly.</summary>
    public string? Note { get; init; }
}
