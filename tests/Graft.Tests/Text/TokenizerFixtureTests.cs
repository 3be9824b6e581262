using System.Text.Json;
using Xunit;

namespace Graft.Tests.Text;

public sealed class TokenizerFixtureTests
{
    [Theory]
    [InlineData("minilm")]
    [InlineData("roberta")]
    [InlineData("t5")]
    public void Fixture_cases_of_a_whole_vocabulary_agree_with_the_reference_library(string name)
    {
        using var reader = TestTokenizers.Reader($"{name}.cases.jsonl.gz");

        OracleAssert.AllAgree(TestTokenizers.Load(name), OracleCase.Read(reader));
    }

    [Fact]
    public void Fixture_cases_of_every_part_of_a_tokenizer_file_agree_with_the_reference_library()
    {
        using var reader = TestTokenizers.Reader("zoo.jsonl.gz");
        var count = 0;
        while (reader.ReadLine() is { } line)
        {
            using var document = JsonDocument.Parse(line);
            var name = document.RootElement.GetProperty("name").GetString();
            var tokenizer = TestTokenizers.Parse(JsonSerializer.SerializeToUtf8Bytes(document.RootElement.GetProperty("tokenizer")));
            var cases = document.RootElement.GetProperty("cases").EnumerateArray().Select(OracleCase.Parse);

            Assert.Null(Record.Exception(() => OracleAssert.AllAgree(tokenizer, cases)) is { } fault ? $"{name}: {fault.Message}" : null);
            count++;
        }

        Assert.True(count >= 50, $"only {count} tokenizers");
    }
}
