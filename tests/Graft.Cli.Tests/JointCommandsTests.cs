using System.Text.Json.Nodes;
using Graft.TestKit;
using Xunit;

namespace Graft.Cli.Tests;

/// <summary>Commands on a package of several tasks.</summary>
public sealed class JointCommandsTests : IDisposable
{
    private readonly TinyModelFolder _tiny = new();

    private string Out => Path.Combine(_tiny.Root, "out");

    private string Joint => Path.Combine(Out, "joint");

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public async Task Tasks_that_share_an_adapter_are_trained_predicted_measured_and_inspected()
    {
        string[] tasks = [_tiny.WriteTask("first"), _tiny.WriteTask("second", train: 40, seed: 2)];
        CommandLineRun trained = await CommandLineRun.Of(
            "train", "--backbone", _tiny.Model, "--tasks", string.Join(',', tasks), "--share", "--sampling", "uniform", "--steps", "4", "--out", Out);

        Assert.Equal(0, trained.ExitCode);
        string[] lines = trained.Out.Split('\n');
        Assert.StartsWith("first ", lines[2], StringComparison.Ordinal);
        Assert.StartsWith("second ", lines[3], StringComparison.Ordinal);
        Assert.Contains("Together: ", trained.Out, StringComparison.Ordinal);
        Assert.Contains($"{Joint}#first", trained.Out, StringComparison.Ordinal);
        Assert.Contains("joint (1 of 1): ", trained.Notes, StringComparison.Ordinal);

        CommandLineRun all = await CommandLineRun.Of("predict", Out, "--backbone", _tiny.Model, "--text", "aa ba", "--json");
        Assert.Equal(["first", "second"], Tasks(all));
        CommandLineRun one = await CommandLineRun.Of("predict", Joint, "--task", "second", "--backbone", _tiny.Model, "--text", "aa ba", "--json");
        Assert.Equal(["second"], Tasks(one));
        CommandLineRun named = await CommandLineRun.Of("predict", $"{Joint}#second", "--backbone", _tiny.Model, "--text", "aa ba", "--json");
        Assert.Equal(Answers(one), Answers(named));
        CommandLineRun unknown = await CommandLineRun.Of("predict", Joint, "--task", "secnod", "--backbone", _tiny.Model, "--text", "aa");
        Assert.Contains("No package answers the task 'secnod'; did you mean 'second'?", unknown.Refusal(), StringComparison.Ordinal);

        CommandLineRun measured = await CommandLineRun.Of("eval", $"{Joint}#first", "--task", tasks[0], "--backbone", _tiny.Model, "--json");
        Assert.Equal(30, JsonNode.Parse(measured.Out)!["devRows"]!.GetValue<int>());
        CommandLineRun whole = await CommandLineRun.Of("eval", Joint, "--data", _tiny.Root, "--backbone", _tiny.Model, "--json");
        JsonNode averages = JsonNode.Parse(whole.Out)!;
        Assert.Equal(["first", "second"], averages["tasks"]!.AsArray().Select(t => (string?)t!["task"]));
        Assert.Equal(
            averages["tasks"]!.AsArray().Average(t => (double)t!["test"]!["accuracy"]!), (double)averages["average"]!["test"]!, 1e-12);
        CommandLineRun table = await CommandLineRun.Of("eval", Joint, "--data", _tiny.Root, "--backbone", _tiny.Model);
        Assert.Contains("Mean of the first metrics: ", table.Out, StringComparison.Ordinal);
        CommandLineRun converted = await CommandLineRun.Of("convert", Joint, Path.Combine(_tiny.Root, "peft"), "--to", "peft", "--backbone", _tiny.Model);
        Assert.Contains($"name one, as in '{Joint}#first'", converted.Refusal(), StringComparison.Ordinal);

        CommandLineRun inspected = await CommandLineRun.Of("inspect", Joint);
        Assert.Equal(0, inspected.ExitCode);
        Assert.Contains("tasks.second.labels", inspected.Out, StringComparison.Ordinal);
        string page = Path.Combine(_tiny.Root, "page.html");
        CommandLineRun drawn = await CommandLineRun.Of("inspect", $"{Joint}#first", "--backbone", _tiny.Model, "--page", page, "--json");
        Assert.Equal("package", (string?)JsonNode.Parse(drawn.Out)!["kind"]);
        Assert.Contains(page, drawn.Notes, StringComparison.Ordinal);
        Assert.Contains("How far each map moved", await File.ReadAllTextAsync(page, TestContext.Current.CancellationToken), StringComparison.Ordinal);
        CommandLineRun undrawn = await CommandLineRun.Of("inspect", _tiny.Model, "--page", Path.Combine(_tiny.Root, "model.html"));
        Assert.Contains("fingerprint", undrawn.Out, StringComparison.Ordinal);
        Assert.Equal(2, undrawn.ExitCode);
    }

    private static IEnumerable<string?> Tasks(CommandLineRun run) => JsonNode.Parse(run.Out)!["tasks"]!.AsArray().Select(t => (string?)t);

    private static string Answers(CommandLineRun run) => JsonNode.Parse(run.Out)!["answers"]!.ToJsonString();
}
