using System.CommandLine;
using Graft.Recipes;

namespace Graft.Cli;

/// <summary>Does runs that Ctrl+C stops at a checkpoint, and says how to go on with them.</summary>
internal static class Interruption
{
    /// <summary>Does a run and prints what came of it, or the command that goes on.</summary>
    /// <typeparam name="T">What comes of it.</typeparam>
    /// <param name="terminal">Where to.</param>
    /// <param name="parsed">The command line.</param>
    /// <param name="unit">What is finished before the run stops, such as a step.</param>
    /// <param name="run">The run.</param>
    /// <param name="print">Prints what came of it.</param>
    /// <param name="cancellationToken">Asks the run to stop.</param>
    /// <returns>The exit code.</returns>
    public static int Run<T>(Terminal terminal, ParseResult parsed, string unit, Func<T> run, Action<T> print, CancellationToken cancellationToken)
    {
        T report;
        try
        {
            using CancellationTokenRegistration asked = cancellationToken.Register(() => terminal.Note($"graft: stopping after this {unit} ..."));
            report = run();
        }
        catch (TrainingInterruptedException interruption)
        {
            return Tell(terminal, parsed, interruption);
        }

        print(report);
        return ExitCode.Success;
    }

    private static int Tell(Terminal terminal, ParseResult parsed, TrainingInterruptedException interruption)
    {
        terminal.Note($"graft: {interruption.Message}");
        terminal.Note($"  graft {string.Join(' ', parsed.Tokens.Select(token => token.Value).Where(Keep).Select(ShellWord.Quoted))} --resume");
        return ExitCode.Interrupted;
    }

    private static bool Keep(string word) => word is not ("--overwrite" or "--resume");
}
