using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using Graft.Text;

// Encodes the same lines by Graft and by the reference library (npm `tokenizers`), in turn, and prints the medians as a row of a table.
// Usage: Graft.Bench.Tokenizers FOLDER_WITH_node_modules FIXTURES_FOLDER LINES_FILE ROUNDS
// The threads of both are set by DOTNET_PROCESSOR_COUNT and RAYON_NUM_THREADS; see run.sh.
var (modules, fixtures, linesFile, rounds) = (args[0], args[1], args[2], int.Parse(args[3], CultureInfo.InvariantCulture));
var rows = File.ReadAllLines(linesFile).Where(line => line.Length > 0).Select(line => (line, (string?)null)).ToList();
var megabytes = rows.Sum(row => (double)System.Text.Encoding.UTF8.GetByteCount(row.line)) / 1e6;
var reference = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(fixtures))!, "../../bench/tokenizers/reference.cjs");
foreach (var name in (string[])["minilm", "roberta", "t5"])
{
    var json = Path.Combine(Path.GetTempPath(), $"graft-bench-{name}.json");
    using (var packed = new GZipStream(File.OpenRead(Path.Combine(fixtures, name + ".json.gz")), CompressionMode.Decompress))
    using (var file = File.Create(json))
    {
        packed.CopyTo(file);
    }

    var loading = Stopwatch.GetTimestamp();
    var tokenizer = Tokenizer.FromTokenizerJson(json);
    Console.Error.WriteLine($"{name}: loaded in {Stopwatch.GetElapsedTime(loading).TotalMilliseconds:F0} ms");
    var start = new ProcessStartInfo("node", [reference, modules, json, linesFile]) { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false };
    using var node = Process.Start(start)!;
    var (ours, theirs, idle) = (new List<double>(), new List<double>(), new List<double>());
    long tokens = 0;
    for (var round = -3; round < rounds; round++)
    {
        var begin = Stopwatch.GetTimestamp();
        var encodings = tokenizer.EncodeBatch(rows);
        var took = Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
        tokens = encodings.Sum(e => (long)e.Length);
        var (other, otherTokens) = Ask(node, "go");
        var (handOver, _) = Ask(node, "idle");
        if (tokens != otherTokens)
        {
            throw new InvalidOperationException($"{name}: {tokens} tokens against {otherTokens}.");
        }

        if (round >= 0)
        {
            ours.Add(took);
            theirs.Add(other);
            idle.Add(handOver);
        }
    }

    node.StandardInput.Close();
    node.WaitForExit();
    var (mine, its, rest) = (Median(ours), Median(theirs), Median(idle));
    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"| {name} | {Environment.ProcessorCount} | {tokens} | {mine:F1} | {its:F1} | {rest:F1} | {megabytes / mine * 1000:F1} | {megabytes / its * 1000:F1} | {its / mine:F2} | {(its - rest) / mine:F2} |"));
}

static (double Milliseconds, long Tokens) Ask(Process node, string what)
{
    node.StandardInput.WriteLine(what);
    node.StandardInput.Flush();
    var answer = node.StandardOutput.ReadLine()!.Split(' ');
    return (double.Parse(answer[0], CultureInfo.InvariantCulture), long.Parse(answer[1], CultureInfo.InvariantCulture));
}

static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
