using System.Diagnostics;
using Graft.Recipes;
using Spectre.Console;

namespace Graft.Cli.Display;

/// <summary>Shows pretraining while it runs: a bar on a terminal, a line every half minute elsewhere.</summary>
internal static class PretrainDisplay
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(30);

    /// <summary>Runs pretraining and shows what it reports. The work runs on the calling thread.</summary>
    public static T Run<T>(Terminal terminal, Func<Action<PretrainProgress>, T> train)
    {
        if (terminal.IsLive)
        {
            return terminal.Notes.Progress()
                .AutoClear(true)
                .AutoRefresh(true)
                .Columns(
                    new TaskDescriptionColumn { Alignment = Justify.Left },
                    new ProgressBarColumn { Width = 24, CompletedStyle = Style.Parse("green"), FinishedStyle = Style.Parse("green") },
                    new StateColumn())
                .Start(context =>
                {
                    ProgressTask bar = context.AddTask("pretrain");
                    return train(progress => Show(terminal, bar, progress));
                });
        }

        var (said, phase) = (0L, PretrainPhase.Done);
        return train(progress =>
        {
            if (progress.Note is { } note)
            {
                terminal.Note($"pretrain: {note}");
            }

            // A new score on dev is said at once, as is the first thing of all.
            bool scored = phase == PretrainPhase.Evaluating && progress.Phase != PretrainPhase.Evaluating;
            if (scored || phase == PretrainPhase.Done || Stopwatch.GetElapsedTime(said) > s_pause)
            {
                said = Stopwatch.GetTimestamp();
                terminal.Note($"pretrain: {Describe(progress)}");
            }

            phase = progress.Phase == PretrainPhase.Done ? PretrainPhase.Writing : progress.Phase;
        });
    }

    /// <summary>A report in words: steps, losses, speed, time left.</summary>
    internal static string Describe(PretrainProgress progress)
    {
        string[] parts =
        [
            progress.TotalSteps > 0 ? $"{Amounts.Count(progress.Step)}/{Amounts.Count(progress.TotalSteps)}" : "",
            double.IsNaN(progress.Loss) ? "" : $"loss {progress.Loss:0.000}",
            progress.DevLoss is { } dev ? $"dev {dev:0.000}" : "",
            progress.TokensPerSecond > 0 ? $"{Amounts.Count((long)progress.TokensPerSecond)} tokens/s" : "",
            progress.Phase switch
            {
                PretrainPhase.Tokenizer => $"making a tokenizer{Read(progress)}",
                PretrainPhase.Reading => $"reading texts{Read(progress)}",
                PretrainPhase.Training when progress.SecondsLeft is { } left => $"{Amounts.Clock(left)} left",
                PretrainPhase.Evaluating => "evaluating on dev",
                PretrainPhase.Writing => "writing the model",
                _ => "",
            },
        ];
        return string.Join("  ", parts.Where(part => part.Length > 0));
    }

    private static string Read(PretrainProgress progress) => progress.Texts > 0 ? $", {Amounts.Count(progress.Texts)} so far" : "";

    private static void Show(Terminal terminal, ProgressTask bar, PretrainProgress progress)
    {
        if (progress.Note is { } note)
        {
            terminal.Notes.MarkupLineInterpolated($"[dim]{note}[/]");
        }

        bar.MaxValue = Math.Max(1, progress.TotalSteps);
        bar.Value = progress.Phase == PretrainPhase.Done ? bar.MaxValue : Math.Min(progress.Step, bar.MaxValue - 0.001);
        StateColumn.Set(bar, Describe(progress));
    }
}
