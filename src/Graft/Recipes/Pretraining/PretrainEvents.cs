using Graft.Torch;
using Graft.Training.TensorBoard;

namespace Graft.Recipes.Pretraining;

/// <summary>Writes the curves of a pretraining's log for TensorBoard. Stateless.</summary>
internal static class PretrainEvents
{
    private const int MostPoints = 1000;

    /// <summary>Writes the curves that a log has by now; the file is replaced.</summary>
    /// <param name="log">The log.</param>
    /// <param name="folder">The folder.</param>
    /// <exception cref="GraftException">The folder cannot be written.</exception>
    public static void Write(string log, string folder)
    {
        List<(int Step, double Loss, double Rate, double Seconds)> steps = [];
        List<(int Step, double Loss, double Accuracy, double Seconds)> dev = [];
        var start = DateTimeOffset.UnixEpoch;
        foreach (var entry in PretrainLog.Lines(log))
        {
            switch (entry.GetProperty("event").GetString())
            {
                case "start":
                    start = DateTimeOffset.FromUnixTimeSeconds(entry.GetProperty("began").GetInt64());
                    break;
                case "step":
                    steps.Add((entry.GetProperty("step").GetInt32(), PretrainLog.Number(entry, "loss"), PretrainLog.Number(entry, "lr"), PretrainLog.Number(entry, "seconds")));
                    break;
                case "dev":
                    dev.Add((entry.GetProperty("step").GetInt32(), PretrainLog.Number(entry, "loss"), PretrainLog.Number(entry, "accuracy"), PretrainLog.Number(entry, "seconds")));
                    break;
                default:
                    break;
            }
        }

        Directory.CreateDirectory(folder);
        AtomicFile.Write(Path.Combine(folder, TensorBoardWriter.FileName(start)), stream =>
        {
            var file = new TensorBoardWriter(stream, start);

            // A curve of many steps has a point for the mean of several.
            foreach (var group in steps.Chunk(Math.Max(1, (steps.Count + MostPoints - 1) / MostPoints)))
            {
                file.Scalar("loss", group.Average(s => s.Loss), group[^1].Step, group[^1].Seconds);
                file.Scalar("learning_rate", group[^1].Rate, group[^1].Step, group[^1].Seconds);
            }

            foreach (var (step, loss, accuracy, seconds) in dev)
            {
                file.Scalar("dev/loss", loss, step, seconds);
                file.Scalar("dev/accuracy", accuracy, step, seconds);
            }
        });
    }
}
