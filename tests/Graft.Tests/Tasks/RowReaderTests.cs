using System.Globalization;
using System.IO.Compression;
using System.Text;
using CsvHelper;
using FsCheck;
using FsCheck.Fluent;
using Graft.Tasks;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Tasks;

public sealed class RowReaderTests
{
    private static readonly RowFormat s_csv = RowFormat.Of(RowLayout.Csv);
    private static readonly RowFormat s_tsv = RowFormat.Of(RowLayout.Tsv);
    private static readonly RowFormat s_jsonl = RowFormat.Of(RowLayout.Jsonl);
    private static readonly RowFormat s_json = RowFormat.Of(RowLayout.Json);

    [Fact]
    public void Quoted_columns_may_hold_delimiters_line_breaks_and_quotes()
    {
        var rows = Rows("id,text\r\n1,\"a, \"\"b\"\"\r\nsecond line\"\r\n\r\n2,plain\r\n", s_csv);

        Assert.Equal(["a, \"b\"\r\nsecond line", "plain"], rows.Select(row => row.Text(Column.Named("text"))));
        Assert.Equal([2, 5], rows.Select(row => row.Line));
    }

    [Fact]
    public void Without_quoting_a_quote_is_a_character_like_others()
    {
        var rows = Rows("text\tlabel\n\"open\t1\nx \" y\t0\r\n", s_tsv);

        Assert.Equal(["\"open", "x \" y"], rows.Select(row => row.Text(Column.Named("text"))));
        Assert.Equal(["1", "0"], rows.Select(row => row.Text(Column.At(1))));
    }

    [Fact]
    public void Only_line_feeds_end_a_line_without_quoting()
    {
        var rows = Rows("text\tlabel\na\u2028b\u0085c\rd\t1\n", s_tsv);

        Assert.Equal("a\u2028b\u0085c\rd", Assert.Single(rows).Text(Column.Named("text")));
    }

    [Fact]
    public void A_byte_order_mark_is_left_out_of_the_first_name()
    {
        Assert.Equal("x", Assert.Single(Rows("\uFEFFtext\nx\n", s_tsv)).Text(Column.Named("text")));
        Assert.Equal("x", Assert.Single(Rows("\uFEFF{\"text\":\"x\"}\n", s_jsonl)).Text(Column.Named("text")));
        Assert.Empty(Rows("\uFEFF", s_tsv));
    }

    [Fact]
    public void Columns_go_by_name_then_by_place()
    {
        var row = Assert.Single(Rows("a,1,b\nx,y,z\n", s_csv));

        Assert.Equal("y", row.Text(Column.Named("1")));
        Assert.Equal("z", row.Text(Column.Named("2")));
        Assert.Equal("x", row.Text(Column.At(0)));
        Assert.Equal("y", Assert.Single(Rows("x,y\n", s_csv with { Header = false })).Text(Column.Named("1")));
    }

    [Fact]
    public void Another_delimiter_can_be_named()
    {
        Assert.Equal("b,c", Assert.Single(Rows("x;y\na;\"b,c\"\n", s_csv with { Delimiter = ';' })).Text(Column.Named("y")));
    }

    [Fact]
    public void Json_rows_give_text_numbers_and_lists()
    {
        var row = Assert.Single(Rows("{\"text\": \"x\", \"stars\": 4.50, \"good\": true, \"tags\": [\"a\", 2]}\n\n", s_jsonl));

        Assert.Equal("4.50", row.Text(Column.Named("stars")));
        Assert.Equal("true", row.Text(Column.Named("good")));
        Assert.Equal(["a", "2"], row.Texts(Column.Named("tags"), "|"));
        Assert.Equal(["x"], row.Texts(Column.Named("text"), "|"));
    }

    [Fact]
    public void A_json_document_is_a_list_of_rows_or_an_object_of_rows()
    {
        var list = Rows("[\n{\"t\": \"a\"},\n{\"t\": \"b\"}]", s_json);
        var named = Rows("{\n\"0\": {\"t\": \"a\"},\n\n\"1\":\n{\"t\": \"b\"}}", s_json);

        Assert.Equal(["a", "b"], list.Select(row => row.Text(Column.Named("t"))));
        Assert.Equal([2, 3], list.Select(row => row.Line));
        Assert.Equal(["a", "b"], named.Select(row => row.Text(Column.Named("t"))));
        Assert.Equal([2, 5], named.Select(row => row.Line));
    }

    [Theory]
    [InlineData(RaggedRows.Skip, new[] { "a" }, 2)]
    [InlineData(RaggedRows.Allow, new[] { "a", "b", "c" }, 0)]
    public void Ragged_rows_are_skipped_or_allowed_on_request(RaggedRows ragged, string[] texts, int skipped)
    {
        using var files = new TaskFolder();
        var rows = RowReader.Read(files.With("a.tsv", "text\tlabel\na\t1\nb\nc\t1\t2\n")["a.tsv"], s_tsv with { Ragged = ragged });

        Assert.Equal(texts, rows.Select(row => row.Text(Column.Named("text"))));
        Assert.Equal(skipped, rows.Skipped);
    }

    [Fact]
    public void Gzip_is_told_by_the_content()
    {
        using var files = new TaskFolder();
        files.WithZipped("a.tsv.gz", "text\nx\n").WithZipped("b.csv", "text\ny\n").With("c.jsonl.gz", "{\"text\":\"z\"}\n");

        Assert.Equal(["x", "y", "z"], new[] { "a.tsv.gz", "b.csv", "c.jsonl.gz" }
            .SelectMany(name => RowReader.Read(files[name])).Select(row => row.Text(Column.Named("text"))));
    }

    [Fact]
    public void A_stream_can_be_read_too()
    {
        using var stream = new MemoryStream("{\"text\":\"x\"}"u8.ToArray());

        Assert.Equal("x", Assert.Single(RowReader.Read(stream, "standard input", s_jsonl)).Text(Column.Named("text")));
    }

    [Fact]
    public void Rows_come_before_the_end_of_the_file_is_read()
    {
        using var stream = new EndlessRows();

        Assert.Equal(1000, RowReader.Read(stream, "endless", s_tsv).Take(1000).Count());
        Assert.Equal(1000, RowReader.Read(stream, "endless", s_jsonl with { Layout = RowLayout.Csv }).Take(1000).Count());
    }

    [Fact]
    public void What_a_csv_writer_writes_is_read_back() => Prop.ForAll(Cells(), cells =>
    {
        using var files = new TaskFolder();
        using (var zip = new GZipStream(File.Create(files["a.csv.gz"]), CompressionLevel.Fastest))
        using (var csv = new CsvWriter(new StreamWriter(zip), CultureInfo.InvariantCulture))
        {
            foreach (var cell in new[] { "left", "right" }.Concat(cells.SelectMany(pair => new[] { pair.Item1, pair.Item2 })).Chunk(2))
            {
                csv.WriteField(cell[0], shouldQuote: true);
                csv.WriteField(cell[1]);
                csv.NextRecord();
            }
        }

        var rows = RowReader.Read(files["a.csv.gz"]).ToList();
        var line = 2;

        Assert.Equal(cells, rows.Select(row => (row.Text(Column.Named("left")), row.Text(Column.At(1)))));
        Assert.All(rows, row =>
        {
            Assert.Equal(line, row.Line);
            line += 1 + row.Text(Column.At(0)).Count(c => c == '\n') + row.Text(Column.At(1)).Count(c => c == '\n');
        });
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Json_lines_and_plain_tsv_are_read_back() => Prop.ForAll(Cells(), cells =>
    {
        using var files = new TaskFolder();
        (string, string)[] flat = [.. cells.Select(pair => (Flat(pair.Item1), Flat(pair.Item2)))];
        files.With("a.tsv", "left\tright\n" + string.Concat(flat.Select(pair => $"{pair.Item1}\t{pair.Item2}\n")));
        files.With("a.jsonl", string.Concat(cells.Select(pair => $"{{\"left\":{Quoted(pair.Item1)},\"right\":{Quoted(pair.Item2)}}}\n")));

        Assert.Equal(flat, Pairs(files["a.tsv"]));
        Assert.Equal(cells, Pairs(files["a.jsonl"]));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Any_bytes_give_rows_or_a_clean_error()
    {
        RowFormat[] formats =
        [
            s_csv, s_tsv, s_jsonl, s_json, s_csv with { Header = false }, s_tsv with { Quoted = true }, s_csv with { Ragged = RaggedRows.Allow },
        ];
        Prop.ForAll(Bytes(), bytes =>
        {
            foreach (var format in formats)
            {
                try
                {
                    foreach (var row in RowReader.Read(new MemoryStream(bytes), "random", format))
                    {
                        Assert.True(row.Line > 0);
                        _ = row.Text(Column.Named("0")) + row.Texts(Column.Named("0"), ",").Count;
                    }
                }
                catch (GraftException fault)
                {
                    Assert.StartsWith("random", fault.Message, StringComparison.Ordinal);
                }
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));
    }

    [Theory]
    [InlineData("text\nok\nb\u00FCse\n", "a.tsv, line 3: not UTF-8 at byte 9 (0xFC); save the file as UTF-8, or set \"encoding\" to \"latin1\".")]
    [InlineData("{\"text\":\"\u00FC\"}\n", "a.tsv, line 1: not UTF-8 at byte 9 (0xFC); save the file as UTF-8, or set \"encoding\" to \"latin1\".")]
    public void Bytes_that_are_not_utf8_are_named_by_line_and_offset(string latin, string sentence)
    {
        using var files = new TaskFolder();
        files.With("a.tsv", Encoding.Latin1.GetBytes(latin));

        Assert.Equal(sentence, files.Sentence(() => RowReader.Read(files["a.tsv"]).Count()));
        Assert.Equal(sentence, files.Sentence(() => RowReader.Read(files["a.tsv"], s_csv).Count()));
    }

    [Theory]
    [InlineData("a.csv", "t,l\n\"x,1\ny,2\n", "a.csv, line 2: a quote that opens in this row is never closed; close it, or set \"quote\" to \"none\".")]
    [InlineData("a.csv", "t,l\n\"a\"\"b\",1\n\n1,\"y\n\n\n", "a.csv, line 4: a quote that opens in this row is never closed; close it, or set \"quote\" to \"none\".")]
    [InlineData("a.csv", "t,l\n1,2\n\"x\"y,1\n", "a.csv, line 3: a quote stands inside a column; write it twice and put the column in quotes, or set \"quote\" to \"none\".")]
    [InlineData("a.csv", "t,l\n1,2\nx\"y,1\n", "a.csv, line 3: a quote stands inside a column; write it twice and put the column in quotes, or set \"quote\" to \"none\".")]
    [InlineData("a.csv", "t,l\n\"a\nb\",2\n3\n", "a.csv, line 4: 1 columns, expected 2 as in the header; mend the row, or set \"ragged\" to \"skip\" or \"allow\".")]
    [InlineData("a.tsv", "t\tl\n1\t2\t3\n", "a.tsv, line 2: 3 columns, expected 2 as in the header; mend the row, or set \"ragged\" to \"skip\" or \"allow\".")]
    [InlineData("a.jsonl", "{\"t\":\"x\"}\n{\"t\":\n", "a.jsonl, line 2: not valid JSON (Expected depth to be zero at the end of the JSON payload. There is an open JSON object or array that should be closed); each line has to be one object.")]
    [InlineData("a.jsonl", "[1]\n", "a.jsonl, line 1: a list, expected one JSON object a line; mend the line.")]
    [InlineData("a.jsonl", "{\"t\":\"\\ud800\"}\n", "a.jsonl, line 1: a string holds half of a surrogate pair; write the character itself.")]
    [InlineData("a.jsonl", "{\"t\":null}\n", "a.jsonl, line 1: column 't' is null, expected text or a number; mend the row.")]
    [InlineData("a.jsonl", "{\"text\":\"\", \"l\":1}\n", "a.jsonl, line 1: no column 't' among 'text', 'l'; name one of those.")]
    [InlineData("a.json", "[1]", "a.json, line 1: the number 1, expected an object for each row; correct the file.")]
    [InlineData("a.json", "[{\"t\": \"x\"},\n{\"t\": \"y\", \"t\": \"z\"}]", "a.json, line 2: the row has 't' twice; remove one.")]
    [InlineData("a.tsv", "tt\tl\n1\t2\n", "a.tsv, line 1: no column 't' among 'tt', 'l'; name one of those.")]
    [InlineData("a.json", "3", "a.json: the JSON is neither a list nor an object, expected a list of rows; correct the file.")]
    public void A_row_that_breaks_the_format_is_named(string name, string content, string sentence)
    {
        using var files = new TaskFolder();
        files.With(name, content);

        Assert.Equal(sentence, files.Sentence(() => RowReader.Read(files[name]).Select(row => row.Text(Column.Named("t"))).ToList()));
    }

    [Fact]
    public void Files_that_cannot_be_read_are_named()
    {
        using var files = new TaskFolder();
        using var zipped = new MemoryStream();
        using (var zip = new GZipStream(zipped, CompressionLevel.NoCompression, leaveOpen: true))
        {
            zip.Write(Encoding.UTF8.GetBytes("text\n" + new string('x', 100_000)));
        }

        files.With("cut.tsv.gz", zipped.ToArray()[..50_000]).With("bad.tsv.gz", [0x1F, 0x8B, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]).With("a.txt", "x");

        Assert.Equal("missing.tsv: no such file; check the path.", files.Sentence(() => RowReader.Read(files["missing.tsv"]).Count()));
        Assert.Equal("cut.tsv.gz: damaged gzip data; get the file again.", files.Sentence(() => RowReader.Read(files["cut.tsv.gz"]).Count()));
        Assert.Equal("bad.tsv.gz: damaged gzip data; get the file again.", files.Sentence(() => RowReader.Read(files["bad.tsv.gz"]).Count()));
        Assert.EndsWith(": a folder, expected a file of rows; name the file.", files.Sentence(() => RowReader.Read(files.Folder, s_tsv).Count()), StringComparison.Ordinal);
        Assert.Equal(
            "a.txt: the name does not tell the format, expected an ending of .tsv, .csv, .jsonl or .json (then .gz or not); rename the file or name its format.",
            files.Sentence(() => RowReader.Read(files["a.txt"])));
    }

    private static List<Row> Rows(string content, RowFormat format) => [.. RowReader.Read(new MemoryStream(Encoding.UTF8.GetBytes(content)), "here", format)];

    private static (string, string)[] Pairs(string path) =>
        [.. RowReader.Read(path).Select(row => (row.Text(Column.Named("left")), row.Text(Column.Named("right"))))];

    private static string Flat(string cell) => string.Concat(cell.Where(c => c is not ('\t' or '\n' or '\r')));

    private static string Quoted(string cell) => $"\"{System.Text.Json.JsonEncodedText.Encode(cell)}\"";

    private static Arbitrary<(string, string)[]> Cells()
    {
        var piece = Gen.Elements("a", "\"", ",", ";", "\n", "\r\n", "\t", " ", "'", "\\", "é", "😀", "\u2028", "0");
        var cell = piece.ListOf().Select(string.Concat);
        return cell.Two().Select(pair => (pair.Item1, pair.Item2)).ListOf().Select(rows => rows.ToArray()).ToArbitrary();
    }

    private static Arbitrary<byte[]> Bytes()
    {
        var piece = Gen.OneOf(
            Gen.Elements("\"", ",", "\t", "\n", "\r\n", "\r", "{", "}", "[", "]", "0", "\"0\":", "\\u", "\\ud800", "null", "é", "\uFEFF", "text").Select(Encoding.UTF8.GetBytes),
            Gen.Choose(0, 255).Select(value => new[] { (byte)value }));
        return piece.ListOf().Select(pieces => pieces.SelectMany(bytes => bytes).ToArray()).ToArbitrary();
    }

    /// <summary>Rows without end, which only a reader that streams gets through.</summary>
    private sealed class EndlessRows : MemoryStream
    {
        public override bool CanSeek => false;

        public override int Read(Span<byte> buffer)
        {
            for (var at = 0; at < buffer.Length; at++)
            {
                buffer[at] = at % 2 == 0 ? (byte)'x' : (byte)'\n';
            }

            return buffer.Length & ~1;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));
    }
}
