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
    // A start reads the model and goes on a few steps before it is killed, so that steps are left after the last kill.
    private const int StepsPerKill = 14;
    private readonly TinyModelFolder _tiny = new();
    private readonly string _recipe;
    private readonly JsonObject _settings;

    public KillDuringSaveTests()
    {
        _recipe = Path.Combine(_tiny.Root, "recipe.json");
        var recipe = new JsonObject
        {
            ["backbone"] = _tiny.Model,
            ["tasks"] = new JsonArray(_tiny.WriteTask("first"), _tiny.WriteTask("second", train: 40, seed: 2)),
            ["method"] = "pfeiffer",
            ["share"] = true,
            ["batch"] = 8,
            ["evaluate_every"] = 31,
            ["checkpoint_every"] = 1,
        };
        _settings = recipe;
    }

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public Task The_last_good_checkpoint_is_there_after_a_few_kills() => Kill(4, most: 20);

    [Fact(Explicit = true)]
    public Task The_last_good_checkpoint_is_there_after_fifty_kills() => Kill(50, most: 50);

    // As many kills as are wanted, and more until one has hit a save: about a third of them do.
    private async Task Kill(int wanted, int most)
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        int steps = StepsPerKill * (most + 1);
        _settings["steps"] = steps;
        await File.WriteAllTextAsync(_recipe, _settings.ToJsonString(), TestContext.Current.CancellationToken);
        string undisturbed = Path.Combine(_tiny.Root, "undisturbed");
        string killed = Path.Combine(_tiny.Root, "killed");
        using (Process whole = Start(undisturbed, resume: false))
        {
            Assert.Equal(0, await Finished(whole));
        }

        int last = 0;
        HashSet<string> halfWritten = [];
        int withinSave = 0;
        int kills = 0;
        while (kills < wanted || (withinSave == 0 && kills < most))
        {
            kills++;
            using Process process = Start(killed, Directory.Exists(killed));

            // A step that this start has to do itself, as the log may be ahead of the checkpoint; the moment within it is random.
            await UntilStep(process, killed, Math.Max(last, Logged(killed)) + 1 + random.Next(3));
            await Task.Delay(TimeSpan.FromMicroseconds(random.Next(20_000)), TestContext.Current.CancellationToken);
            Assert.False(process.HasExited, $"seed {seed}: the run ended at kill {kills}, after step {last} of {steps}");
            process.Kill();
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            int step = StepOf(Path.Combine(killed, "training", "joint.checkpoint.safetensors"));
            Assert.True(step >= last, $"seed {seed}: after kill {kills} the checkpoint is of step {step}, before it was of {last}");
            Assert.True(kills == 1 || step > 0, $"seed {seed}: no checkpoint after kill {kills}");
            List<string> left = [.. Directory.EnumerateFiles(Path.Combine(killed, "training"), ".*.tmp").Where(halfWritten.Add)];
            withinSave += left.Count > 0 ? 1 : 0;
            last = step;
        }

        using (Process rest = Start(killed, resume: true))
        {
            Assert.Equal(0, await Finished(rest));
        }

        Assert.True(withinSave > 0, $"seed {seed}: none of {kills} kills hit a save");
        foreach (string file in Directory.EnumerateFiles(Path.Combine(undisturbed, "joint"), "*.safetensors", SearchOption.AllDirectories))
        {
            string own = Path.Combine(killed, "joint", Path.GetRelativePath(Path.Combine(undisturbed, "joint"), file));
            Assert.True(File.ReadAllBytes(file).AsSpan().SequenceEqual(File.ReadAllBytes(own)), $"seed {seed}, {kills} kills: {own} differs");
        }

        Assert.Equal(Lines(undisturbed), Lines(killed));
        TestContext.Current.TestOutputHelper?.WriteLine($"{kills} kills, {withinSave} of them within a save, seed {seed}");
    }

    private static int Logged(string folder)
    {
        string log = Path.Combine(folder, "training", "joint.jsonl");
        return File.Exists(log) ? File.ReadLines(log).Where(line => line.EndsWith('}')).Max(line => JsonNode.Parse(line)!["step"]?.GetValue<int>()) ?? 0 : 0;
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
        while (!process.HasExited && !(File.Exists(log) && (await Text(log)).Contains($"\"step\":{step},", StringComparison.Ordinal)))
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
