using Graft.Torch;
using Graft.Training.TensorBoard;

namespace Graft.Evaluation.Comparisons;

/// <summary>
/// A comparison as TensorBoard shows it: a run below <c>METHOD/TASK/SIZE/seed-N</c> with its training curve (<c>loss</c>, <c>dev/METRIC</c>), its result
/// (<c>test/METRIC</c>, <c>score</c>) and what it cost, and its settings for the HPARAMS tab. Stateless and thread-safe.
/// </summary>
public static class ComparisonEvents
{
    private const string Score = "score";
    private static readonly string[] s_metrics = [Score, "cost/bytes_per_task", "cost/stored_parameters_per_task", "cost/seconds"];

    /// <summary>Writes the event files of every finished run, in place of those that are there.</summary>
    /// <param name="comparison">The plan and its finished runs.</param>
    /// <param name="folder">The folder to point TensorBoard at; it is replaced in one step.</param>
    /// <param name="start">When the comparison began: what events are dated by.</param>
    /// <exception cref="GraftException">The place cannot be written; nothing changes then.</exception>
    public static void Write(Comparison comparison, string folder, DateTimeOffset start)
    {
        ArgumentNullException.ThrowIfNull(comparison);
        AtomicFolder.Replace(folder, place =>
        {
            Write(place, start, file => file.Experiment(comparison.Runs.SelectMany(Settings), s_metrics));
            foreach (var run in comparison.Runs)
            {
                // Names that differ in a slash alone would share a folder.
                var own = Path.Combine([place, .. Place(run)]);
                Write(Directory.Exists(own) ? $"{own}-{run.Id}" : own, start, file => Write(file, run));
            }
        });
    }

    private static void Write(TensorBoardWriter file, ComparisonRun run)
    {
        var training = run.Trials.Count > 0 ? run.Seconds / run.Trials.Count : run.Seconds;
        foreach (var score in run.Scores)
        {
            var ending = run.Scores.Count > 1 ? $" ({score.Task})" : "";
            foreach (var point in score.Curve)
            {
                var seconds = training * point.Step / Math.Max(1, score.Steps);
                file.Scalar($"loss{ending}", point.Loss, point.Step, seconds);
                file.Scalar($"dev/{score.Metric}{ending}", point.Dev, point.Step, seconds);
            }

            foreach (var (metric, value) in score.Test)
            {
                file.Scalar($"test/{metric}{ending}", value, score.BestStep, run.Seconds);
            }
        }

        var last = run.Scores.Max(s => s.BestStep);
        foreach (var (tag, value) in s_metrics.Zip([run.Score, run.Sizes.BytesPerTask, run.Sizes.StoredPerTask, run.Seconds]))
        {
            file.Scalar(tag, value, last, run.Seconds);
        }

        file.Run(Settings(run), run.Seconds);
    }

    private static HyperParameter[] Settings(ComparisonRun run) =>
    [
        new("method", run.Method), new("task", run.Task), new("rows", run.Scores.Sum(s => s.TrainRows)), new("seed", run.Seed),
        new("learning_rate", run.LearningRate), new("base_method", run.BaseMethod), new("config", run.Config.GetRawText()),
    ];

    private static IEnumerable<string> Place(ComparisonRun run) =>
        [Plain(run.Method), Plain(run.Task), run.Size is { } rows ? $"{rows}-rows" : "all-rows", $"seed-{run.Seed}"];

    /// <summary>A name as a folder may be called.</summary>
    private static string Plain(string name)
    {
        var plain = string.Concat(name.Select(c => char.IsLetterOrDigit(c) || c is '-' or '_' or '.' or '+' ? c : '-'));
        return plain.Trim('.').Length == 0 ? $"_{plain}" : plain;
    }

    private static void Write(string folder, DateTimeOffset start, Action<TensorBoardWriter> write)
    {
        Directory.CreateDirectory(folder);
        AtomicFile.Write(Path.Combine(folder, TensorBoardWriter.FileName(start)), stream => write(new TensorBoardWriter(stream, start)));
    }
}
