using System.CommandLine;
using Graft.Recipes;

namespace Graft.Cli;

/// <summary>Says how to go on with a run that was interrupted.</summary>
internal static class Interruption
{
    /// <summary>Writes what happened and the command that goes on.</summary>
    /// <param name="terminal">Where to.</param>
    /// <param name="parsed">The command line that was interrupted.</param>
    /// <param name="interruption">What happened.</param>
    /// <returns>The exit code.</returns>
    public static int Tell(Terminal terminal, ParseResult parsed, TrainingInterruptedException interruption)
    {
        terminal.Note($"graft: {interruption.Message}");
        terminal.Note($"  graft {string.Join(' ', parsed.Tokens.Select(token => token.Value).Where(Keep).Select(ShellWord.Quoted))} --resume");
        return ExitCode.Interrupted;
    }

    private static bool Keep(string word) => word is not ("--overwrite" or "--resume");
}
