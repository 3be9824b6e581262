using Graft.Evaluation;
using Graft.Formats.Packages;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Batches;
using Graft.Tasks.Heads;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>Where a new task starts among the tasks that an adapter knows, and what that was decided by. Immutable.</summary>
/// <param name="How">How it was decided; null where a task was named.</param>
/// <param name="Weights">The share of each known task, largest first; empty for a fresh start.</param>
internal sealed record AdaptStart(TaskStart? How, IReadOnlyDictionary<string, double> Weights)
{
    private const int BatchSize = 32;

    private static readonly IReadOnlyDictionary<string, double> s_nothing = new Dictionary<string, double>(StringComparer.Ordinal);

    /// <summary>How like the rows are to each known task on average, largest first; empty where the method cannot tell.</summary>
    public IReadOnlyDictionary<string, double> Similarities { get; init; } = s_nothing;

    /// <summary>How well the rows are answered under each known task's part, largest first; empty where nobody looked.</summary>
    public IReadOnlyDictionary<string, double> Scores { get; init; } = s_nothing;

    /// <summary>The known task at whose head the new one begins; null for none.</summary>
    public string? Head { get; init; }

    /// <summary>Decides.</summary>
    /// <param name="settings">What is asked for.</param>
    /// <param name="training">How the new task is trained.</param>
    /// <param name="data">The new task.</param>
    /// <param name="loaded">The backbone.</param>
    /// <param name="package">The known tasks.</param>
    /// <param name="known">Their adapter.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="GraftException">A task is named that the adapter does not hold, or the start asked for cannot be found.</exception>
    public static AdaptStart Find(
        AdaptSettings settings, TrainSettings training, TaskData data, LoadedBackbone loaded, JointPackage package, Adapter known, CancellationToken cancellation)
    {
        var start = Part(settings, training, data, loaded, known, cancellation);
        var tasks = start.Weights.Where(w => w.Value > 0).OrderByDescending(w => w.Value).Select(w => w.Key);
        var head = TaskHead.Of(training, data, loaded).Config;
        return start with
        {
            Head = KnownHead.Find(
                package, known, tasks, data.Task, head, () => Rows(training, data, loaded, known, KnownTaskScores.MostRows), loaded.Backbone, cancellation),
        };
    }

    private static AdaptStart Part(AdaptSettings settings, TrainSettings training, TaskData data, LoadedBackbone loaded, Adapter known, CancellationToken cancellation)
    {
        if (settings.From is { } from)
        {
            return known.Tasks.Contains(from, StringComparer.Ordinal)
                ? new AdaptStart(null, new Dictionary<string, double>(StringComparer.Ordinal) { [from] = 1 })
                : throw new GraftException($"The package '{settings.Package}' does not hold the task '{from}'; {Suggest.Hint(from, known.Tasks)}");
        }

        var retriever = known.Method is IRetrievesTasks retrieves && retrieves.Retrieves(known.Config) && known.Tasks.Count > 0 ? retrieves : null;
        var rows = settings.Start is TaskStart.Best || (settings.Start is null && retriever is null && known.Tasks.Count > 0)
            ? Rows(training, data, loaded, known, KnownTaskScores.MostRows)
            : null;
        var scored = rows is not null && known.Tasks.Count > 0 && KnownTaskScores.Can(rows);
        switch (settings.Start ?? (retriever is not null ? TaskStart.Nearest : scored ? TaskStart.Best : TaskStart.Fresh))
        {
            case TaskStart.Fresh when retriever is null:
                return new AdaptStart(TaskStart.Fresh, s_nothing);
            case TaskStart.Best:
                if (!scored)
                {
                    throw new GraftException(
                        $"The known tasks cannot be compared on rows of '{data.Task.Name}', as there are none, or its answers are places in texts; give --start fresh, or name a task with --from.");
                }

                var scores = KnownTaskScores.Of(known, loaded.Backbone, rows!, cancellation);
                return new AdaptStart(TaskStart.Best, Named(known, NewTask.Best(scores))) { Scores = Named(known, scores) };
            case var start:
                return retriever is null ? throw new GraftException(
                    $"{known.Method.Name} cannot tell with these settings which task rows are like, so that no nearest one is known; give --start best or fresh, or name a task with --from.")
                    : Retrieved(retriever, start, training, data, loaded, known, cancellation);
        }
    }

    private static AdaptStart Retrieved(
        IRetrievesTasks retriever, TaskStart start, TrainSettings training, TaskData data, LoadedBackbone loaded, Adapter known, CancellationToken cancellation)
    {
        var rows = Rows(training, data, loaded, known, data.Train.Count);
        List<double[]> similarities = [];
        foreach (var batch in Enumerable.Range(0, rows.Count).Chunk(BatchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = new TensorScope();
            similarities.AddRange(retriever.Similarities(known, loaded.Backbone, rows.Batch(batch, loaded.Backbone.Device), known.Tasks));
        }

        var weights = NewTask.Weights(similarities, start, retriever.Temperature(known.Config));
        return new AdaptStart(start, start == TaskStart.Fresh ? s_nothing : Named(known, weights)) { Similarities = Named(known, NewTask.Means(similarities)) };
    }

    private static TokenizedRows Rows(TrainSettings training, TaskData data, LoadedBackbone loaded, Adapter known, int most)
    {
        var maxTokens = TaskHead.Tokens(data.Task, training.MaxTokens, TaskModel.Room(loaded.Backbone, known.Method, known.Config));
        return TaskHead.Of(training, data, loaded).Tokenize(data.Task, [.. data.Train.Take(most)], loaded.Tokenizer, maxTokens);
    }

    private static Dictionary<string, double> Named(Adapter known, IEnumerable<double> values) =>
        known.Tasks.Zip(values).OrderByDescending(t => t.Second).ToDictionary(t => t.First, t => t.Second, StringComparer.Ordinal);
}
