using System.Text.Json;
using Graft.Text;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Text;

public sealed class VocabularyFileTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("graft-vocabulary-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void A_word_list_gives_what_the_tokenizer_file_gives()
    {
        using var document = JsonDocument.Parse(TestTokenizers.Bytes("minilm.json.gz"));
        var tokens = document.RootElement.GetProperty("model").GetProperty("vocab").EnumerateObject().OrderBy(t => t.Value.GetInt32()).Select(t => t.Name);
        Write("vocab.txt", string.Join('\n', tokens) + "\n");

        AssertSame("minilm", Tokenizer.Load(_folder.FullName));
    }

    [Theory]
    [InlineData("true", "ete")]
    [InlineData("false", "Été")]
    public void A_word_list_is_cased_when_the_folder_says_so(string lowercase, string expected)
    {
        Write("vocab.txt", "[UNK]\n[CLS]\n[SEP]\nete\nÉté\n");
        Write("tokenizer_config.json", $$"""{"do_lower_case": {{lowercase}}}""");

        Assert.Equal(["[CLS]", expected, "[SEP]"], Tokenizer.Load(_folder.FullName).Encode("Été").Tokens);
    }

    [Fact]
    public void Vocabulary_and_merges_give_what_the_tokenizer_file_gives()
    {
        using var document = JsonDocument.Parse(TestTokenizers.Bytes("roberta.json.gz"));
        var model = document.RootElement.GetProperty("model");
        Write("vocab.json", model.GetProperty("vocab").GetRawText());
        Write("merges.txt", "#version: 0.2\n" + string.Join('\n', model.GetProperty("merges").EnumerateArray().Select(m => m.GetString())) + "\n");

        AssertSame("roberta", Tokenizer.Load(_folder.FullName));
    }

    [Fact]
    public void A_word_list_without_the_special_tokens_is_refused()
    {
        Write("vocab.txt", "a\nb\n");

        var fault = Assert.Throws<GraftException>(() => Tokenizer.Load(_folder.FullName));

        Assert.Contains("[SEP]", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Merges_that_are_no_pairs_are_refused_with_their_line()
    {
        Write("vocab.json", "{\"a\":0,\"b\":1,\"ab\":2}");
        Write("merges.txt", "#version: 0.2\na b\na b c\n");

        var fault = Assert.Throws<GraftException>(() => Tokenizer.Load(_folder.FullName));

        Assert.Contains("line 3", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_not_utf8_is_refused()
    {
        File.WriteAllBytes(Path.Combine(_folder.FullName, "vocab.txt"), [65, 10, 0xE9, 10]);

        var fault = Assert.Throws<GraftException>(() => Tokenizer.Load(_folder.FullName));

        Assert.Contains("not UTF-8", fault.Message, StringComparison.Ordinal);
    }

    private static void AssertSame(string fixture, Tokenizer actual)
    {
        using var reader = TestTokenizers.Reader($"{fixture}.cases.jsonl.gz");

        OracleAssert.AllAgree(actual, OracleCase.Read(reader));
    }

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder.FullName, name), text);
}
