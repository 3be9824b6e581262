using System.Diagnostics;
using Xunit;

namespace Graft.Cli.Tests;

public sealed class CompletionTests
{
    [Fact]
    public async Task The_command_suggests_the_words_that_fit()
    {
        CommandLineRun run = await CommandLineRun.Of("[suggest:3]", "doc");

        Assert.Equal("doctor", run.Out.Trim());
    }

    [Fact]
    public async Task The_bash_script_completes_commands_options_and_values()
    {
        string script = (await CommandLineRun.Of("completion", "bash")).Out;

        Assert.Equal("doctor", await Complete(script, "graft doc", 1));
        Assert.Equal("--json", await Complete(script, "graft doctor --js", 2));
        Assert.Equal("zsh", await Complete(script, "graft completion z", 2));
    }

    [Theory]
    [InlineData("bash")]
    [InlineData("zsh")]
    [InlineData("fish")]
    public async Task Every_script_asks_the_command_itself(string shell)
    {
        CommandLineRun run = await CommandLineRun.Of("completion", shell);

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("[suggest:", run.Out, StringComparison.Ordinal);
    }

    private static async Task<string> Complete(string script, string line, int word)
    {
        string body = $$"""
            {{script}}
            graft() { dotnet '{{typeof(GraftCommandLine).Assembly.Location}}' "$@"; }
            COMP_WORDS=({{line}}); COMP_CWORD={{word}}; COMP_LINE="{{line}}"; COMP_POINT={{line.Length}}
            _graft_complete
            echo "${COMPREPLY[*]}"
            """;
        using Process bash = Process.Start(new ProcessStartInfo("bash", ["-c", body]) { UseShellExecute = false, RedirectStandardOutput = true })!;
        string reply = await bash.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await bash.WaitForExitAsync(TestContext.Current.CancellationToken);
        return reply.Trim();
    }
}
