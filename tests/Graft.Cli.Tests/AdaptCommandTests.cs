using System.Text.Json.Nodes;
using Graft.TestKit;
using Xunit;

namespace Graft.Cli.Tests;

public sealed class AdaptCommandTests : IDisposable
{
    private readonly TinyModelFolder _tiny = new();

    private string Joint => Path.Combine(_tiny.Root, "out", "joint");

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public async Task A_task_is_added_from_a_few_rows_and_answers()
    {
        string[] tasks = [_tiny.WriteTask("first"), _tiny.WriteTask("second", train: 40, seed: 2)];
        CommandLineRun trained = await CommandLineRun.Of(
            "train", "--backbone", _tiny.Model, "--tasks", string.Join(',', tasks), "--method", "pha", "--steps", "4", "--out", Path.Combine(_tiny.Root, "out"));
        Assert.Equal(0, trained.ExitCode);
        string third = _tiny.WriteTask("third", seed: 5);

        CommandLineRun added = await CommandLineRun.Of(
            "adapt", Joint, "--task", third, "--examples", "8", "--steps", "3", "--batch", "8", "--start", "vote", "--backbone", _tiny.Model);

        Assert.Equal(0, added.ExitCode);
        Assert.Contains("Its rows are like: ", added.Out, StringComparison.Ordinal);
        Assert.Contains("It started at ", added.Out, StringComparison.Ordinal);
        Assert.Contains("third: accuracy ", added.Out, StringComparison.Ordinal);
        Assert.Contains($"Package: {Joint}#third", added.Out, StringComparison.Ordinal);
        CommandLineRun answered = await CommandLineRun.Of("predict", $"{Joint}#third", "--backbone", _tiny.Model, "--text", "aa ba", "--json");
        Assert.Equal("third", (string?)JsonNode.Parse(answered.Out)!["tasks"]!.AsArray().Single());

        CommandLineRun alone = await CommandLineRun.Of(
            "adapt", Joint, "--task", _tiny.WriteTask("fourth", seed: 6), "--examples", "8", "--steps", "2", "--from", "third", "--tune", "own,hypernetwork",
            "--own-factor", "10", "--head-factor", "3", "--own-losses", "false", "--backbone", _tiny.Model, "--out", Path.Combine(_tiny.Root, "alone"), "--json");
        Assert.Equal(1, JsonNode.Parse(alone.Out)!["weights"]!["third"]!.GetValue<double>());
        Assert.True(Directory.Exists(Path.Combine(_tiny.Root, "alone", "fourth", "tasks", "fourth")));
        JsonNode run = JsonNode.Parse(File.ReadAllText(Path.Combine(_tiny.Root, "alone", "run.json")))!;
        Assert.Equal((3, 10, false), ((double)run["head_factor"]!, (double)run["adapted"]!["own_factor"]!, (bool)run["adapted"]!["own_losses"]!));
        CommandLineRun best = await CommandLineRun.Of(
            "adapt", Joint, "--task", _tiny.WriteTask("fifth", seed: 8), "--examples", "8", "--steps", "2", "--start", "best", "--backbone", _tiny.Model);
        Assert.Contains("How well its labels are told under known tasks: ", best.Out, StringComparison.Ordinal);
        CommandLineRun refused = await CommandLineRun.Of("adapt", Joint, "--task", third, "--start", "nearst", "--backbone", _tiny.Model);
        Assert.Contains("did you mean 'nearest'", refused.Refusal(), StringComparison.Ordinal);
    }
}
