using System.Diagnostics;
using System.Text.Json.Nodes;
using Graft.Evaluation.Comparisons;
using Graft.TestKit;
using Xunit;

namespace Graft.Cli.Tests;

/// <summary>Comparisons that several processes share, some of which are killed.</summary>
public sealed class CompareProcessesTests : IDisposable
{
    private readonly TinyModelFolder _tiny = new();
    private readonly string _plan;
    private readonly int _seed = Environment.TickCount;

    public CompareProcessesTests() => _plan = TinyPlan.Write(_tiny, "plan.json", plan => (plan["steps"], plan["seeds"]) = (60, new JsonArray(0, 1, 2)));

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public async Task Of_two_processes_one_killed_at_random_moments_every_run_is_done_once_and_as_by_one_process()
    {
        var random = new Random(_seed);
        string alone = Path.Combine(_tiny.Root, "alone");
        string shared = Path.Combine(_tiny.Root, "shared");
        await Finish(Start(alone));

        int kills = 0;
        Process? steady = null;
        for (int attempt = 0; attempt < 4; attempt++)
        {
            using Process victim = Start(shared);
            await WaitForClaim(victim, shared);
            await Task.Delay(random.Next(0, 250), TestContext.Current.CancellationToken);
            kills += victim.HasExited ? 0 : 1;
            victim.Kill();
            await victim.WaitForExitAsync(TestContext.Current.CancellationToken);

            // The other joins once there is a claim of a dead process to trip over.
            steady ??= Start(shared);
        }

        Task other = Finish(steady!);
        await Finish(Start(shared));
        await other;

        Assert.True(kills > 0, $"seed {_seed}: no process was at work when it was to be killed");
        AssertSame(alone, shared);
    }

    [Fact]
    public async Task Jobs_share_the_runs_and_give_what_one_process_gives()
    {
        string alone = Path.Combine(_tiny.Root, "alone");
        string shared = Path.Combine(_tiny.Root, "shared");
        await Finish(Start(alone));

        await Finish(Start(shared, "--jobs", "2"));

        AssertSame(alone, shared);
    }

    [Fact]
    public async Task A_worker_does_not_outlive_its_master()
    {
        string folder = Path.Combine(_tiny.Root, "out");
        string plan = TinyPlan.Write(_tiny, "long.json", json => json["steps"] = 200_000);
        using Process master = StartPlan(plan, folder, "--jobs", "2");
        await WaitForClaim(null, folder);
        int worker = (int)JsonNode.Parse(await File.ReadAllTextAsync(Owners(folder).First(), TestContext.Current.CancellationToken))!["process"]!;

        master.Kill();
        await master.WaitForExitAsync(TestContext.Current.CancellationToken);

        while (IsAlive(worker))
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    private void AssertSame(string alone, string shared)
    {
        Comparison expected = ComparisonFolder.Load(alone);
        Comparison actual = ComparisonFolder.Load(shared);
        Assert.Equal(6, expected.Runs.Count);
        Assert.Equal(expected.Runs.Select(Determined), actual.Runs.Select(Determined));
        Assert.Equal(
            actual.Runs.Select(run => run.Id).Order(StringComparer.Ordinal),
            Directory.EnumerateFileSystemEntries(Path.Combine(shared, "runs")).Select(entry => Path.GetFileName(entry)).Order(StringComparer.Ordinal));
        Assert.All(actual.Runs, run => Assert.Equal(
            Weights(alone, run), Weights(shared, run)));
    }

    // Everything of a run but what a clock, the memory and the folder's name say.
    private static string Determined(ComparisonRun run) => (run with
    {
        Seconds = 0, TokensPerSecond = 0, PeakMemory = null, Command = "", Trials = [.. run.Trials.Select(t => t with { Seconds = 0 })],
        Sizes = run.Sizes with { PackageBytes = 0 },
    }).ToJson();

    private static byte[] Weights(string folder, ComparisonRun run) => File.ReadAllBytes(Path.Combine(folder, "runs", run.Id, "packages", "letters", "head.safetensors"));

    private static IEnumerable<string> Owners(string folder) => Directory.Exists(Path.Combine(folder, "runs"))
        ? Directory.EnumerateDirectories(Path.Combine(folder, "runs"), "*.claim-*").Where(claim => Path.GetFileName(claim)[0] != '.').Select(claim => Path.Combine(claim, "owner.json"))
        : [];

    private static async Task WaitForClaim(Process? process, string folder)
    {
        while (process?.HasExited != true && !Owners(folder).Any(owner => process is null || ReadOrEmpty(owner).Contains($"\"process\":{process.Id},", StringComparison.Ordinal)))
        {
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }
    }

    private static string ReadOrEmpty(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException)
        {
            return ""; // taken down meanwhile
        }
    }

    private static bool IsAlive(int process)
    {
        string stat = $"/proc/{process}/stat";
        return File.Exists(stat) && ReadOrEmpty(stat) is { Length: > 0 } text && text[text.LastIndexOf(')') + 2] != 'Z';
    }

    private Process Start(string folder, params string[] more) => StartPlan(_plan, folder, more);

    private static Process StartPlan(string plan, string folder, params string[] more)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(GraftCommandLine).Assembly.Location, "compare", plan, "--out", folder, .. more])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["OMP_NUM_THREADS"] = "1";
        return Process.Start(start)!;
    }

    private static async Task Finish(Process process)
    {
        using (process)
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            string notes = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            _ = await output;
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.True(process.ExitCode == 0, notes);
        }
    }
}
