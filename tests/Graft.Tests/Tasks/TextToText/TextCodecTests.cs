using Graft.Backbones;
using Graft.Tasks;
using Graft.Tasks.Batches;
using Graft.Tasks.Heads;
using Graft.Tasks.TextToText;
using Graft.Tests.Text;
using Graft.Text;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Tasks.TextToText;

public sealed class TextCodecTests
{
    private static readonly Tokenizer s_t5 = TestTokenizers.Load("t5");

    private static readonly BackboneConfig s_backbone =
        new("t5", 16, 2, 4, 32, 32128, int.MaxValue) { Decoder = new DecoderConfig(2, StartId: 0, EndId: 1, PadId: 0) };

    private static readonly TaskDefinition s_pairs = new("rte", TaskKind.Classification, ["entailment", "not_entailment"], ["accuracy"], IsPair: true);

    [Fact]
    public void Labels_have_the_tokens_of_T5()
    {
        var codec = Codec(s_pairs);

        // "0" is two pieces and the end, "1" is one and the end: with the start token, three tokens hold every answer.
        Assert.Equal([[3, 632, 1], [209, 1]], codec.Labels);
        Assert.Equal(3, codec.Longest([]));
    }

    [Fact]
    public void Sources_are_one_text_that_keeps_its_end_when_it_is_cut()
    {
        var codec = Codec(s_pairs);
        var whole = codec.Sources([("No weapons were found.", "Weapons were found.")], 128)[0];
        var cut = codec.Sources([("No weapons were found.", "Weapons were found.")], 9)[0];

        Assert.Equal(s_t5.Encode("rte sentence1: No weapons were found. sentence2: Weapons were found.").Ids, whole.Ids);
        Assert.Equal([.. whole.Ids[..8], 1], cut.Ids);
        Assert.Equal(whole.Length - 9, cut.TruncatedTokens);
    }

    [Theory]
    [InlineData(3.4)]
    [InlineData(5)]
    [InlineData(0.25)]
    [InlineData(-12.34)]
    public void What_was_written_as_target_is_read_as_the_number(double score)
    {
        var codec = Codec(new TaskDefinition("sts-b", TaskKind.Regression, [], ["pearson"], IsPair: true));
        var row = new Example("a", "b") { Score = score };
        var target = codec.Target(row);

        Assert.Equal(1, target[^1]);
        Assert.Equal(codec.Format.Target(row), codec.Text([.. target, 0, 0, 5]));
        Assert.Equal(Math.Round(score, 1), codec.Format.Read(codec.Text(target))[0], 1e-6);
        Assert.Equal(target.Length, codec.Longest([row]));
    }

    [Fact]
    public void The_decoder_reads_targets_shifted_to_the_right_and_padding_bears_no_loss()
    {
        using var scope = new TensorScope();
        var rows = TokenizedRows.Create(
            s_pairs, [new Example("a", "b") { Label = 1 }, new Example("c", "d") { Label = 0 }], s_t5, 64, Codec(s_pairs));

        var batch = TokenizedRows.Join([(rows, [0, 1])], Device.Cpu);

        Assert.Equal([0, 209, 0, 0, 3, 632], batch.DecoderIds!.ToArray<long>());
        Assert.Equal([209, 1, TextHead.NoTarget, 3, 632, 1], rows.Targets([0, 1], Device.Cpu).ToArray<long>());
        Assert.Equal(new LossSize(2, 5, 3), rows.LossSize([0, 1]));
        Assert.Null(rows.Batch([0, 1], Device.Cpu).DecoderIds);
        var pooled = TokenizedRows.Create(s_pairs, rows.Examples, s_t5, 64);
        Assert.Throws<ArgumentException>(() => TokenizedRows.Join([(rows, [0]), (pooled, [0])], Device.Cpu));
    }

    [Fact]
    public void A_backbone_without_a_decoder_is_refused()
    {
        var error = Assert.Throws<GraftException>(() => new TextCodec(TextFormat.Of(s_pairs), s_t5, s_backbone with { ModelType = "bert", Decoder = null }));

        Assert.Contains("'bert' has no decoder", error.Message, StringComparison.Ordinal);
    }

    private static TextCodec Codec(TaskDefinition task) => new(TextFormat.Of(task), s_t5, s_backbone);
}
