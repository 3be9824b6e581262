using Graft.Formats.Sources;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Graft.Cli.Display;

/// <summary>Shows downloads while they run: a bar a file on a terminal, a line a file elsewhere.</summary>
internal static class TransferDisplay
{
    // Work that is not a transfer reports a total of one.
    private const long CountedInBytes = 1;

    /// <summary>Runs work that reports its progress, and shows it.</summary>
    public static Task<T> RunAsync<T>(Terminal terminal, Func<IProgress<SourceProgress>, Task<T>> work) => terminal.IsLive
        ? terminal.Notes.Progress()
            .AutoClear(true)
            .Columns(
                new TaskDescriptionColumn { Alignment = Justify.Left },
                new ProgressBarColumn { Width = 30, CompletedStyle = Style.Parse("green"), FinishedStyle = Style.Parse("green") },
                new AmountColumn())
            .StartAsync(context => work(new Bars(context)))
        : work(new Lines(terminal));

    private sealed class AmountColumn : ProgressColumn
    {
        protected override bool NoWrap => true;

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime)
        {
            if (task.MaxValue <= CountedInBytes)
            {
                return new Markup("");
            }

            string speed = task is { IsFinished: false, Speed: { } each } ? $"  {Amounts.Bytes((long)each)}/s" : "";
            return new Markup($"{Amounts.Bytes((long)task.Value)} of {Amounts.Bytes((long)task.MaxValue)}{speed}");
        }
    }

    private sealed class Bars(ProgressContext context) : IProgress<SourceProgress>
    {
        private readonly Dictionary<string, ProgressTask> _bars = new(StringComparer.Ordinal);
        private readonly Lock _gate = new();

        public void Report(SourceProgress value)
        {
            lock (_gate)
            {
                if (!_bars.TryGetValue(value.Text, out ProgressTask? bar))
                {
                    bar = context.AddTask(Markup.Escape(value.Text));
                    _bars.Add(value.Text, bar);
                }

                bar.IsIndeterminate = value.Total is not > CountedInBytes && (value.Total is null || value.Done < value.Total);
                bar.MaxValue = value.Total ?? Math.Max(1, value.Done);
                bar.Value = value.Done;
            }
        }
    }

    private sealed class Lines(Terminal terminal) : IProgress<SourceProgress>
    {
        private readonly HashSet<string> _said = new(StringComparer.Ordinal);
        private readonly Lock _gate = new();

        public void Report(SourceProgress value)
        {
            lock (_gate)
            {
                if (_said.Add(value.Text))
                {
                    terminal.Note(value.Total is { } total ? $"{value.Text} ({Amounts.Bytes(total)})" : value.Text);
                }
            }
        }
    }
}
