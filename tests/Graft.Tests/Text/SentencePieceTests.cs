using System.Text.Json;
using Google.Protobuf;
using Graft.Text;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Text;

/// <summary>T5's <c>spiece.model</c>, written here from the pieces and rules of its tokenizer file.</summary>
public sealed class SentencePieceTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("graft-pieces-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void A_file_of_pieces_gives_what_the_tokenizer_file_gives()
    {
        Write(T5());
        using var reader = TestTokenizers.Reader("t5.cases.jsonl.gz");

        var tokenizer = Tokenizer.Load(_folder.FullName);

        OracleAssert.AllAgree(tokenizer, OracleCase.Read(reader));
        Assert.Equal(TestTokenizers.Load("t5").VocabularySize, tokenizer.VocabularySize);
        Assert.Equal([32099, 71, 32000, 1], tokenizer.Encode("<extra_id_0> A <extra_id_99>").Ids.Where(id => id != 3));
    }

    [Theory]
    [InlineData("""{"extra_ids": 0}""", 32000)]
    [InlineData("""{"extra_ids": 3}""", 32003)]
    [InlineData("{}", 32100)]
    public void The_folder_says_how_many_placeholders_there_are(string config, int size)
    {
        Write(T5());
        File.WriteAllText(Path.Combine(_folder.FullName, "tokenizer_config.json"), config);

        Assert.Equal(size, Tokenizer.Load(_folder.FullName).VocabularySize);
    }

    [Fact]
    public void A_model_of_byte_pairs_is_refused() => Refused(Model([("<unk>", 0f, 2), ("</s>", 0f, 3)], [], kind: 2), "no unigram model", "tokenizer.json");

    [Fact]
    public void Another_model_s_pieces_are_refused() => Refused(Model([("<unk>", 0f, 2), ("[CLS]", 0f, 3), ("</s>", 0f, 3)], []), "'[CLS]'", "not T5's");

    [Fact]
    public void Pieces_without_an_end_are_refused() => Refused(Model([("<unk>", 0f, 2), ("a", -1f, 1)], []), "no piece '</s>'");

    [Fact]
    public void Faulty_rules_are_refused() => Refused(Model([("<unk>", 0f, 2), ("</s>", 0f, 3)], [1, 2, 3, 4, 5]), "not a model of SentencePiece");

    [Fact]
    public void A_truncated_file_is_refused() => Refused(T5()[..100_000], "spiece.model is damaged at byte");

    [Fact]
    public void An_empty_file_is_refused() => Refused([], "not a model of SentencePiece");

    private void Refused(byte[] file, params string[] words)
    {
        Write(file);

        var fault = Assert.Throws<GraftException>(() => Tokenizer.Load(_folder.FullName));

        Assert.All(words, word => Assert.Contains(word, fault.Message, StringComparison.Ordinal));
    }

    private void Write(byte[] file) => File.WriteAllBytes(Path.Combine(_folder.FullName, "spiece.model"), file);

    private static byte[] T5()
    {
        using var document = JsonDocument.Parse(TestTokenizers.Bytes("t5.json.gz"));
        var pieces = document.RootElement.GetProperty("model").GetProperty("vocab").EnumerateArray().Take(32000)
            .Select((piece, id) => (piece[0].GetString()!, (float)piece[1].GetDouble(), id switch { 2 => 2, < 2 => 3, _ => 1 }));
        return Model([.. pieces], document.RootElement.GetProperty("normalizer").GetProperty("precompiled_charsmap").GetBytesFromBase64());
    }

    /// <summary>A message of <c>sentencepiece_model.proto</c>.</summary>
    private static byte[] Model(IEnumerable<(string Text, float Score, int Kind)> pieces, byte[] rules, int kind = 1) => Message(model =>
    {
        foreach (var (text, score, type) in pieces)
        {
            Nested(model, 1, piece =>
            {
                piece.WriteTag(1, WireFormat.WireType.LengthDelimited);
                piece.WriteString(text);
                piece.WriteTag(2, WireFormat.WireType.Fixed32);
                piece.WriteFloat(score);
                piece.WriteTag(3, WireFormat.WireType.Varint);
                piece.WriteEnum(type);
            });
        }

        Nested(model, 2, training =>
        {
            training.WriteTag(1, WireFormat.WireType.LengthDelimited);
            training.WriteString("corpus.txt");
            training.WriteTag(3, WireFormat.WireType.Varint);
            training.WriteEnum(kind);
        });
        Nested(model, 3, normalization =>
        {
            normalization.WriteTag(1, WireFormat.WireType.LengthDelimited);
            normalization.WriteString("nmt_nfkc");
            normalization.WriteTag(2, WireFormat.WireType.LengthDelimited);
            normalization.WriteBytes(ByteString.CopyFrom(rules));
        });
    });

    private static void Nested(CodedOutputStream output, int number, Action<CodedOutputStream> write)
    {
        output.WriteTag(number, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(ByteString.CopyFrom(Message(write)));
    }

    private static byte[] Message(Action<CodedOutputStream> write)
    {
        using var bytes = new MemoryStream();
        using (var output = new CodedOutputStream(bytes, leaveOpen: true))
        {
            write(output);
        }

        return bytes.ToArray();
    }
}
