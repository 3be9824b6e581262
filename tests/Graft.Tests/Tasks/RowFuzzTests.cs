using System.IO.Compression;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Graft.Tasks;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Tasks;

/// <summary>
/// Damages good files in 10,000 ways for each reader. What comes of it is one sentence that names the file, or as many rows as another, simpler count finds
/// in the same bytes: nothing crashes, hangs, or is dropped.
/// </summary>
public sealed partial class RowFuzzTests
{
    private const int Files = 10_000, FilesOnDisk = 1_000;

    private static readonly Dictionary<RowLayout, string> s_good = new()
    {
        [RowLayout.Tsv] = "id\ttext\tlabel\n1\tone \"two\tx\n2\tthree\ty\n\n3\tdrei \u00FC\tx\n",
        [RowLayout.Csv] = "text,label\n\"one, \"\"two\"\"\nand more\",x\nthree,y\n\nfour,\u00FC\n",
        [RowLayout.Jsonl] = "{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b \\u00fc\", \"label\": [1, \"x\"]}\n\n{\"text\": \"c\", \"label\": null}\n",
        [RowLayout.Json] = "{\"dev\": [[\"x\", \"y\"]], \"train\": [[\"a\", \"b\"], [\"c\", \"d\"],\n [\"e\", \"f\"]], \"test\": {\"0\": {}}}",
        [RowLayout.Lines] = "one line \nanother\n\n\u00FC and the last\n",
        [RowLayout.Whole] = "one text\nof two lines\n",
        [RowLayout.Trec] = "DESC:manner How did it go ?\nENTY:cremat What films ?\nHUM:ind Who ?\n",
        [RowLayout.Rct] = "###12\nMETHODS\tWe did .\nRESULTS\tIt was so .\n\n###13\nMETHODS\tNo .\n",
        [RowLayout.Conll] = "-DOCSTART- -X- O\n\nEU NNP B-ORG\nrejects VBZ O\n\nPeter NNP B-PER\nB NNP I-PER\n",
        [RowLayout.Xml] = "<?xml version=\"1.0\"?><articles>\n<article id=\"7\" title=\"a &amp; b\"><p>One</p><p>two</p></article>\n<article id=\"8\">x</article></articles>",
        [RowLayout.Copa] = "{\"premise\": \"It fell.\", \"choice1\": \"Wind.\", \"choice2\": \"Sun.\", \"question\": \"cause\", \"label\": 1}\n{\"premise\": \"I ran.\", \"choice1\": \"Far.\", \"choice2\": \"Up.\", \"question\": \"effect\", \"label\": 0}\n",
        [RowLayout.Multirc] = "{\"passage\": {\"text\": \"Ann ran.\", \"questions\": [{\"question\": \"Who?\", \"answers\": [{\"text\": \"Ann\", \"label\": 1}, {\"text\": \"Bob\", \"label\": 0}]}, {\"question\": \"What?\", \"answers\": [{\"text\": \"ran\", \"label\": 1}]}]}}\n",
        [RowLayout.Record] = "{\"passage\": {\"text\": \"Ann met Bob\", \"entities\": [{\"start\": 0, \"end\": 2}, {\"start\": 8, \"end\": 10}]}, \"qas\": [{\"query\": \"@placeholder ran\", \"answers\": [{\"text\": \"Ann\"}]}]}\n",
        [RowLayout.Wsc] = "{\"text\": \"Mark told Pete that he left\", \"target\": {\"span1_text\": \"Mark\", \"span1_index\": 0, \"span2_text\": \"he\", \"span2_index\": 4}, \"label\": true}\n",
        [RowLayout.Squad] = "{\"version\": \"1.1\", \"data\": [{\"title\": \"t\", \"paragraphs\": [{\"context\": \"Ann met Bob\", \"qas\": [{\"id\": \"1\", \"question\": \"Who?\", \"answers\": [{\"text\": \"Ann\", \"answer_start\": 0}]}, {\"id\": \"2\", \"question\": \"Whom?\", \"answers\": [{\"text\": \"Bob\", \"answer_start\": 8}]}]}]}]}",
    };

    [Theory]
    [InlineData(RowLayout.Tsv)]
    [InlineData(RowLayout.Csv)]
    [InlineData(RowLayout.Jsonl)]
    [InlineData(RowLayout.Json)]
    [InlineData(RowLayout.Lines)]
    [InlineData(RowLayout.Whole)]
    [InlineData(RowLayout.Trec)]
    [InlineData(RowLayout.Rct)]
    [InlineData(RowLayout.Conll)]
    [InlineData(RowLayout.Xml)]
    [InlineData(RowLayout.Copa)]
    [InlineData(RowLayout.Multirc)]
    [InlineData(RowLayout.Record)]
    [InlineData(RowLayout.Wsc)]
    [InlineData(RowLayout.Squad)]
    public void A_damaged_file_is_a_sentence_or_all_of_its_rows(RowLayout layout)
    {
        var good = Encoding.UTF8.GetBytes(s_good[layout]);
        var format = RowFormat.Of(layout) with { Member = layout == RowLayout.Json ? "train" : null };
        var draws = new SeededDraws(6, $"damage {layout}");
        var (read, refused) = (0, 0);
        for (var file = 0; file < Files; file++)
        {
            var bytes = file == 0 ? good : Damaged(good, draws);
            var sequence = RowReader.Read(new MemoryStream(bytes), "the file", format);
            try
            {
                var rows = sequence.ToList();
                Assert.Equal((Expected(layout, bytes), 0), (rows.Count, sequence.Skipped));
                Assert.Equal(Cells(layout, bytes) ?? [], Cells(layout, bytes) is null ? [] : rows.Select(row => Cells(layout, row)));
                read++;
            }
            catch (GraftException fault)
            {
                Assert.StartsWith("the file", fault.Message, StringComparison.Ordinal);
                Assert.DoesNotContain('\n', fault.Message);
                Assert.Matches("[.?]$", fault.Message);
                refused++;
            }
            catch (Exception fault) when (fault is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"{fault}\n{Convert.ToBase64String(bytes)}\n{Encoding.UTF8.GetString(bytes)}");
            }
        }

        Assert.Equal(Files, read + refused);
        Assert.True(read > 50 && (refused > 50 || layout == RowLayout.Lines), $"{read} files were read and {refused} refused: the damage is too small or too great to try anything.");
    }

    [Fact]
    public void A_damaged_gzip_file_is_a_sentence_or_all_that_was_in_it()
    {
        var text = string.Concat(Enumerable.Range(0, 60).Select(i => $"row {i * 7919 % 1000} {new string((char)('a' + (i % 26)), i % 9)}\n"));
        var half = text.IndexOf('\n', text.Length / 2) + 1;
        var first = Zipped(Encoding.UTF8.GetBytes(text[..half]));
        byte[] good = [.. first, .. Zipped(Encoding.UTF8.GetBytes(text[half..]))];
        var draws = new SeededDraws(6, "damage gzip");
        var (read, refused) = (0, 0);
        for (var file = 0; file < Files; file++)
        {
            var bytes = file == 0 ? good : file % 2 == 0 ? good[..draws.Below(good.Length)] : Damaged(good, draws);
            try
            {
                var rows = RowReader.Read(new MemoryStream(bytes), "the file", RowFormat.Of(RowLayout.Lines)).Select(row => row.Text(Column.Named("text"))).ToList();

                // Without the mark of gzip the bytes are a text, as they stand; two files in one that were cut between them are one file.
                if (bytes.AsSpan().StartsWith(good.AsSpan(0, 2)))
                {
                    var whole = bytes.AsSpan().SequenceEqual(first) ? text[..half] : text;
                    Assert.True(whole.Split('\n').SkipLast(1).SequenceEqual(rows), $"{rows.Count} rows of {bytes.Length} bytes, {first.Length} and {good.Length} are whole: {Convert.ToHexString(bytes.AsSpan(Math.Min(first.Length, bytes.Length)))}");
                    read++;
                }
            }
            catch (GraftException fault)
            {
                Assert.StartsWith("the file", fault.Message, StringComparison.Ordinal);
                refused++;
            }
        }

        Assert.True(read > 20 && refused > Files / 2, $"{read} files were read and {refused} refused.");
    }

    [Fact]
    public void Damaged_labels_beside_texts_are_a_sentence_or_a_label_for_each_row()
    {
        using var folder = new TaskFolder();
        const string Task = """{"name": "m", "kind": "classification", "format": "lines", "text": "text", "labelFile": "labels", "labels": ["0", "1"], "files": {"train": "text", "dev": {"path": "dev", "labelFile": "good"}}}""";
        var description = TaskFile.Describe(StrictJson.Parse(Task, "task"), "task");
        const string Texts = "one\ntwo\n\nfour\nfive\n", Labels = "0\n1\n\n1\n0\n";
        folder.With("good", Labels).With("dev", Texts);
        var draws = new SeededDraws(6, "damage labels");
        var (read, refused) = (0, 0);
        for (var file = 0; file < FilesOnDisk; file++)
        {
            var (texts, labels) = (file % 3 == 0 ? Damaged(Encoding.UTF8.GetBytes(Texts), draws) : Encoding.UTF8.GetBytes(Texts), file % 3 == 0 ? Encoding.UTF8.GetBytes(Labels) : Damaged(Encoding.UTF8.GetBytes(Labels), draws));
            folder.With("text", texts).With("labels", labels);
            try
            {
                var data = TaskReader.Read(description, folder.Folder);
                var rows = Expected(RowLayout.Lines, texts);
                Assert.Equal((rows, Expected(RowLayout.Lines, labels)), (data.Train.Count, rows));
                Assert.All(data.Train, row => Assert.Equal(Line(labels, row.Line), data.Task.Labels[row.Label]));
                read++;
            }
            catch (GraftException)
            {
                refused++;
            }
        }

        Assert.True(read > 50 && refused > 50, $"{read} and {refused}");

        static string Line(byte[] bytes, int line) => Encoding.UTF8.GetString(bytes).TrimStart('\uFEFF').Split('\n')[line - 1].Trim();
    }

    private static byte[] Damaged(byte[] good, SeededDraws draws)
    {
        var bytes = good.ToList();
        for (var times = 1 + draws.Below(4); times > 0 && bytes.Count > 0; times--)
        {
            var at = draws.Below(bytes.Count);
            var length = Math.Min(1 + draws.Below(12), bytes.Count - at);
            switch (draws.Below(8))
            {
                case 0:
                    bytes[at] = (byte)draws.Below(256);
                    break;
                case 1:
                    bytes[at] = "\t\n\r \",:;{}[]<>#\\/\0"u8[draws.Below(18)];
                    break;
                case 2:
                    bytes.RemoveRange(at, length);
                    break;
                case 3:
                    bytes.InsertRange(at, bytes.GetRange(at, length));
                    break;
                case 4:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 5:
                    bytes.InsertRange(at, "\n"u8);
                    break;
                case 6:
                    bytes.InsertRange(at, Line(good, draws));
                    break;
                default:
                    bytes.Reverse(at, length);
                    break;
            }
        }

        return [.. bytes];
    }

    private static byte[] Line(byte[] good, SeededDraws draws)
    {
        var lines = Encoding.UTF8.GetString(good).Split('\n');
        return Encoding.UTF8.GetBytes(lines[draws.Below(lines.Length)] + "\n");
    }

    private static byte[] Zipped(byte[] bytes)
    {
        var memory = new MemoryStream();
        using (var zip = new GZipStream(memory, CompressionLevel.Optimal, leaveOpen: true))
        {
            zip.Write(bytes);
        }

        return memory.ToArray();
    }

    // What stands in the rows, without anything of the readers; null for layouts whose cells are looked at elsewhere.
    private static List<string>? Cells(RowLayout layout, byte[] bytes)
    {
        var lines = Encoding.UTF8.GetString(bytes).TrimStart('\uFEFF').Replace("\r\n", "\n", StringComparison.Ordinal).Split('\n');
        List<string> full = [.. lines.Where(line => !string.IsNullOrWhiteSpace(line))];
        return layout switch
        {
            RowLayout.Tsv => [.. lines.Where(line => line.Length > 0).Skip(1)],
            RowLayout.Jsonl => [.. full.Select(line => Json(line).GetRawText())],
            RowLayout.Lines => full,
            RowLayout.Trec => [.. full.Select(line => $"{line[..line.IndexOf(':', StringComparison.Ordinal)]}|{line}")],
            RowLayout.Rct => [.. full.Where(line => !line.StartsWith("###", StringComparison.Ordinal))],
            _ => null,
        };
    }

    private static string Cells(RowLayout layout, Row row)
    {
        string Text(string name) => row.Text(Column.Named(name));
        return layout switch
        {
            RowLayout.Tsv => string.Join('\t', Enumerable.Range(0, row.Columns.Count).Select(i => row.Text(Column.At(i)))),
            RowLayout.Jsonl => ((JsonRow)row).Value.GetRawText(),
            RowLayout.Trec => $"{Text("label")}|{Text("fine")} {Text("text")}",
            RowLayout.Rct => $"{Text("label")}\t{Text("text")}",
            _ => Text("text"),
        };
    }

    // How many rows there are, without anything of the readers.
    private static int Expected(RowLayout layout, byte[] bytes)
    {
        var text = Encoding.UTF8.GetString(bytes).TrimStart('\uFEFF');
        List<string> lines = [.. text.Split('\n').Select(line => line.TrimEnd('\r'))];
        var full = lines.Count(line => !string.IsNullOrWhiteSpace(line));
        switch (layout)
        {
            case RowLayout.Tsv:
                return Math.Max(0, lines.Count(line => line.Length > 0) - 1);
            case RowLayout.Csv:
                return Math.Max(0, CsvRecord().Count(text) - 1);
            case RowLayout.Whole:
                return string.IsNullOrWhiteSpace(text) ? 0 : 1;
            case RowLayout.Rct:
                return lines.Count(line => !string.IsNullOrWhiteSpace(line) && !line.StartsWith("###", StringComparison.Ordinal));
            case RowLayout.Conll:
                List<string> tokens = [.. lines.Select(line => line.Trim(' ', '\t')), ""];
                bool Ends(string line) => line.Length == 0 || line.Split(' ', '\t')[0] == "-DOCSTART-";
                return Enumerable.Range(1, tokens.Count - 1).Count(i => Ends(tokens[i]) && !Ends(tokens[i - 1]));
            case RowLayout.Xml:
                return XDocument.Load(new MemoryStream(bytes)).Root!.Elements().Count();
            case RowLayout.Json:
                return string.IsNullOrWhiteSpace(text) ? 0 : Json(text).GetProperty("train") is { ValueKind: JsonValueKind.Array } list ? list.GetArrayLength() : Json(text).GetProperty("train").EnumerateObject().Count();
            case RowLayout.Copa:
                return 2 * full;
            case RowLayout.Multirc:
                return Objects(lines).Sum(o => o.GetProperty("passage").GetProperty("questions").EnumerateArray().Sum(q => q.GetProperty("answers").GetArrayLength()));
            case RowLayout.Record:
                return Objects(lines).Sum(o => o.GetProperty("qas").GetArrayLength() * o.GetProperty("passage").GetProperty("entities").EnumerateArray()
                    .Select(e => o.GetProperty("passage").GetProperty("text").GetString()![e.GetProperty("start").GetInt32()..(e.GetProperty("end").GetInt32() + 1)]).Distinct().Count());
            case RowLayout.Squad:
                return string.IsNullOrWhiteSpace(text) ? 0 : Json(text).GetProperty("data").EnumerateArray().Sum(a => a.GetProperty("paragraphs").EnumerateArray().Sum(p => p.GetProperty("qas").GetArrayLength()));
            default:
                return full;
        }
    }

    private static IEnumerable<JsonElement> Objects(IEnumerable<string> lines) => lines.Where(line => !string.IsNullOrWhiteSpace(line)).Select(Json);

    private static JsonElement Json(string text)
    {
        using var document = JsonDocument.Parse(text);
        return document.RootElement.Clone();
    }

    // A record of RFC 4180, not empty, up to a line end outside quotes.
    [GeneratedRegex("(?:\"(?:[^\"]|\"\")*\"|[^\"\\r\\n])+(?=[\\r\\n]|$)", RegexOptions.Singleline | RegexOptions.ExplicitCapture, 5000)]
    private static partial Regex CsvRecord();
}
