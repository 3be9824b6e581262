using System.Collections.Concurrent;
using System.Diagnostics;
using Graft.Torch;

namespace Graft.Cli;

/// <summary>
/// Processes of the same command that share the runs of a comparison. A worker prints what it does as lines on its standard output, and
/// stops at a safe point when its standard input ends, so that it does not outlive whoever started it.
/// </summary>
internal sealed class CompareWorkers : IDisposable
{
    private const string Variable = "GRAFT_COMPARE_WORKER";
    private readonly List<Process> _processes = [];
    private readonly Terminal _terminal;
    private readonly ConcurrentDictionary<int, string> _doing = new();
    private readonly List<Task> _readers = [];
    private readonly CancellationTokenSource _ended = new();
    private readonly CancellationTokenRegistration _asked;
    private readonly Task _watching;

    /// <summary>Starts workers.</summary>
    /// <param name="terminal">Where their remarks go.</param>
    /// <param name="arguments">The command line behind <c>graft</c>.</param>
    /// <param name="count">How many.</param>
    /// <param name="cancellation">Asks them to stop.</param>
    public CompareWorkers(Terminal terminal, IReadOnlyList<string> arguments, int count, CancellationToken cancellation)
    {
        _terminal = terminal;
        for (int number = 0; number < count; number++)
        {
            Start(arguments, number, Math.Max(1, ProcessorCores.Count / count));
        }

        _asked = cancellation.Register(Stop);
        _watching = WatchAsync();
    }

    /// <summary>Whether this process is a worker.</summary>
    public static bool IsWorker => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 };

    /// <summary>Cancelled when every worker has ended.</summary>
    public CancellationToken Ended => _ended.Token;

    /// <summary>What the workers are doing, in the order of their numbers.</summary>
    public IReadOnlyList<string> Doing => [.. _doing.OrderBy(d => d.Key).Select(d => d.Value)];

    /// <summary>A token that is cancelled when standard input ends; for a worker.</summary>
    public static CancellationTokenSource UntilInputEnds(CancellationToken cancellation)
    {
        var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        new Thread(() =>
        {
            using Stream input = Console.OpenStandardInput();
            while (input.ReadByte() >= 0)
            {
            }

            stop.Cancel();
        })
        { IsBackground = true }.Start();
        return stop;
    }

    /// <summary>Says whether the workers, which have ended, did so by finishing their work.</summary>
    /// <exception cref="GraftException">One did not.</exception>
    public void Check()
    {
        if (_processes.Find(process => process.ExitCode is not (ExitCode.Success or ExitCode.Fault)) is { } bad)
        {
            throw new GraftException($"A worker ended with exit code {bad.ExitCode} before its work was done; what is finished stays, and the same command goes on.");
        }
    }

    /// <summary>Asks workers that are still at work to stop, and waits until they have.</summary>
    public void Dispose()
    {
        Stop();
        _asked.Dispose();
        _watching.GetAwaiter().GetResult();
        _processes.ForEach(process => process.Dispose());
        _ended.Dispose();
    }

    private void Stop() => _processes.ForEach(process => process.StandardInput.Close());

    private async Task WatchAsync()
    {
        await Task.WhenAll(_readers);
        foreach (Process process in _processes)
        {
            await process.WaitForExitAsync(CancellationToken.None);
        }

        await _ended.CancelAsync();
    }

    private void Start(IReadOnlyList<string> arguments, int number, int threads)
    {
        // As the tool, as an executable, or by "dotnet Graft.Cli.dll".
        string self = Environment.ProcessPath!;
        bool hosted = Path.GetFileNameWithoutExtension(self) == "dotnet";
        var start = new ProcessStartInfo(self, hosted ? [typeof(CompareWorkers).Assembly.Location, .. arguments] : arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment[Variable] = $"{number + 1}";
        start.Environment["OMP_NUM_THREADS"] = $"{threads}";
        Process process = Process.Start(start)!;
        _processes.Add(process);
        _readers.Add(ReadAsync(process.StandardOutput, line => _doing[number] = line));
        _readers.Add(ReadAsync(process.StandardError, _terminal.Note));
    }

    private static async Task ReadAsync(StreamReader reader, Action<string> take)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            take(line);
        }
    }
}
