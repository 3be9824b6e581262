namespace Graft.Cli;

/// <summary>The exit codes of the command; documented in docs/cli.md.</summary>
internal static class ExitCode
{
    public const int Success = 0;

    /// <summary>A fault of the program or the machine.</summary>
    public const int Fault = 1;

    /// <summary>The user's input: an option, a file, a setting, or something missing on the machine.</summary>
    public const int BadInput = 2;

    /// <summary>Stopped by Ctrl+C or a termination signal, at a safe point.</summary>
    public const int Interrupted = 130;
}
