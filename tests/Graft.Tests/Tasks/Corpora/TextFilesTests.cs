using System.IO.Compression;
using System.Text;
using Graft.Tasks.Corpora;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Tasks.Corpora;

public sealed class TextFilesTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Lines_and_documents_are_read_with_their_places_and_blank_ones_left_out()
    {
        var path = _folder.Write("a.txt", "one\r\n\n  \ntwo\n<|endoftext|>\n<|endoftext|>\n\nthree\n\nfour");

        Assert.Equal(
            [("one", 1), ("two", 4), ("three", 8), ("four", 10)],
            TextFiles.Read([path], TextUnit.Line).Select(t => (t.Text, t.Line)));
        Assert.Equal(
            [("one\n\n  \ntwo\n", 1), ("three\n\nfour\n", 8)], TextFiles.Read([path], TextUnit.Document).Select(t => (t.Text, t.Line)));
        Assert.Equal(
            [("one\n", 1), ("two\n<|endoftext|>\n<|endoftext|>\n", 4), ("three\n", 8), ("four\n", 10)],
            TextFiles.Read([path], TextUnit.Packed, "").Select(t => (t.Text, t.Line)));
    }

    [Fact]
    public void A_long_document_comes_in_pieces_that_end_with_a_line_and_lose_nothing()
    {
        var path = _folder.Write("a.txt", "one\ntwo\n\nthree\n<|endoftext|>\nfour\nfive");

        var pieces = TextFiles.Read([path], TextUnit.Packed, longest: 6).ToList();

        Assert.Equal(
            [("one\ntwo\n", 1, false), ("three\n", 4, true), ("four\nfive\n", 6, false)], pieces.Select(t => (t.Text, t.Line, t.GoesOn)));
    }

    [Fact]
    public void What_is_not_utf8_is_told_without_a_setting_that_texts_do_not_have()
    {
        File.WriteAllBytes(_folder.At("latin.txt"), [0x61, 0xE9, 0x0A]);

        var told = Assert.Throws<GraftException>(() => TextFiles.Read([_folder.At("latin.txt")], TextUnit.Line).Count()).Message;

        Assert.EndsWith("save the file as UTF-8.", told, StringComparison.Ordinal);
    }

    [Fact]
    public void Gzip_is_told_by_its_bytes_and_folders_give_their_text_files_in_order()
    {
        _folder.Write("texts/b.txt", "b");
        _folder.Write("texts/notes.md", "no");
        using (var zipped = new GZipStream(File.Create(_folder.At("texts", "a.txt.gz")), CompressionLevel.Fastest))
        {
            zipped.Write("a\n"u8);
        }

        var files = TextFiles.Find([_folder.At("texts")]);

        Assert.Equal(["a.txt.gz", "b.txt"], files.Select(Path.GetFileName));
        Assert.Equal([("a", 0), ("b", 1)], TextFiles.Read(files, TextUnit.Line).Select(t => (t.Text, t.File)));
    }

    [Fact]
    public void What_is_not_there_or_comes_twice_is_refused_by_name()
    {
        var file = _folder.Write("a.txt", "a");
        Directory.CreateDirectory(_folder.At("empty"));

        foreach (var (places, word) in new (string[], string)[] { (["no.txt"], "no.txt"), ([_folder.At("empty")], ".txt"), ([file, file], "twice") })
        {
            Assert.Contains(word, Assert.Throws<GraftException>(() => TextFiles.Find(places)).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(TextUnit.Line)]
    [InlineData(TextUnit.Document)]
    public void Of_10_000_damaged_files_each_is_read_or_refused_in_a_sentence(TextUnit unit)
    {
        var random = new Random(3);
        var text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 12).Select(i => i % 5 == 4 ? "<|endoftext|>\n" : $"Zeile {i} mit Wörtern und 漢字\r\n")));
        using var memory = new MemoryStream();
        using (var zip = new GZipStream(memory, CompressionLevel.Optimal, leaveOpen: true))
        {
            zip.Write(text);
        }

        var sound = new[] { text, memory.ToArray() };
        var path = _folder.At("damaged.txt");
        var (read, refused) = (0, 0);
        for (var i = 0; i < 5000; i++)
        {
            var bytes = sound[i % 2].ToList();
            for (var fault = random.Next(1, 4); fault > 0 && bytes.Count > 0; fault--)
            {
                var at = random.Next(bytes.Count);
                switch (random.Next(4))
                {
                    case 0: bytes[at] = (byte)random.Next(256); break;
                    case 1: bytes.RemoveRange(at, random.Next(1, bytes.Count - at + 1)); break;
                    case 2: bytes.Insert(at, (byte)random.Next(256)); break;
                    default: bytes.InsertRange(at, bytes.Take(random.Next(40)).ToList()); break;
                }
            }

            File.WriteAllBytes(path, [.. bytes]);
            try
            {
                var texts = TextFiles.Read([path], unit).ToList();
                Assert.All(texts, t => Assert.False(string.IsNullOrWhiteSpace(t.Text)));
                read++;
            }
            catch (GraftException fault)
            {
                Assert.StartsWith(path, fault.Message, StringComparison.Ordinal);
                Assert.DoesNotContain('\n', fault.Message);
                refused++;
            }
        }

        Assert.True(read > 500 && refused > 500, $"{read} read, {refused} refused");
    }
}
