using System.Diagnostics;
using System.IO.Compression;
using Graft.TestKit;
using Xunit;

namespace Graft.Tests.Text;

/// <summary>Compares with the reference library itself, which npm installs under <c>artifacts</c>; needs node and npm.</summary>
public sealed class ReferenceLibraryTests
{
    private const string Package = "tokenizers@0.23.2";
    private const int Cases = 10_000;

    private static readonly Lock s_lock = new();

    [Theory]
    [InlineData("minilm")]
    [InlineData("roberta")]
    [InlineData("t5")]
    public void Random_texts_agree_with_the_reference_library(string name) => Compare(name, "random", Cases.ToString(), "20261120");

    [Theory]
    [InlineData("minilm")]
    [InlineData("roberta")]
    [InlineData("t5")]
    public void Real_lines_agree_with_the_reference_library(string name)
    {
        var lines = RealLines();
        var file = Path.GetTempFileName();
        File.WriteAllLines(file, lines);
        try
        {
            Compare(name, "lines", file);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static void Compare(string name, params string[] arguments)
    {
        var modules = InstalledPackage();
        var json = Path.GetTempFileName();
        File.WriteAllBytes(json, TestTokenizers.Bytes($"{name}.json.gz"));
        try
        {
            using var node = Start("node", [SharedData.Repository("tests/oracles/tokenizers.cjs"), modules, json, .. arguments]);
            OracleAssert.AllAgree(TestTokenizers.Load(name), OracleCase.Read(node.StandardOutput));
            node.WaitForExit();
            Assert.Equal(0, node.ExitCode);
        }
        finally
        {
            File.Delete(json);
        }
    }

    /// <summary>The folder that holds the package, installed once; skips the test where that cannot be done.</summary>
    private static string InstalledPackage()
    {
        lock (s_lock)
        {
            var folder = Path.Combine(SharedData.Repository("artifacts"), "oracles");
            if (Directory.Exists(Path.Combine(folder, "node_modules", "tokenizers")))
            {
                return folder;
            }

            Directory.CreateDirectory(folder);
            try
            {
                using var npm = Start("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder, Package]);
                npm.StandardOutput.ReadToEnd();
                npm.WaitForExit();
                if (npm.ExitCode != 0)
                {
                    Assert.Skip($"npm could not install {Package}");
                }
            }
            catch (System.ComponentModel.Win32Exception)
            {
                Assert.Skip("node and npm are not installed");
            }

            return folder;
        }
    }

    private static Process Start(string program, IEnumerable<string> arguments) =>
        Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, UseShellExecute = false }) ?? throw new InvalidOperationException($"{program} did not start.");

    /// <summary>Lines of every text file of the shared data, in turn.</summary>
    private static List<string> RealLines()
    {
        var root = Path.GetDirectoryName(SharedData.Labelled)!;
        string[] kinds = [".tsv", ".csv", ".txt", ".jsonl", ".gz"];
        var files = Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Where(f => kinds.Contains(Path.GetExtension(f))).Order(StringComparer.Ordinal).ToList();
        var perFile = (Cases / files.Count) + 40;
        var lines = files.SelectMany(f => Lines(f).Where(line => line.Length is > 0 and < 2000).Take(perFile)).ToList();
        Assert.True(lines.Count >= Cases, $"only {lines.Count} lines");
        return [.. lines.Where((_, i) => (long)i * Cases / lines.Count != (long)(i - 1) * Cases / lines.Count || i == 0).Take(Cases)];
    }

    private static IEnumerable<string> Lines(string path)
    {
        using var file = File.OpenRead(path);
        using Stream stream = path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionMode.Decompress) : file;
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            yield return line;
        }
    }
}
