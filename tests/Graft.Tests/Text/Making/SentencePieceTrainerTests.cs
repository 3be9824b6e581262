using Graft.TestKit;
using Graft.Text;
using Graft.Text.Making;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Text.Making;

public sealed class SentencePieceTrainerTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("one two", new[] { "one two" })]
    [InlineData("  ", new string[0])]
    public void A_line_that_is_short_enough_stays(string line, string[] parts) => Assert.Equal(parts, SentencePieceTrainer.Sentences(line));

    [Theory]
    [InlineData("word ")]
    [InlineData("語")]
    [InlineData("\U0001F600")]
    public void A_long_line_is_cut_into_parts_that_the_program_takes_and_loses_nothing(string unit)
    {
        var line = "a" + string.Concat(Enumerable.Repeat(unit, 20_000)).TrimEnd();

        var parts = SentencePieceTrainer.Sentences(line).ToList();

        Assert.Equal(line, string.Concat(parts));
        Assert.All(parts, p => Assert.InRange(System.Text.Encoding.UTF8.GetByteCount(p), 1, 1 << 14));
        Assert.All(parts, p => Assert.DoesNotContain('\uFFFD', System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(p))));
        Assert.All(parts, p => Assert.False(unit[0] == 'w' && !p.EndsWith("word", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_program_makes_the_same_tokenizer_again_also_in_a_folder_with_a_comma()
    {
        try
        {
            SentencePieceTrainer.Require();
        }
        catch (GraftException missing)
        {
            Assert.Skip(missing.Message);
        }

        var random = new Random(1);
        List<string> texts = [.. Enumerable.Range(0, 400).Select(_ => string.Join(' ', Enumerable.Range(0, 12).Select(_ => TinyModelFolder.Words[random.Next(30)])))];
        texts.Add(string.Join(' ', Enumerable.Repeat("xylophone", 4000)));
        byte[] Made(string name)
        {
            var folder = Directory.CreateDirectory(_folder.At(name)).FullName;
            SentencePieceTrainer.Train(folder, texts, 60, seed: -1, TestContext.Current.CancellationToken);
            Assert.Equal(["spiece.model"], Directory.GetFiles(folder).Select(Path.GetFileName));
            return File.ReadAllBytes(Path.Combine(folder, "spiece.model"));
        }

        Assert.Equal(Made("one, two"), Made("three"));
        File.WriteAllText(_folder.At("three", "tokenizer_config.json"), "{\"tokenizer_class\": \"T5Tokenizer\", \"extra_ids\": 100}");
        var tokenizer = Tokenizer.Load(_folder.At("three"));
        Assert.Equal(160, tokenizer.VocabularySize);

        // Of the line that is longer than the program takes.
        Assert.DoesNotContain(tokenizer.UnkId!.Value, tokenizer.Encode("xylophone").Ids);
        Assert.Contains("--vocabulary-size", Assert.Throws<GraftException>(
            () => SentencePieceTrainer.Train(_folder.At("three"), texts, 100_000, 0, TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
    }
}
