using System.CommandLine;
using Graft.Evaluation.Comparisons;
using Graft.Recipes;
using Graft.TestKit;
using Xunit;

namespace Graft.Cli.Tests;

public sealed class DocsTests
{
    [Fact]
    public void The_page_lists_every_command_and_every_key_of_a_recipe()
    {
        string page = File.ReadAllText(SharedData.Repository("docs/cli.md"));
        RootCommand root = GraftCommandLine.Build(Terminal.Plain(TextWriter.Null, TextWriter.Null));

        Assert.All(root.Subcommands, command => Assert.Contains($"| `graft {command.Name}", page, StringComparison.Ordinal));
        Assert.All(TrainSettings.Keys, key => Assert.Contains($"| `{key}` |", page, StringComparison.Ordinal));
    }

    [Fact]
    public void The_page_of_pretraining_lists_every_key_with_its_option()
    {
        string[] rows = [.. File.ReadLines(SharedData.Repository("docs/pretrain.md")).Where(line => line.StartsWith("| `", StringComparison.Ordinal))];
        Command pretrain = GraftCommandLine.Build(Terminal.Plain(TextWriter.Null, TextWriter.Null)).Subcommands.Single(command => command.Name == "pretrain");
        string[] options = [.. pretrain.Options.Select(option => option.Name).Where(name => name != "--json")];

        Assert.All(PretrainSettings.Keys, key =>
        {
            string option = $"--{key.Replace('_', '-')}";
            Assert.Contains(rows, row => row.StartsWith(options.Contains(option) ? $"| `{key}` | `{option}` |" : $"| `{key}` | |", StringComparison.Ordinal));
        });
        Assert.All(options, option => Assert.Contains(option[2..].Replace('-', '_'), PretrainSettings.Keys));
    }

    [Fact]
    public void The_page_of_comparisons_lists_every_key_of_a_plan_and_its_plan_is_one()
    {
        string page = File.ReadAllText(SharedData.Repository("docs/compare.md"));
        string json = page.Split("```json")[1].Split("```")[0];

        Assert.All(ComparisonPlan.Keys, key => Assert.Contains($"`{key}`", page, StringComparison.Ordinal));
        Assert.Equal(24, ComparisonPlan.Read(StrictJson.Parse(json, "docs/compare.md"), "plan").Runs.Count());
    }

    [Fact]
    public void The_page_gives_each_option_of_training_to_its_key()
    {
        string[] rows = [.. File.ReadLines(SharedData.Repository("docs/cli.md")).Where(line => line.StartsWith("| `", StringComparison.Ordinal))];
        Command train = GraftCommandLine.Build(Terminal.Plain(TextWriter.Null, TextWriter.Null)).Subcommands.Single(command => command.Name == "train");

        Assert.All(train.Options.Where(option => option.Name != "--json"), option =>
        {
            string key = option.Name[2..].Replace('-', '_');
            Assert.Contains(rows, row => row.StartsWith($"| `{key}` | `{option.Name}", StringComparison.Ordinal));
        });
    }
}
