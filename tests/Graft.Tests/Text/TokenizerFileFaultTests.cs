using Graft.Text;
using Graft.Torch;
using Xunit;
using Encoding = System.Text.Encoding;

namespace Graft.Tests.Text;

public sealed class TokenizerFileFaultTests
{
    private const string Minimal = """
        {"version":"1.0","added_tokens":[{"id":0,"content":"[U]","special":true}],"normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Replace","pattern":{"Regex":"a+"},"content":"b"}]},
        "pre_tokenizer":{"type":"Split","pattern":{"Regex":"\\w+|x{2}"},"behavior":"Isolated","invert":false},
        "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"[U]","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],"special_tokens":{"[U]":{"id":"[U]","ids":[0],"tokens":["[U]"]}}},
        "decoder":{"type":"WordPiece","prefix":"##","cleanup":true},
        "model":{"type":"BPE","unk_token":"[U]","vocab":{"[U]":0,"a":1,"b":2,"ab":3,"##c":4},"merges":["a b"]}}
        """;

    [Theory]
    [InlineData("\"type\":\"NFC\"", "\"type\":\"NFX\"", "'normalizer.normalizers[0].type' is \"NFX\"")]
    [InlineData("\"Regex\":\"a+\"", "\"Regex\":\"(a\"", "'normalizer.normalizers[1].pattern.Regex'")]
    [InlineData("\"behavior\":\"Isolated\"", "\"behavior\":\"Joined\"", "'pre_tokenizer.behavior'")]
    [InlineData("\"merges\":[\"a b\"]", "\"merges\":[\"a b\",\"b q\"]", "'model.merges[1]'")]
    [InlineData("\"a\":1", "\"a\":-1", "'model.vocab.a'")]
    [InlineData("\"unk_token\":\"[U]\"", "\"dropout\":0.1", "'model.dropout'")]
    [InlineData("\"type\":\"BPE\"", "\"type\":\"Magic\"", "'model.type'")]
    [InlineData("\"tokens\":[\"[U]\"]", "\"tokens\":[]", "'post_processor.special_tokens.[U]'")]
    [InlineData("\"version\":\"1.0\"", "\"version\":\"2.0\"", "'version'")]
    [InlineData("\"content\":\"[U]\"", "\"content\":7", "'added_tokens[0].content'")]
    public void A_fault_names_the_file_and_the_path(string from, string to, string expected)
    {
        var fault = Assert.Throws<GraftException>(() => TestTokenizers.Parse(Encoding.UTF8.GetBytes(Minimal.Replace(from, to, StringComparison.Ordinal))));

        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
        Assert.Contains(".json", fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', fault.Message);
    }

    [Fact]
    public void A_folder_without_tokenizer_says_what_is_expected()
    {
        var folder = Directory.CreateTempSubdirectory("graft-empty-");

        var fault = Assert.Throws<GraftException>(() => Tokenizer.Load(folder.FullName));

        Assert.Contains("vocab.txt", fault.Message, StringComparison.Ordinal);
        folder.Delete();
    }

    [Fact]
    public void Mutated_files_load_or_fail_with_a_graft_exception()
    {
        var random = new Random(5);
        var bytes = Encoding.UTF8.GetBytes(Minimal);
        for (var i = 0; i < 1500; i++)
        {
            var mutated = Mutate(bytes, random);
            var fault = Record.Exception(() => TestTokenizers.Parse(mutated).Encode("abc x a\u0301\U0001F600", "b"));

            Assert.True(fault is null or GraftException, $"{fault}\n{Encoding.UTF8.GetString(mutated)}");
        }
    }

    [Fact]
    public void Mutated_compiled_rules_load_or_fail_with_a_graft_exception()
    {
        var random = new Random(6);
        var json = Encoding.UTF8.GetString(TestTokenizers.Bytes("t5.json.gz"));
        var begin = json.IndexOf("charsmap\":\"", StringComparison.Ordinal) + 11;
        var rules = Convert.FromBase64String(json[begin..json.IndexOf('"', begin)]);
        for (var i = 0; i < 60; i++)
        {
            var mutated = Mutate(rules, random);
            var file = $$$"""{"normalizer":{"type":"Precompiled","precompiled_charsmap":"{{{Convert.ToBase64String(mutated)}}}"},"model":{"type":"WordLevel","vocab":{"a":0},"unk_token":"a"}}""";
            var fault = Record.Exception(() => TestTokenizers.Parse(Encoding.UTF8.GetBytes(file)).Encode("Ａb① ｶﾞ e\u0301\r\n한국어"));

            Assert.True(fault is null or GraftException, fault?.ToString());
        }
    }

    private static byte[] Mutate(byte[] source, Random random)
    {
        var bytes = source.ToList();
        for (var n = random.Next(1, 4); n > 0 && bytes.Count > 0; n--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(4))
            {
                case 0:
                    bytes[at] = (byte)random.Next(random.Next(8) == 0 ? 256 : 128);
                    break;
                case 1:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 20), bytes.Count - at));
                    break;
                case 2:
                    bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(1, 30), bytes.Count - at)));
                    break;
                default:
                    bytes[at] = (byte)"0123456789[]{}\",:\\+*?()|-truefalsenull"[random.Next(38)];
                    break;
            }
        }

        return [.. bytes];
    }
}
