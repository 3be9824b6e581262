using System.Diagnostics;
using Graft.Recipes;
using Spectre.Console;

namespace Graft.Cli.Display;

/// <summary>Shows a comparison while it runs: a bar of the whole and a line for what each process does, on a terminal; lines elsewhere.</summary>
internal static class CompareDisplay
{
    /// <summary>Runs a comparison and shows what it reports. The work runs on the calling thread.</summary>
    /// <param name="terminal">Where to show it.</param>
    /// <param name="compare">Runs it.</param>
    /// <param name="workers">What other processes are doing, where it is they who work.</param>
    public static CompareReport Run(Terminal terminal, Func<Action<CompareProgress>, CompareReport> compare, Func<IReadOnlyList<string>>? workers = null) => terminal.IsLive
        ? terminal.Notes.Progress()
            .AutoClear(true)
            .Columns(
                new TaskDescriptionColumn { Alignment = Justify.Left },
                new ProgressBarColumn { Width = 24, CompletedStyle = Style.Parse("green"), FinishedStyle = Style.Parse("green") },
                new StateColumn())
            .Start(context => compare(new Bars(terminal, context, workers).Tell))
        : compare(new CompareLines(terminal, workers).Tell);

    /// <summary>How far the whole has come, in words.</summary>
    public static string Whole(CompareProgress progress)
    {
        string failed = progress.Failed > 0 ? $"  {progress.Failed} failed" : "";
        string left = progress.SecondsLeft is { } seconds ? $"  {Amounts.Clock(seconds)} left" : "";
        return $"{progress.Finished}/{progress.Total} runs{failed}{left}";
    }

    /// <summary>What the running run does, in words; empty while none runs.</summary>
    public static string Running(CompareProgress progress)
    {
        if (progress is not { Run: { } run, Training: { } training })
        {
            return "";
        }

        string trial = progress.Trials > 1 ? $"  rate {progress.Trial} of {progress.Trials}" : "";
        return $"{run}{trial}  {TrainDisplay.Describe(training)}";
    }

    private sealed class Bars(Terminal terminal, ProgressContext context, Func<IReadOnlyList<string>>? workers)
    {
        private readonly ProgressTask _whole = context.AddTask("runs");
        private readonly List<ProgressTask> _lines = [];

        public void Tell(CompareProgress progress)
        {
            if (progress.Note is { } note)
            {
                terminal.Notes.MarkupLineInterpolated($"[dim]{note}[/]");
            }

            // A running run counts by the share of its steps that is done.
            double running = progress.Training is { TotalSteps: > 0 } training
                ? (progress.Trial - 1 + ((double)training.Step / training.TotalSteps)) / progress.Trials
                : 0;
            _whole.MaxValue = Math.Max(1, progress.Total);
            _whole.Value = Math.Min(progress.Finished + progress.Failed + running, progress.Total);
            StateColumn.Set(_whole, Whole(progress));
            IReadOnlyList<string> doing = workers?.Invoke() ?? [Running(progress)];
            for (int i = 0; i < doing.Count; i++)
            {
                if (i == _lines.Count)
                {
                    _lines.Add(context.AddTask(workers is null ? "now" : $"worker {i + 1}", maxValue: 1).IsIndeterminate(workers is not null));
                }

                // Short of the end, so that the line stays that of the next run.
                _lines[i].Value = Math.Min(running, 0.999);
                StateColumn.Set(_lines[i], doing[i]);
            }
        }
    }
}

/// <summary>Tells of a comparison in lines: when a run begins, and every few seconds.</summary>
/// <param name="terminal">Where to: a worker's lines go to its standard output, for its master to show.</param>
/// <param name="workers">What other processes are doing, where it is they who work.</param>
internal sealed class CompareLines(Terminal terminal, Func<IReadOnlyList<string>>? workers = null)
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(CompareWorkers.IsWorker ? 1 : 5);
    private string? _run;
    private int _finished = -1;
    private long _said;

    /// <summary>Takes a report.</summary>
    public void Tell(CompareProgress progress)
    {
        if (progress.Note is { } note)
        {
            terminal.Note(note);
        }

        bool begins = progress.Run is { } run && run != _run;
        bool ends = workers is not null && progress.Finished != _finished;
        if (!begins && !ends && (Stopwatch.GetElapsedTime(_said) < s_pause || progress is { Run: null } && workers is null))
        {
            return;
        }

        (_run, _finished, _said) = (progress.Run ?? _run, progress.Finished, Stopwatch.GetTimestamp());
        string running = CompareDisplay.Running(progress);
        if (CompareWorkers.IsWorker)
        {
            terminal.Out.WriteLine(running);
        }
        else
        {
            terminal.Note(string.Join("  |  ", ((IEnumerable<string>)(workers?.Invoke() ?? [running])).Prepend(CompareDisplay.Whole(progress)).Where(part => part.Length > 0)));
        }
    }
}
