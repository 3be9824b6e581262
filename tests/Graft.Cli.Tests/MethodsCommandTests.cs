using System.Text.Json.Nodes;
using Graft.Methods.Core;
using Graft.TestKit;
using Xunit;

namespace Graft.Cli.Tests;

public sealed class MethodsCommandTests
{
    [Fact]
    public async Task Every_method_has_a_row_with_its_paper_and_what_it_costs()
    {
        CommandLineRun run = await CommandLineRun.Of("methods");

        Assert.Equal(0, run.ExitCode);
        string[] lines = run.Out.Split('\n');
        Assert.All(PeftMethods.All, method => Assert.Contains(lines, line => line.StartsWith(method.Name + " ", StringComparison.Ordinal) && line.EndsWith(method.Source, StringComparison.Ordinal)));
        string lora = Assert.Single(lines, line => line.StartsWith("lora ", StringComparison.Ordinal));
        Assert.Matches(@"^lora +73,728 +294\.9 kB +yes +yes +query, value +Hu et al", lora);
    }

    [Fact]
    public async Task The_counts_are_those_of_the_backbone_that_is_named()
    {
        using var tiny = new TinyModelFolder();
        CommandLineRun run = await CommandLineRun.Of("methods", "lora", "head", "--backbone", tiny.Model, "--json");

        JsonArray methods = JsonNode.Parse(run.Out)!["methods"]!.AsArray();
        Assert.Equal(["lora", "head"], methods.Select(m => m!["name"]!.GetValue<string>()));
        long trained = 2L * 2 * 8 * (TinyBackbones.Width + TinyBackbones.Width);
        Assert.Equal(trained, methods[0]!["trainedParameters"]!.GetValue<long>());
        Assert.Equal(4 * trained, methods[0]!["bytesPerTask"]!.GetValue<long>());
        Assert.True(methods[0]!["merges"]!.GetValue<bool>());
        Assert.Equal(8, methods[0]!["settings"]!["rank"]!.GetValue<int>());
    }

    [Fact]
    public async Task A_method_that_is_named_shows_its_settings()
    {
        CommandLineRun run = await CommandLineRun.Of("methods", "lora");

        Assert.StartsWith("lora  ", run.Out, StringComparison.Ordinal);
        Assert.Contains("rank=8", run.Out, StringComparison.Ordinal);
        Assert.Contains("targets=query,value", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_typed_wrong_gets_the_nearest() =>
        Assert.Contains("did you mean 'lora'", (await CommandLineRun.Of("methods", "loraa")).Refusal(), StringComparison.Ordinal);
}
