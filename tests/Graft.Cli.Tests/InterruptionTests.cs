using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Graft.TestKit;
using Xunit;

namespace Graft.Cli.Tests;

/// <summary>Training in a process of its own that is stopped from outside.</summary>
public sealed class InterruptionTests : IDisposable
{
    private const int Steps = 240;

    // On a busy machine many steps pass between the one that is waited for and the signal's arrival.
    private const int LongSteps = 4000;
    private readonly TinyModelFolder _tiny = new();
    private readonly string _recipe;

    public InterruptionTests() => _recipe = WriteRecipe("recipe.json", Steps, evaluateEvery: 31, checkpointEvery: 7);

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public async Task A_run_killed_at_random_steps_and_resumed_ends_with_the_same_bytes()
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        string undisturbed = Path.Combine(_tiny.Root, "undisturbed");
        string killed = Path.Combine(_tiny.Root, "killed");
        Assert.Equal(0, await Finish(Start(undisturbed)));

        int kills = 0;
        for (int attempt = 0; attempt < 5; attempt++)
        {
            using Process process = Start(killed, Directory.Exists(killed));
            await WaitForStep(process, killed, random.Next(1, Steps));
            kills += process.HasExited ? 0 : 1;
            process.Kill();
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        Assert.Equal(0, await Finish(Start(killed, resume: true)));
        Assert.True(kills > 0, $"seed {seed}: no run was still going when it was to be killed");
        foreach (string file in new[] { "adapter.safetensors", "head.safetensors", "graft.json" })
        {
            Assert.True(
                File.ReadAllBytes(Path.Combine(undisturbed, "letters", file)).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(killed, "letters", file))),
                $"seed {seed}, {kills} kills: {file} differs");
        }
    }

    [Fact]
    public async Task Ctrl_C_writes_a_checkpoint_and_says_how_to_go_on()
    {
        string folder = Path.Combine(_tiny.Root, "out");
        string recipe = WriteRecipe("long.json", LongSteps, evaluateEvery: LongSteps / 4, checkpointEvery: LongSteps / 4);
        using Process process = Start(folder, recipe: recipe);
        await WaitForStep(process, folder, 20);
        Assert.Equal(0, Kill(process.Id, (int)(Ignored(PosixSignalNumber.Interrupt) ? PosixSignalNumber.Terminate : PosixSignalNumber.Interrupt)));
        string notes = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(130, process.ExitCode);
        Assert.Contains($"graft train {recipe} --out {folder} --resume", notes, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(folder, "training", "letters.checkpoint.safetensors")));
        Assert.Equal(0, await Finish(Start(folder, resume: true, recipe)));
    }

    [Fact]
    public async Task Ctrl_C_in_pretraining_writes_a_checkpoint_and_says_how_to_go_on()
    {
        string folder = Path.Combine(_tiny.Root, "pretrained");
        string recipe = Path.Combine(_tiny.Root, "pretrain.json");
        var settings = new JsonObject { ["backbone"] = _tiny.Model, ["task"] = _tiny.WriteTask(), ["steps"] = LongSteps, ["batch"] = 4, ["evaluations"] = 1, ["dev_items"] = 4 };
        File.WriteAllText(recipe, settings.ToJsonString());
        using Process process = Start(folder, recipe: recipe, command: "pretrain");
        await WaitForStep(process, folder, 20, log: "pretrain.jsonl");
        Assert.False(process.HasExited, process.HasExited ? await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken) : "");
        Assert.Equal(0, Kill(process.Id, (int)(Ignored(PosixSignalNumber.Interrupt) ? PosixSignalNumber.Terminate : PosixSignalNumber.Interrupt)));
        string notes = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.True(process.ExitCode == 130, notes);
        Assert.Contains($"graft pretrain {recipe} --out {folder} --resume", notes, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(folder, "training", "pretrain.checkpoint.safetensors")));
        Assert.False(File.Exists(Path.Combine(folder, "config.json")));
    }

    private string WriteRecipe(string name, int steps, int evaluateEvery, int checkpointEvery)
    {
        string path = Path.Combine(_tiny.Root, name);
        var recipe = new JsonObject
        {
            ["backbone"] = _tiny.Model,
            ["tasks"] = new JsonArray(_tiny.WriteTask()),
            ["steps"] = steps,
            ["batch"] = 8,
            ["evaluate_every"] = evaluateEvery,
            ["checkpoint_every"] = checkpointEvery,
        };
        File.WriteAllText(path, recipe.ToJsonString());
        return path;
    }

    private enum PosixSignalNumber
    {
        Interrupt = 2,
        Terminate = 15,
    }

    // A shell starts its background jobs with SIGINT ignored, their children inherit that, and .NET leaves an ignored signal alone.
    private static bool Ignored(PosixSignalNumber signal)
    {
        string mask = File.ReadLines("/proc/self/status").First(line => line.StartsWith("SigIgn:", StringComparison.Ordinal))["SigIgn:".Length..];
        return ((Convert.ToUInt64(mask.Trim(), 16) >> ((int)signal - 1)) & 1) == 1;
    }

    private Process Start(string folder, bool resume = false, string? recipe = null, string command = "train")
    {
        string[] arguments = [typeof(GraftCommandLine).Assembly.Location, command, recipe ?? _recipe, "--out", folder, .. resume ? new[] { "--resume" } : []];
        return Process.Start(new ProcessStartInfo("dotnet", arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
    }

    private static async Task<int> Finish(Process process)
    {
        using (process)
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            string notes = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            _ = await output;
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.True(process.ExitCode == 0, notes);
            return process.ExitCode;
        }
    }

    // The log has a line a step, flushed: when it shows the step, the run is somewhere behind it.
    private static async Task WaitForStep(Process process, string folder, int step, string log = "letters.jsonl")
    {
        string path = Path.Combine(folder, "training", log);
        while (!process.HasExited && !(File.Exists(path) && await Says(path, $"\"step\":{step},")))
        {
            await Task.Delay(2, TestContext.Current.CancellationToken);
        }
    }

    private static async Task<bool> Says(string path, string text)
    {
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return (await reader.ReadToEndAsync(TestContext.Current.CancellationToken)).Contains(text, StringComparison.Ordinal);
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int process, int signal);
}
