using System.Text.Json;
using Graft.TestKit;
using Xunit;

namespace Graft.Tests.Text;

public sealed class MiniLmFixtureTests
{
    [Fact]
    public void Fixture_sentences_have_the_reference_token_ids()
    {
        var reference = SharedData.Fixture("minilm/reference.json");
        if (!File.Exists(reference))
        {
            Assert.Skip("the fixture minilm/reference.json is not there");
        }

        var tokenizer = TestTokenizers.Load("minilm");
        using var document = JsonDocument.Parse(File.ReadAllBytes(reference));
        var count = 0;
        foreach (var sentence in document.RootElement.GetProperty("sentences").EnumerateArray())
        {
            var encoding = tokenizer.Encode(sentence.GetProperty("text").GetString()!, sentence.GetProperty("pair").GetString());

            Assert.Equal(Numbers(sentence, "input_ids"), encoding.Ids);
            Assert.Equal(Numbers(sentence, "token_type_ids"), encoding.TypeIds);
            Assert.Equal(Numbers(sentence, "attention_mask"), encoding.AttentionMask);
            Assert.Equal(sentence.GetProperty("tokens").EnumerateArray().Select(t => t.GetString()!), encoding.Tokens);
            count++;
        }

        Assert.True(count >= 50, $"only {count} sentences");
    }

    private static int[] Numbers(JsonElement owner, string name) => [.. owner.GetProperty(name).EnumerateArray().Select(n => n.GetInt32())];
}
