using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.Torch;

namespace Graft.Training;

/// <summary>What a step did for one of its tasks.</summary>
/// <param name="Task">The task.</param>
/// <param name="Loss">The mean loss of its rows.</param>
/// <param name="Rows">The number of its rows.</param>
public readonly record struct TaskStep(string Task, double Loss, int Rows);

/// <summary>The loss of a step, whose gradient its parameters hold.</summary>
/// <param name="Loss">The mean loss of its rows, with the adapter's own terms.</param>
/// <param name="Rows">The number of its rows.</param>
/// <param name="Tokens">The number of their real tokens.</param>
/// <param name="Tasks">The tasks that had rows in it, without the adapter's own terms of the loss.</param>
/// <param name="RowsOf">The step's rows of some of these tasks, for messages.</param>
public sealed record StepLoss(
    double Loss, int Rows, int Tokens, IReadOnlyList<TaskStep> Tasks, Func<IReadOnlyCollection<string>, IReadOnlyList<Example>> RowsOf);

/// <summary>
/// What a trainer makes smaller: it chooses the rows of each step, a function of seed and step alone, and adds the gradient of their loss. The seam
/// between the training loop and what is trained: tasks (<see cref="TaskObjective"/>), or a language model on texts. Thread contract: one thread.
/// </summary>
/// <param name="model">What is trained; not owned.</param>
/// <param name="stepsPerEpoch">The steps after which as many rows were trained on as there are.</param>
public abstract class Objective(ITrainable model, int stepsPerEpoch)
{
    /// <summary>What is trained; not owned.</summary>
    public ITrainable Model { get; } = model;

    /// <summary>The steps after which as many rows were trained on as there are.</summary>
    public int StepsPerEpoch { get; } = stepsPerEpoch;

    /// <summary>Adds the gradient of a step's loss to the parameters, micro-batch by micro-batch.</summary>
    /// <param name="step">The step from 0; going on from the step before is quick.</param>
    /// <param name="dropout">The generator of dropout.</param>
    /// <param name="cancellation">Gives the step up between micro-batches.</param>
    /// <returns>The loss, finite or not.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled; the gradients are of no use, and the generator is further on.</exception>
    public abstract StepLoss Backward(int step, Rng dropout, CancellationToken cancellation);
}
