using Graft.Recipes;

namespace Graft.Cli.Display;

/// <summary>What <c>graft adapt</c> says at its end.</summary>
internal static class AdaptTable
{
    // More would be a page that nobody reads; --json has all.
    private const int Shown = 5;

    /// <summary>Writes where the task started and what it reached to standard output.</summary>
    public static void Write(Terminal terminal, AdaptReport report)
    {
        if (report.Similarities.Count > 0)
        {
            terminal.Out.WriteLine(
                $"Its rows are like: {string.Join(", ", report.Similarities.Take(Shown).Select(s => $"{s.Key} {s.Value:0.00}"))}{(report.Similarities.Count > Shown ? ", ..." : "")}");
        }

        if (report.Scores.Count > 0)
        {
            terminal.Out.WriteLine(
                $"How well its labels are told under known tasks: {string.Join(", ", report.Scores.Take(Shown).Select(s => $"{s.Key} {s.Value:0.00}"))}{(report.Scores.Count > Shown ? ", ..." : "")}");
        }

        string[] origins = [.. report.Weights.Where(w => w.Value >= 0.005).Select(w => report.Weights.Values.Max() < 1 ? $"{w.Key} ({w.Value:0.00})" : w.Key)];
        string head = report.Head is { } name ? $", its head at that of {name}, which has its labels" : "";
        terminal.Out.WriteLine(origins.Length == 0 ? "It started afresh." : $"It started at {string.Join(", ", origins)}{head}.");
        TaskReport task = report.Task;
        string test = task.Test.TryGetValue(task.PrimaryMetric, out double score) ? $", {score:0.000} on test" : "";
        terminal.Out.WriteLine(
            $"{task.Task}: {task.PrimaryMetric} {task.Dev[task.PrimaryMetric]:0.000} on dev at step {task.BestStep} of {task.Steps}{test}; "
            + $"{Amounts.Count(report.Trained)} parameters trained on {Amounts.Count(task.TrainRows)} rows in {Amounts.Duration(task.Seconds)}");
        terminal.Out.WriteLine($"Package: {report.Package}");
    }
}
