using System.Text.Json.Nodes;
using Graft.TestKit;
using Xunit;

namespace Graft.Cli.Tests;

public sealed class PretrainCommandTests : IDisposable
{
    private readonly TinyModelFolder _tiny = new();

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public async Task What_was_learnt_is_told_and_the_model_is_a_backbone_of_training()
    {
        string model = Path.Combine(_tiny.Root, "tapt");
        string task = _tiny.WriteTask();
        string settings = Path.Combine(_tiny.Root, "settings.json");
        await File.WriteAllTextAsync(settings, new JsonObject { ["recipe"] = "tapt", ["batch"] = 16, ["steps"] = 50 }.ToJsonString(), TestContext.Current.CancellationToken);

        CommandLineRun pretrain = await CommandLineRun.Of(
            "pretrain", settings, "--backbone", _tiny.Model, "--task", task, "--steps", "4", "--set", "embeddings=false", "--out", model);
        CommandLineRun again = await CommandLineRun.Of(
            "pretrain", settings, "--backbone", _tiny.Model, "--task", task, "--steps", "4", "--set", "embeddings=false", "--out", model, "--resume", "--json");
        CommandLineRun train = await CommandLineRun.Of("train", "--backbone", model, "--tasks", task, "--steps", "2", "--out", Path.Combine(_tiny.Root, "out"), "--json");

        Assert.True(pretrain.ExitCode == 0, pretrain.Notes);
        Assert.StartsWith("4 steps on 96 texts, ", pretrain.Out, StringComparison.Ordinal);
        Assert.Contains("Loss on 30 held-out texts: ", pretrain.Out, StringComparison.Ordinal);
        Assert.Contains("had no head for masked words", pretrain.Out, StringComparison.Ordinal);
        Assert.Contains($"graft train --backbone {model} ...", pretrain.Out, StringComparison.Ordinal);
        Assert.Contains("pretrain: 4/4  loss ", pretrain.Notes, StringComparison.Ordinal);
        Assert.Contains("tokens/s", pretrain.Notes, StringComparison.Ordinal);
        Assert.Contains("was finished before", again.Notes, StringComparison.Ordinal);
        JsonNode report = JsonNode.Parse(again.Out)!;
        Assert.Equal("BertForMaskedLM", (string?)report["architecture"]);
        Assert.Equal((string?)report["fingerprint"], (string?)JsonNode.Parse(train.Out)!["fingerprint"]);
    }

    [Fact]
    public async Task The_command_line_overrules_what_a_file_says_otherwise()
    {
        string task = _tiny.WriteTask();
        string settings = Path.Combine(_tiny.Root, "settings.json");
        await File.WriteAllTextAsync(
            settings, new JsonObject { ["text"] = "no/text", ["unit"] = "document", ["config"] = "no/config", ["lowercase"] = false, ["epochs"] = 3 }.ToJsonString(),
            TestContext.Current.CancellationToken);
        string[] line = ["pretrain", settings, "--backbone", _tiny.Model, "--task", task, "--steps", "1", "--out", Path.Combine(_tiny.Root, "out")];

        CommandLineRun run = await CommandLineRun.Of(line);

        Assert.True(run.ExitCode == 0, run.Notes);
        Assert.Contains("both backbone and config", (await CommandLineRun.Of([.. line, "--config", "b.json"])).Refusal(), StringComparison.Ordinal);
        Assert.Contains("both text and task", (await CommandLineRun.Of([.. line, "--text", "a.txt"])).Refusal(), StringComparison.Ordinal);
        Assert.Contains("both epochs and steps", (await CommandLineRun.Of([.. line, "--epochs", "1"])).Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_is_refused_in_a_line()
    {
        string text = Path.Combine(_tiny.Root, "a.txt");
        await File.WriteAllTextAsync(text, "aa ba\n", TestContext.Current.CancellationToken);

        foreach ((string[] options, string word) in new (string[], string)[]
        {
            ([], "--text"),
            (["--text", "no/such"], "no/such"),
            (["--text", text, "--method", "lor"], "no method 'lor'"),
            (["--text", text, "--backbone", "no/model"], "no/model"),
            (["--text", text, "--recipe", "dopt"], "dapt"),
            (["--text", text, "--config", text], "not valid JSON"),
        })
        {
            string[] line = ["pretrain", .. options, "--out", Path.Combine(_tiny.Root, "out"), "--overwrite"];
            Assert.Contains(word, (await CommandLineRun.Of(line)).Refusal(), StringComparison.Ordinal);
        }
    }
}
