using System.CommandLine;
using Xunit;

namespace Graft.Cli.Tests;

public sealed class HelpTests
{
    public static TheoryData<string> CommandLines => [.. Commands().Select(command => string.Join(' ', command.Path))];

    [Theory]
    [MemberData(nameof(CommandLines))]
    public async Task Every_command_has_a_help_page_with_its_options_and_an_example(string commandLine)
    {
        Command command = Commands().Single(c => string.Join(' ', c.Path) == commandLine).Command;
        CommandLineRun run = await CommandLineRun.Of([.. commandLine.Split(' '), "--help"]);

        Assert.Equal(0, run.ExitCode);
        Assert.Empty(run.Notes);
        Assert.StartsWith($"graft {commandLine}  {command.Description}", run.Out, StringComparison.Ordinal);
        Assert.All(command.Options, option => Assert.Contains(option.Name, run.Out, StringComparison.Ordinal));
        Assert.Contains("\nExample", run.Out, StringComparison.Ordinal);
        Assert.Contains($"graft {commandLine}", run.Out[run.Out.IndexOf("\nExample", StringComparison.Ordinal)..], StringComparison.Ordinal);
        Assert.All(run.Out.Split('\n'), line => Assert.True(line.Length <= 110, $"longer than a screen: {line}"));
    }

    [Theory]
    [MemberData(nameof(CommandLines))]
    public void Every_example_parses(string commandLine)
    {
        var command = (CommandWithExamples)Commands().Single(c => string.Join(' ', c.Path) == commandLine).Command;
        RootCommand root = GraftCommandLine.Build(Terminal.Plain(TextWriter.Null, TextWriter.Null));

        Assert.All(command.Examples, example =>
        {
            string[] words = [.. ExampleWords(example)];
            if (words.Length > 0)
            {
                Assert.Null(ParseFailure.Describe(root.Parse(words)));
            }
        });
    }

    [Fact]
    public async Task Without_arguments_graft_shows_its_commands()
    {
        CommandLineRun bare = await CommandLineRun.Of();
        CommandLineRun help = await CommandLineRun.Of("--help");

        Assert.Equal(0, bare.ExitCode);
        Assert.Equal(help.Out, bare.Out);
        Assert.All(Commands().Where(c => c.Path.Length == 1), c => Assert.Contains($"\n  {c.Path[0]} ", bare.Out, StringComparison.Ordinal));
    }

    private static IEnumerable<(string[] Path, Command Command)> Commands() =>
        Below([], GraftCommandLine.Build(Terminal.Plain(TextWriter.Null, TextWriter.Null)));

    private static IEnumerable<(string[] Path, Command Command)> Below(string[] path, Command parent) =>
        parent.Subcommands.SelectMany(c => Below([.. path, c.Name], c).Prepend(([.. path, c.Name], c)));

    // From "graft" to a remark, a pipe, a redirection or a closing bracket.
    private static IEnumerable<string> ExampleWords(string example)
    {
        string line = example[(example.IndexOf("graft ", StringComparison.Ordinal) + "graft ".Length)..];
        return System.CommandLine.Parsing.CommandLineParser.SplitCommandLine(line)
            .Select(word => word.TrimEnd(')'))
            .TakeWhile(word => word is not ("#" or "|" or ">" or ">>"));
    }
}
