using Xunit;

namespace Graft.Cli.Tests;

/// <summary>What one command line did: its exit code and what it wrote, in this process and without a terminal.</summary>
internal sealed record CommandLineRun(int ExitCode, string Out, string Notes)
{
    public static async Task<CommandLineRun> Of(params string[] args)
    {
        using var output = new StringWriter();
        using var notes = new StringWriter();
        int exitCode = await GraftCommandLine.RunAsync(args, Terminal.Plain(output, notes), TestContext.Current.CancellationToken);
        return new CommandLineRun(exitCode, output.ToString(), notes.ToString());
    }

    /// <summary>Asserts that the user's input was refused with one line on standard error and nothing on standard output.</summary>
    public string Refusal()
    {
        Assert.Equal(2, ExitCode);
        Assert.Empty(Out);
        string line = Assert.Single(Notes.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("graft: error: ", line, StringComparison.Ordinal);
        Assert.EndsWith(".", line.Replace('?', '.'), StringComparison.Ordinal);
        return line;
    }
}
