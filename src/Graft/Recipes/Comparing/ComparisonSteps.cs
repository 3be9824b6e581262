using Graft.Evaluation.Comparisons;
using Graft.Tasks;

namespace Graft.Recipes.Comparing;

/// <summary>The budget of a plan's trainings in optimizer steps and rows. Stateless.</summary>
internal static class ComparisonSteps
{
    /// <summary>The optimizer steps of one task's training.</summary>
    public static int Of(ComparisonPlan plan, TaskData data, int? size)
    {
        var batches = (Math.Min(size ?? int.MaxValue, data.Train.Count) + plan.Batch - 1) / plan.Batch;
        return plan.Steps ?? Math.Max(1, (int)Math.Ceiling(plan.Epochs!.Value * batches));
    }

    /// <summary>The rows that one task's training sees, each as often as it comes: an epoch's last step may have fewer than a batch.</summary>
    public static long RowsSeen(ComparisonPlan plan, TaskData data, int? size)
    {
        var rows = Math.Min(size ?? int.MaxValue, data.Train.Count);
        var (epochs, rest) = Math.DivRem(Of(plan, data, size), (rows + plan.Batch - 1) / plan.Batch);
        return ((long)epochs * rows) + Math.Min(rows, (long)rest * plan.Batch);
    }

    /// <summary>The optimizer steps of each training of some tasks: one for all of them on one adapter, or one a task.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="tasks">The tasks.</param>
    /// <param name="size">Training rows of each task; null for all.</param>
    /// <param name="joint">Whether the tasks are trained together.</param>
    public static IReadOnlyList<int> Trainings(ComparisonPlan plan, IReadOnlyList<TaskData> tasks, int? size, bool joint)
    {
        List<int> alone = [.. tasks.Select(data => Of(plan, data, size))];

        // Together as many as show the rows that the tasks would see alone. Steps of one task that draw nothing twice end their epochs as trainings alone do.
        return !joint ? alone
            : plan.Mixture is { OneTaskBatches: true, Replacement: false } ? [alone.Sum()]
            : [(int)Math.Max(1, (tasks.Sum(data => RowsSeen(plan, data, size)) + plan.Batch - 1) / plan.Batch)];
    }
}
