using System.Diagnostics;
using Graft.Recipes;
using Spectre.Console;

namespace Graft.Cli.Display;

/// <summary>Shows training while it runs: a bar a task on a terminal, a line every few seconds elsewhere.</summary>
internal static class TrainDisplay
{
    /// <summary>Runs training and shows what it reports. The work runs on the calling thread.</summary>
    public static T Run<T>(Terminal terminal, Func<Action<TrainProgress>, T> train) => terminal.IsLive
        ? terminal.Notes.Progress()
            .AutoClear(true)
            .AutoRefresh(true)
            .Columns(
                new TaskDescriptionColumn { Alignment = Justify.Left },
                new ProgressBarColumn { Width = 24, CompletedStyle = Style.Parse("green"), FinishedStyle = Style.Parse("green") },
                new StateColumn())
            .Start(context => train(new Bars(terminal, context).Report))
        : train(new Lines(terminal).Report);

    /// <summary>The latest report of a task in words: steps, loss, speed, time left, the best on dev.</summary>
    internal static string Describe(TrainProgress progress, double? secondsLeft = null)
    {
        string steps = progress.TotalSteps > 0 ? $"{progress.Step}/{progress.TotalSteps}" : "";
        string[] parts =
        [
            steps,
            double.IsNaN(progress.Loss) ? "" : $"loss {progress.Loss:0.000}",
            progress.RowsPerSecond > 0 ? $"{progress.RowsPerSecond:0} rows/s" : "",
            progress.BestDev is { } dev ? $"dev {dev:0.000}" : "",
            progress.Phase switch
            {
                TrainPhase.Training when progress.Step > 0 && secondsLeft is { } left => $"{Amounts.Clock(left)} left",
                TrainPhase.Done when progress.Report is { } report => Amounts.Duration(report.Seconds),
                TrainPhase.Preparing => "reading rows",
                TrainPhase.Evaluating => "evaluating on dev",
                TrainPhase.Finishing => "evaluating on test",
                TrainPhase.Baselines => "computing the baselines",
                _ => "",
            },
        ];
        return string.Join("  ", parts.Where(part => part.Length > 0));
    }

    /// <summary>Estimates the time that a task's remaining steps take, evaluations among them included.</summary>
    private sealed class Estimate
    {
        private long _begun;
        private int _firstStep;

        public double SecondsLeft(TrainProgress progress)
        {
            if (progress.Phase is TrainPhase.Preparing || _begun == 0 || progress.Step < _firstStep)
            {
                (_begun, _firstStep) = (Stopwatch.GetTimestamp(), progress.Step);
            }

            int done = progress.Step - _firstStep;
            return done == 0 ? 0 : Stopwatch.GetElapsedTime(_begun).TotalSeconds / done * (progress.TotalSteps - progress.Step);
        }
    }

    private sealed class Bars(Terminal terminal, ProgressContext context)
    {
        private readonly Dictionary<string, ProgressTask> _bars = new(StringComparer.Ordinal);
        private readonly Estimate _estimate = new();

        public void Report(TrainProgress progress)
        {
            if (!_bars.TryGetValue(progress.Task, out ProgressTask? bar))
            {
                bar = context.AddTask(Markup.Escape(progress.Task));
                _bars.Add(progress.Task, bar);
            }

            if (progress.Note is { } note)
            {
                terminal.Notes.MarkupLineInterpolated($"[dim]{progress.Task}: {note}[/]");
            }

            bar.MaxValue = Math.Max(1, progress.TotalSteps);
            bar.Value = progress.Phase == TrainPhase.Done ? bar.MaxValue : Math.Min(progress.Step, bar.MaxValue - 0.001);
            StateColumn.Set(bar, Describe(progress, _estimate.SecondsLeft(progress)));
        }
    }

    private sealed class Lines(Terminal terminal)
    {
        private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(5);
        private readonly Estimate _estimate = new();
        private long _said;
        private TrainPhase _phase = TrainPhase.Done;

        public void Report(TrainProgress progress)
        {
            double left = _estimate.SecondsLeft(progress);
            if (progress.Note is { } note)
            {
                terminal.Note($"{progress.Task}: {note}");
            }

            bool begins = _phase == TrainPhase.Done && progress.Phase != TrainPhase.Done;
            if (begins || progress.Phase == TrainPhase.Done || Stopwatch.GetElapsedTime(_said) > s_pause)
            {
                _said = Stopwatch.GetTimestamp();
                terminal.Note($"{progress.Task} ({progress.TaskNumber} of {progress.TaskCount}): {Describe(progress, left)}");
            }

            _phase = progress.Phase;
        }
    }
}
