using System.Text.Json;
using Xunit;

namespace Graft.Cli.Tests;

public sealed class ExitCodeTests
{
    [Fact]
    public async Task The_users_input_ends_with_2_and_no_stack_trace()
    {
        CommandLineRun run = await CommandLineRun.Of("completion", "tcsh");

        Assert.EndsWith("There is no completion script for 'tcsh'; choose one of bash, zsh, fish.", run.Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verbose_adds_the_stack_trace()
    {
        CommandLineRun run = await CommandLineRun.Of("completion", "tcsh", "--verbose");

        Assert.Equal(2, run.ExitCode);
        Assert.Contains("   at Graft.Cli.", run.Notes, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_doctor_prints_the_same_findings_as_lines_and_as_json()
    {
        CommandLineRun lines = await CommandLineRun.Of("doctor");
        CommandLineRun json = await CommandLineRun.Of("doctor", "--json");

        Assert.Equal(lines.ExitCode, json.ExitCode);
        using JsonDocument document = JsonDocument.Parse(json.Out);
        Assert.Equal(lines.ExitCode == 0, document.RootElement.GetProperty("healthy").GetBoolean());
        Assert.All(
            document.RootElement.GetProperty("findings").EnumerateArray(),
            finding => Assert.Contains(finding.GetProperty("subject").GetString()!, lines.Out, StringComparison.Ordinal));
    }
}
