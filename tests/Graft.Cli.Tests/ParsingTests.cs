using Xunit;

namespace Graft.Cli.Tests;

public sealed class ParsingTests
{
    [Theory]
    [InlineData("doctr", "did you mean 'doctor'?")]
    [InlineData("completoin", "did you mean 'completion'?")]
    [InlineData("xyzzy", "see 'graft --help'.")]
    public async Task An_unknown_command_is_refused_with_the_nearest_one(string word, string remedy)
    {
        CommandLineRun run = await CommandLineRun.Of(word);

        Assert.EndsWith($"graft has no command '{word}'; {remedy}", run.Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_option_is_refused_with_the_nearest_one()
    {
        CommandLineRun run = await CommandLineRun.Of("doctor", "--jsno");

        Assert.EndsWith("graft doctor has no option '--jsno'; did you mean '--json'?", run.Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_argument_is_named()
    {
        CommandLineRun run = await CommandLineRun.Of("completion");

        Assert.EndsWith("graft completion needs SHELL; see 'graft completion --help'.", run.Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_superfluous_word_is_refused()
    {
        CommandLineRun run = await CommandLineRun.Of("doctor", "now");

        Assert.EndsWith("graft doctor does not take 'now' here; see 'graft doctor --help'.", run.Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_version_is_one_line_on_standard_output()
    {
        CommandLineRun run = await CommandLineRun.Of("--version");

        Assert.Equal(0, run.ExitCode);
        Assert.Matches(@"^graft \d+\.\d+\.\d+\n$", run.Out);
        Assert.Empty(run.Notes);
    }
}
