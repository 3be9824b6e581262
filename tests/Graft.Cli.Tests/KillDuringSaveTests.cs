using System.Diagnostics;
using System.Text.Json.Nodes;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Cli.Tests;

/// <summary>
/// A joint training in a process of its own that writes a checkpoint every step, so that it saves most of the time, killed at random moments.
/// </summary>
public sealed class KillDuringSaveTests : IDisposable
{
    private const int Steps = 150;
    private readonly TinyModelFolder _tiny = new();
    private readonly string _recipe;

    public KillDuringSaveTests()
    {
        _recipe = Path.Combine(_tiny.Root, "recipe.json");
        var recipe = new JsonObject
        {
            ["backbone"] = _tiny.Model,
            ["tasks"] = new JsonArray(_tiny.WriteTask("first"), _tiny.WriteTask("second", train: 40, seed: 2)),
            ["method"] = "pfeiffer",
            ["share"] = true,
            ["steps"] = Steps,
            ["batch"] = 8,
            ["evaluate_every"] = 31,
            ["checkpoint_every"] = 1,
        };
        File.WriteAllText(_recipe, recipe.ToJsonString());
    }

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public Task The_last_good_checkpoint_is_there_after_a_few_kills() => Kill(4);

    [Fact(Explicit = true)]
    public Task The_last_good_checkpoint_is_there_after_fifty_kills() => Kill(50);

    private async Task Kill(int wanted)
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        string undisturbed = Path.Combine(_tiny.Root, "undisturbed");
        string killed = Path.Combine(_tiny.Root, "killed");
        using (Process whole = Start(undisturbed, resume: false))
        {
            Assert.Equal(0, await Finished(whole));
        }

        int kills = 0;
        int last = 0;
        while (kills < wanted && !Directory.Exists(Path.Combine(killed, "joint")))
        {
            using Process process = Start(killed, Directory.Exists(killed));
            int from = last;

            // It goes on a few steps further each time, so that all kills fit into the run; the moment within a step is random.
            await UntilStep(process, killed, from + 2 + random.Next(Math.Max(1, 2 * (Steps - from) / (wanted - kills + 1))));
            await Task.Delay(TimeSpan.FromMicroseconds(random.Next(20_000)), TestContext.Current.CancellationToken);
            process.Kill();
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            kills++;
            int step = StepOf(Path.Combine(killed, "training", "joint.checkpoint.safetensors"));
            Assert.True(step >= last || Directory.Exists(Path.Combine(killed, "joint")), $"seed {seed}: after kill {kills} the checkpoint is of step {step}, before it was of {last}");
            last = Math.Max(last, step);
        }

        using (Process rest = Start(killed, resume: true))
        {
            Assert.Equal(0, await Finished(rest));
        }

        Assert.True(kills > 0);
        foreach (string file in Directory.EnumerateFiles(Path.Combine(undisturbed, "joint"), "*.safetensors", SearchOption.AllDirectories))
        {
            string own = Path.Combine(killed, "joint", Path.GetRelativePath(Path.Combine(undisturbed, "joint"), file));
            Assert.True(File.ReadAllBytes(file).AsSpan().SequenceEqual(File.ReadAllBytes(own)), $"seed {seed}, {kills} kills: {own} differs");
        }

        Assert.Equal(Lines(undisturbed), Lines(killed));
        TestContext.Current.TestOutputHelper?.WriteLine($"{kills} kills, seed {seed}");
    }

    // 0 where there is none yet: the first one was being written.
    private static int StepOf(string checkpoint)
    {
        if (!File.Exists(checkpoint))
        {
            return 0;
        }

        using SafetensorsFile file = SafetensorsFile.Open(checkpoint);
        return JsonNode.Parse(file.Metadata["graft_checkpoint"])!["step"]!.GetValue<int>();
    }

    private Process Start(string folder, bool resume)
    {
        string[] arguments = [typeof(GraftCommandLine).Assembly.Location, "train", _recipe, "--out", folder, .. resume && File.Exists(Path.Combine(folder, "run.json")) ? new[] { "--resume" } : []];
        return System.Diagnostics.Process.Start(new ProcessStartInfo("dotnet", arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true })!;
    }

    private static async Task<int> Finished(Process process)
    {
        Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        string notes = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        _ = await output;
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, notes);
        return process.ExitCode;
    }

    private static async Task UntilStep(Process process, string folder, int step)
    {
        string log = Path.Combine(folder, "training", "joint.jsonl");
        while (!process.HasExited && !(File.Exists(log) && (await Text(log)).Contains($"\"step\":{Math.Min(step, Steps)},", StringComparison.Ordinal)))
        {
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }
    }

    private static async Task<string> Text(string path)
    {
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return await reader.ReadToEndAsync(TestContext.Current.CancellationToken);
    }

    private static IEnumerable<string> Lines(string folder) =>
        File.ReadLines(Path.Combine(folder, "training", "joint.jsonl")).Where(line => !line.Contains("\"event\":\"end\"", StringComparison.Ordinal));
}
