using System.Diagnostics;
using System.Globalization;

namespace Graft.Bench.Training;

/// <summary>Alternates steps of Graft and of its peer, and prints medians and ratios as a Markdown table.</summary>
internal static class Comparison
{
    private const int WarmUp = 2;

    public static void Run(int rounds, int batch, int tokens)
    {
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"A training step: BERT-base shape, LoRA r=8 on query and value, {batch} x {tokens} tokens, float32, dropout 0.1, AdamW; {rounds} alternated rounds after {WarmUp} to warm up."));
        Console.WriteLine($"{Cpu()}, {Environment.ProcessorCount} cores, .NET {Environment.Version}.");
        Console.WriteLine();
        Console.WriteLine("| threads | Graft, median s (min to max) | PyTorch, median s (min to max) | ratio of medians | Graft peak MiB | PyTorch peak MiB | ratio |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        foreach (var threads in new[] { 1, 2 })
        {
            using var graft = Start(threads, Environment.ProcessPath!, Environment.ProcessPath!.EndsWith("dotnet", StringComparison.Ordinal)
                ? [typeof(Comparison).Assembly.Location, "worker", $"{threads}", $"{batch}", $"{tokens}"]
                : ["worker", $"{threads}", $"{batch}", $"{tokens}"]);
            using var peer = Start(
                threads, "/usr/bin/python3", [Path.Combine(AppContext.BaseDirectory, "worker.py"), $"{threads}", $"{batch}", $"{tokens}"]);
            var names = $"{graft.StandardOutput.ReadLine()}; {peer.StandardOutput.ReadLine()}";
            var (ours, theirs) = (new List<double[]>(), new List<double[]>());
            for (var round = 0; round < WarmUp + rounds; round++)
            {
                // Who goes first changes from round to round.
                var (first, second) = round % 2 == 0 ? (graft, peer) : (peer, graft);
                var (a, b) = (Step(first), Step(second));
                if (round >= WarmUp)
                {
                    ours.Add(round % 2 == 0 ? a : b);
                    theirs.Add(round % 2 == 0 ? b : a);
                }
            }

            var (mine, peers) = (ours.Select(s => s[0]).ToList(), theirs.Select(s => s[0]).ToList());
            var (memory, peerMemory) = (ours.Max(s => s[1]) / (1 << 20), theirs.Max(s => s[1]) / (1 << 20));
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {threads} | {Text(mine)} | {Text(peers)} | **{Median(mine) / Median(peers):F3}** | {memory:F0} | {peerMemory:F0} | **{memory / peerMemory:F3}** |"));
            Console.Error.WriteLine(names);
            graft.StandardInput.Close();
            peer.StandardInput.Close();
        }
    }

    private static Process Start(int threads, string file, IReadOnlyList<string> arguments)
    {
        var start = new ProcessStartInfo(file, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false };
        start.Environment["OMP_NUM_THREADS"] = threads.ToString(CultureInfo.InvariantCulture);
        // Graft sets this itself; the peer gets it too, so that the ratio does not measure a setting.
        start.Environment["OMP_WAIT_POLICY"] = "passive";
        start.Environment["OPENBLAS_NUM_THREADS"] = threads.ToString(CultureInfo.InvariantCulture);
        return Process.Start(start)!;
    }

    private static double[] Step(Process worker)
    {
        worker.StandardInput.WriteLine("step");
        worker.StandardInput.Flush();
        var answer = worker.StandardOutput.ReadLine() ?? throw new InvalidOperationException("A worker ended; its error is above.");
        return [.. answer.Split(' ').Select(n => double.Parse(n, CultureInfo.InvariantCulture))];
    }

    private static double Median(List<double> values)
    {
        var sorted = values.Order().ToList();
        return (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
    }

    private static string Text(List<double> values) =>
        string.Create(CultureInfo.InvariantCulture, $"{Median(values):F2} ({values.Min():F2} to {values.Max():F2})");

    private static string Cpu() => File.ReadLines("/proc/cpuinfo")
        .FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[1].Trim() ?? "unknown CPU";
}
