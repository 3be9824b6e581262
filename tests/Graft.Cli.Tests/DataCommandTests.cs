using System.Text.Json.Nodes;
using Graft.TestKit;
using Xunit;

namespace Graft.Cli.Tests;

public sealed class DataCommandTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Check_says_what_a_folder_holds()
    {
        _folder.Write("RTE/train.tsv", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tentailment\n1\tc\td\tnot_entailment\n");
        _folder.Write("RTE/dev.tsv", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tentailment\n");
        _folder.Write("mine/news.conll", "EU B-ORG\nsaid O\n");
        _folder.Write("mine/README.md", "what this is");
        CommandLineRun run = await CommandLineRun.Of("data", "check", _folder.Path);

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("rte   glue   RTE         2    1        entailment, not_entailment", run.Out, StringComparison.Ordinal);
        Assert.Contains("rte (RTE): train has 2 rows, and 2,490 are published", run.Notes, StringComparison.Ordinal);
        Assert.Contains("mine/news.conll: of no known task; tokens and tags in CoNLL's format with the columns 'text', 'tags', 'types'", run.Notes, StringComparison.Ordinal);
        Assert.DoesNotContain("README", run.Notes, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_reads_every_row_and_ends_with_2_where_one_is_damaged()
    {
        _folder.Write("RTE/train.tsv", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tentailment\n1\tc\td\tperhaps\n");
        _folder.Write("RTE/dev.tsv", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tentailment\n");
        CommandLineRun run = await CommandLineRun.Of("data", "check", _folder.Path, "--json");

        Assert.Equal(2, run.ExitCode);
        JsonNode task = JsonNode.Parse(run.Out)!["tasks"]!.AsArray().Single()!;
        Assert.Equal($"{_folder.Path}/RTE/train.tsv, line 3: the label 'perhaps' is not in the task's list; use one of entailment, not_entailment.", (string?)task["fault"]);
        Assert.Equal(2490, (int)task["published"]!["train"]!);
        Assert.Null(task["rows"]);
    }

    [Fact]
    public async Task Splits_are_made_once_by_uni_pelts_protocol_and_read_back()
    {
        _folder.Write("RTE/train.tsv", "index\tsentence1\tsentence2\tlabel\n" + Rows(40, "t"));
        _folder.Write("RTE/dev.tsv", "index\tsentence1\tsentence2\tlabel\n" + Rows(6, "d"));
        string splits = Path.Combine(_folder.Path, "splits");
        string[] words = ["data", "split", "--tasks", "rte", "--data", _folder.Path, "--out", splits, "--sizes", "5,10,100", "--shots", "3", "--seeds", "0,1", "--dev-rows", "20", "--json"];
        CommandLineRun run = await CommandLineRun.Of(words);

        Assert.Equal(0, run.ExitCode);
        JsonNode[] made = [.. JsonNode.Parse(run.Out)!["splits"]!.AsArray().Select(s => s!)];
        Assert.Equal(
            ["rte-5-s0", "rte-10-s0", "rte-3shot-s0", "rte-5-s1", "rte-10-s1", "rte-3shot-s1"], made.Select(s => (string?)s["task"]));
        Assert.Equal([(5, 20, 6), (10, 20, 6), (6, 6, 6)], made.Take(3).Select(s => ((int)s["train"]!, (int)s["dev"]!, (int)s["test"]!)));
        Assert.Contains("left out: rte has too few training rows (40) for 100 rows and its dev rows", run.Notes, StringComparison.Ordinal);

        string[] five = Texts("rte-5-s0.train"), ten = Texts("rte-10-s0.train"), dev = Texts("rte-10-s0.dev");
        Assert.Equal(five, ten.Take(5));
        Assert.Empty(ten.Intersect(dev));
        Assert.NotEqual(five, Texts("rte-5-s1.train"));
        Assert.All(Texts("test"), text => Assert.StartsWith("d", text, StringComparison.Ordinal));
        Assert.Equal([3, 3], Lines("rte-3shot-s0.train").CountBy(row => (string)row["label"]!).Select(c => c.Value));

        JsonNode text = JsonNode.Parse(await File.ReadAllTextAsync((string)made[0]["task_file"]!, TestContext.Current.CancellationToken))!;
        Assert.Equal("""{"prefix":"rte","fields":["sentence1","sentence2"],"targets":["0","1"]}""", text["textToText"]!.ToJsonString());
        CommandLineRun again = await CommandLineRun.Of(words);
        Assert.Equal(2, again.ExitCode);
        Assert.Contains("is there already, and splits are made once", again.Notes, StringComparison.Ordinal);
        CommandLineRun check = await CommandLineRun.Of("data", "check", splits);
        Assert.Equal(0, check.ExitCode);
        Assert.Contains("6 tasks.", check.Out, StringComparison.Ordinal);

        JsonNode[] Lines(string file) => [.. File.ReadLines(Path.Combine(splits, "rte", file + ".jsonl")).Select(line => JsonNode.Parse(line)!)];
        string[] Texts(string file) => [.. Lines(file).Select(row => (string)row["text"]!)];
    }

    [Fact]
    public async Task Tasks_without_classes_have_no_shots()
    {
        _folder.Write("STS-B/train.tsv", "sentence1\tsentence2\tscore\na\tb\t1\nc\td\t2\n");
        _folder.Write("STS-B/dev.tsv", "sentence1\tsentence2\tscore\na\tb\t1\n");
        CommandLineRun run = await CommandLineRun.Of("data", "split", "--tasks", "sts-b", "--data", _folder.Path, "--out", Path.Combine(_folder.Path, "o"), "--shots", "16");

        Assert.Equal(2, run.ExitCode);
        Assert.Contains("The task 'sts-b' has no classes of single rows to draw from; leave --shots out, or the task.", run.Notes, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_folder.Path, "o")));
    }

    private static string Rows(int count, string name) => string.Concat(Enumerable.Range(0, count).Select(i => $"{i}\t{name}{i}\tb\t{(i % 2 == 0 ? "entailment" : "not_entailment")}\n"));
}
