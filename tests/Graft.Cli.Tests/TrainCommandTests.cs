using System.Text.Json.Nodes;
using Graft.TestKit;
using Xunit;

namespace Graft.Cli.Tests;

public sealed class TrainCommandTests : IDisposable
{
    private readonly TinyModelFolder _tiny = new();

    private string Out => Path.Combine(_tiny.Root, "out");

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public async Task The_summary_object_holds_what_the_documentation_promises()
    {
        CommandLineRun run = await CommandLineRun.Of(
            "train", "--backbone", _tiny.Model, "--tasks", _tiny.WriteTask(), "--steps", "6", "--examples", "40", "--out", Out, "--baselines", "--json");

        Assert.Equal(0, run.ExitCode);
        JsonObject summary = JsonNode.Parse(run.Out)!.AsObject();
        Assert.Equal(["backbone", "config", "fingerprint", "joint", "method", "seed", "tasks", "versions"], summary.Select(p => p.Key).Order());
        JsonObject task = Assert.Single(summary["tasks"]!.AsArray())!.AsObject();
        Assert.All(
            ["task", "dev", "test", "trainedParameters", "adapterBytes", "headBytes", "package", "seconds", "rowsPerSecond", "classes", "trainRows", "majority", "linearProbe"],
            key => Assert.NotNull(task[key]));
        Assert.Equal(40, task["trainRows"]!.GetValue<int>());
        Assert.InRange(task["test"]!["accuracy"]!.GetValue<double>(), 0, 1);
        Assert.True(File.Exists(Path.Combine(task["package"]!.GetValue<string>(), "graft.json")));
    }

    [Fact]
    public async Task The_table_goes_to_standard_output_and_progress_to_standard_error()
    {
        CommandLineRun run = await CommandLineRun.Of(
            "train", "--backbone", _tiny.Model, "--tasks", $"{_tiny.WriteTask("first")},{_tiny.WriteTask("second", seed: 2)}", "--steps", "3", "--out", Out);

        string[] lines = run.Out.Split('\n');
        Assert.Equal(0, run.ExitCode);
        Assert.StartsWith("task ", lines[0], StringComparison.Ordinal);
        Assert.StartsWith("first ", lines[2], StringComparison.Ordinal);
        Assert.StartsWith("second ", lines[3], StringComparison.Ordinal);
        Assert.Contains("first (1 of 2): ", run.Notes, StringComparison.Ordinal);
        Assert.Contains("second (2 of 2): 3/3  loss ", run.Notes, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_T5_is_trained_evaluated_and_asked_by_the_same_commands()
    {
        using var t5 = new TinyModelFolder(t5: true);
        string task = t5.WriteTask();
        string package = Path.Combine(t5.Root, "out", "letters");

        CommandLineRun train = await CommandLineRun.Of(
            "train", "--backbone", t5.Model, "--tasks", task, "--method", "lora", "--steps", "4", "--out", Path.Combine(t5.Root, "out"), "--json");
        CommandLineRun eval = await CommandLineRun.Of("eval", package, "--backbone", t5.Model, "--task", task, "--json");
        CommandLineRun predict = await CommandLineRun.Of("predict", package, "--backbone", t5.Model, "--text", "aa ba", "--json");
        CommandLineRun shown = await CommandLineRun.Of("predict", package, "--backbone", t5.Model, "--text", "aa ba");

        Assert.Equal((0, 0, 0, 0), (train.ExitCode, eval.ExitCode, predict.ExitCode, shown.ExitCode));
        Assert.Equal(
            JsonNode.Parse(train.Out)!["tasks"]![0]!["dev"]!.ToJsonString(), JsonNode.Parse(eval.Out)!["dev"]!.ToJsonString());
        JsonObject answer = JsonNode.Parse(predict.Out)!["answers"]![0]!.AsObject();
        Assert.Equal(1, answer["probabilities"]!.AsObject().Sum(p => (double)p.Value!), 1e-4);
        string written = (string)answer["written"]!;
        Assert.Equal(written is "0" or "1" or "2" ? $"label{written}" : null, (string?)answer["label"]);
        Assert.Contains(written is "0" or "1" or "2" ? $"label{written}" : $"wrote '{written}'", shown.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_command_line_overrules_the_recipe_file()
    {
        string recipe = Recipe(new JsonObject { ["epochs"] = 50, ["seed"] = 3, ["set"] = new JsonObject { ["rank"] = 2, ["alpha"] = 5 } });

        CommandLineRun run = await CommandLineRun.Of("train", recipe, "--steps", "2", "--set", "rank=3", "--set", "targets=query", "--json");

        JsonObject summary = JsonNode.Parse(run.Out)!.AsObject();
        Assert.Equal(2, summary["tasks"]![0]!["steps"]!.GetValue<int>());
        Assert.Equal(3, summary["seed"]!.GetValue<int>());
        Assert.StartsWith("""{"rank":3,"alpha":5,"dropout":0,"targets":"query",""", summary["config"]!.ToJsonString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bacth", "unknown key 'bacth'; did you mean 'batch'?")]
    [InlineData("learning_speed", "unknown key 'learning_speed'; ")]
    public async Task An_unknown_key_of_a_recipe_is_refused_with_the_nearest_one(string key, string expected)
    {
        CommandLineRun run = await CommandLineRun.Of("train", Recipe(new JsonObject { [key] = 3 }));

        Assert.Contains($"recipe.json, line 1: {expected}", run.Refusal(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("no task is named", "--out", "x")]
    [InlineData("no output folder is named", "--tasks", "cola")]
    [InlineData("--epochs does not take 'many'; it expects a number such as 0.001 or 1e-3.", "--epochs", "many")]
    [InlineData("--batch does not take '1.5'; it expects a whole number.", "--batch", "1.5")]
    [InlineData("'batch' is 0, expected a whole number of at least 1.", "--batch", "0", "--tasks", "cola", "--out", "x")]
    [InlineData("--set does not take 'rank'; write KEY=VALUE, as in --set rank=8.", "--set", "rank")]
    [InlineData("There is no method 'lroa'; did you mean 'lora'", "--method", "lroa", "--tasks", "cola", "--out", "x")]
    [InlineData("--steps needs a value, as in '--steps S'.", "--steps")]
    public async Task A_bad_setting_is_one_sentence(string expected, params string[] options)
    {
        CommandLineRun run = await CommandLineRun.Of(["train", .. options]);

        Assert.Contains(expected, run.Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_trained_is_measured_answered_and_inspected()
    {
        string task = _tiny.WriteTask();
        _ = await CommandLineRun.Of("train", "--backbone", _tiny.Model, "--tasks", task, "--steps", "20", "--out", Out);
        string package = Path.Combine(Out, "letters");

        CommandLineRun eval = await CommandLineRun.Of("eval", package, "--backbone", _tiny.Model, "--task", task, "--json");
        CommandLineRun text = await CommandLineRun.Of("predict", Out, "--backbone", _tiny.Model, "--text", "aa ba", "--json");
        CommandLineRun inspect = await CommandLineRun.Of("inspect", package, "--tensors");

        Assert.Equal(30, JsonNode.Parse(eval.Out)!["testRows"]!.GetValue<int>());
        Assert.StartsWith("label", JsonNode.Parse(text.Out)!["answers"]![0]!["label"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Equal(0, inspect.ExitCode);
        Assert.Contains("lora_A", inspect.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rows_of_a_file_come_back_as_json_lines()
    {
        _ = await CommandLineRun.Of("train", "--backbone", _tiny.Model, "--tasks", _tiny.WriteTask(), "--steps", "2", "--out", Out);
        string rows = Path.Combine(_tiny.Root, "rows.jsonl");
        await File.WriteAllTextAsync(rows, "{\"text\": \"aa ba\"}\n{\"text\": \"ca\"}\n", TestContext.Current.CancellationToken);
        string answers = Path.Combine(_tiny.Root, "answers.jsonl");

        CommandLineRun printed = await CommandLineRun.Of("predict", Path.Combine(Out, "letters"), "--backbone", _tiny.Model, "--input", rows);
        CommandLineRun written = await CommandLineRun.Of("predict", Path.Combine(Out, "letters"), "--backbone", _tiny.Model, "--input", rows, "--output", answers);

        Assert.Equal(["aa ba", "ca"], printed.Out.TrimEnd().Split('\n').Select(line => JsonNode.Parse(line)!["text"]!.GetValue<string>()));
        Assert.Equal(printed.Out, await File.ReadAllTextAsync(answers, TestContext.Current.CancellationToken));
        Assert.Empty(written.Out);
    }

    private string Recipe(JsonObject more)
    {
        var recipe = new JsonObject { ["backbone"] = _tiny.Model, ["tasks"] = new JsonArray(_tiny.WriteTask()), ["out"] = Out };
        foreach ((string key, JsonNode? value) in more)
        {
            recipe[key] = value?.DeepClone();
        }

        string path = Path.Combine(_tiny.Root, "recipe.json");
        File.WriteAllText(path, recipe.ToJsonString());
        return path;
    }
}
