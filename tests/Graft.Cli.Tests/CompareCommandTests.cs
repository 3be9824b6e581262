using System.Text.Json.Nodes;
using Graft.TestKit;
using Xunit;

namespace Graft.Cli.Tests;

public sealed class CompareCommandTests : IDisposable
{
    private readonly TinyModelFolder _tiny = new();

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public async Task A_plan_is_forecast_run_and_summed_up()
    {
        string plan = TinyPlan.Write(_tiny, "plan.json");
        string folder = Path.Combine(_tiny.Root, "plan");

        CommandLineRun forecast = await CommandLineRun.Of("compare", plan, "--dry-run");
        Assert.Equal(0, forecast.ExitCode);
        Assert.Contains("4 of 4 runs are left, about", forecast.Out, StringComparison.Ordinal);
        Assert.Contains("measuring lora", forecast.Notes, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder));

        CommandLineRun run = await CommandLineRun.Of("compare", plan);
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("40 training rows a task", run.Out, StringComparison.Ordinal);
        Assert.Contains($"Comparison: 4 runs in {folder}", run.Out, StringComparison.Ordinal);
        Assert.Contains($"Report: {Path.Combine(folder, "report.html")}", run.Out, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(folder, "report.md")));
        Assert.Matches("0/4 runs  \\|  lora/letters/40/0  rate 1 of 2", run.Notes);

        CommandLineRun again = await CommandLineRun.Of("compare", folder, "--dry-run", "--json");
        Assert.Equal(4, (int)JsonNode.Parse(again.Out)!["finished"]!);
        Assert.Equal(0, (double)JsonNode.Parse(again.Out)!["secondsLeft"]!);
    }

    [Fact]
    public async Task The_summary_is_one_object()
    {
        CommandLineRun run = await CommandLineRun.Of("compare", TinyPlan.Write(_tiny, "plan.json"), "--only", "head/*/*/0", "--out", Path.Combine(_tiny.Root, "out"), "--json");

        JsonNode summary = JsonNode.Parse(run.Out)!;
        Assert.Equal(("plan", 4, 1), ((string)summary["name"]!, (int)summary["planned"]!, (int)summary["finished"]!));
        Assert.Empty(summary["failed"]!.AsArray());
        Assert.Equal("head", (string)summary["methods"]![0]!["method"]!);
        Assert.True((double)summary["methods"]![0]!["mean"]! is >= 0 and <= 1);
        Assert.Contains("head", (string)summary["recommendations"]![0]!["text"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_of_texts_and_labels_is_enough()
    {
        string file = Path.Combine(_tiny.Root, "tickets.tsv");
        string folder = Path.Combine(_tiny.Root, "out");
        File.WriteAllLines(file, ["message\tteam", .. Enumerable.Range(0, 90).Select(i => $"{TinyModelFolder.Words[i % 40]} {TinyModelFolder.Words[i / 2]}\tteam {i % 2}")]);
        string[] command = ["compare", "--csv", file, "--text", "message", "--label", "team", "--backbone", _tiny.Model, "--out", folder, "--only", "head/*/*/0"];

        CommandLineRun run = await CommandLineRun.Of(command);

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("54 rows to train on, 18 to choose by, 18 to report on", run.Notes, StringComparison.Ordinal);
        Assert.Contains("head", run.Out, StringComparison.Ordinal);
        Assert.Contains("2 of 3 runs are left", (await CommandLineRun.Of([.. command[..^1], "head/*/*/*", "--dry-run"])).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_that_fails_is_listed_and_the_exit_code_says_so()
    {
        string plan = TinyPlan.Write(_tiny, "plan.json", json => json["methods"] = new JsonArray("head", new JsonObject { ["name"] = "wild", ["method"] = "lora", ["learning_rate"] = 1e30 }));

        CommandLineRun run = await CommandLineRun.Of("compare", plan);

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("graft: wild/letters/40/0 failed: Training diverged", run.Notes, StringComparison.Ordinal);
        Assert.Contains("Comparison: 2 of 4 runs", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Faults_of_a_plan_are_listed_together()
    {
        string plan = TinyPlan.Write(_tiny, "plan.json", json => (json["methods"], json["sizes"]) = (new JsonArray("lroa"), new JsonArray(4000)));

        CommandLineRun run = await CommandLineRun.Of("compare", plan);

        Assert.Equal(2, run.ExitCode);
        Assert.Contains("has 2 faults, and nothing was run", run.Notes, StringComparison.Ordinal);
        Assert.Contains("did you mean '", run.Notes, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("needs a plan", "compare")]
    [InlineData("--csv needs --label COL", "compare", "--csv", "x.csv", "--text", "t")]
    [InlineData("--text is for a file without one", "compare", "plan.json", "--text", "t")]
    [InlineData("no such file", "compare", "nowhere.json")]
    [InlineData("does not end in .json", "compare", "/etc/hostname")]
    [InlineData("--jobs is 0", "compare", "plan.json", "--jobs", "0")]
    public async Task What_cannot_be_is_one_sentence(string expected, params string[] args) =>
        Assert.Contains(expected, (await CommandLineRun.Of(args)).Refusal(), StringComparison.Ordinal);
}
