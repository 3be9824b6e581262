using Graft.Backbones;
using Graft.Backbones.Generation;
using Graft.Methods.Core;
using Graft.Tasks.Batches;
using Graft.Tasks.Heads;
using Graft.Tasks.TextToText;
using Graft.Torch;

namespace Graft.Evaluation;

/// <summary>A row of a batch whose task has a text head.</summary>
/// <param name="Adapter">What the row uses.</param>
/// <param name="Head">The head of its task.</param>
/// <param name="Codec">The texts of its task.</param>
internal readonly record struct TextRow(RowAdapter Adapter, TextHeadConfig Head, TextCodec Codec);

/// <summary>What the decoder of a backbone answers: the text that it writes, and how probable the texts of labels are. Stateless and thread-safe.</summary>
internal static class TextAnswers
{
    /// <summary>
    /// Writes the answers of a batch, rows of different tasks together. An answer has at least one token before its end and at most as many as
    /// the longest of its task; the start token counts among these, as in the authors' code, so that a longest label needs no end.
    /// </summary>
    /// <param name="backbone">The backbone.</param>
    /// <param name="input">The sources, [B, T].</param>
    /// <param name="rows">The rows.</param>
    /// <returns>The text of each row.</returns>
    public static string[] Generate(Backbone backbone, BackboneInput input, IReadOnlyList<TextRow> rows)
    {
        var (model, texts) = (new AdaptedModel(backbone), new string[rows.Count]);

        // What is written greedily does not depend on how much may follow, so that rows of any length go together; beams compare whole texts.
        foreach (var group in Enumerable.Range(0, rows.Count).GroupBy(i => rows[i].Head is { Beams: > 1 } head ? (head.Beams, head.Longest) : (Beams: 1, Longest: 0)))
        {
            var members = group.ToArray();
            var settings = new GenerationSettings { MinTokens = 1, MaxTokens = members.Max(i => Most(rows[i])), Beams = group.Key.Beams };
            var written = model.Generate(PaddedBatch.Rows(input, members), [.. members.Select(i => rows[i].Adapter)], settings);
            for (var i = 0; i < members.Length; i++)
            {
                var row = rows[members[i]];
                texts[members[i]] = row.Codec.Text(written[i].Ids.Take(Most(row)));
            }
        }

        return texts;

        static int Most(TextRow row) => Math.Max(1, row.Head.Longest - 1);
    }

    /// <summary>
    /// The probabilities of a task's labels: those of their texts with their ends under the decoder, divided by their sum.
    /// </summary>
    /// <param name="backbone">The backbone.</param>
    /// <param name="input">The sources, [B, T].</param>
    /// <param name="rows">The rows, all of one task that is a classification.</param>
    /// <returns>Per row the probability of each label.</returns>
    public static float[][] Probabilities(Backbone backbone, BackboneInput input, IReadOnlyList<TextRow> rows)
    {
        var (model, codec) = (new AdaptedModel(backbone), rows[0].Codec);
        RowAdapter[] adapters = [.. rows.Select(r => r.Adapter)];
        var encoded = model.Forward(input, adapters).Output.Encoded;
        var scores = new List<Tensor>();
        foreach (var label in codec.Labels)
        {
            using var scope = new TensorScope();
            var read = Repeated([codec.Decoder.StartId, .. label[..^1]], rows.Count, backbone.Device);
            var logits = model.Forward(input with { DecoderIds = read, Encoded = encoded }, adapters).Output.Logits!;
            var written = Repeated(label, rows.Count, backbone.Device);
            scores.Add(scope.Keep(logits.To(DType.Float32).LogSoftmax(-1).Gather(2, written.Unsqueeze(2)).Squeeze(2).Sum(1)));
        }

        var values = Tensor.Stack(scores, 1).Softmax(-1).To(Device.Cpu).Contiguous().ToArray<float>();
        return [.. values.Chunk(codec.Labels.Count)];
    }

    private static Tensor Repeated(int[] ids, int rows, Device device) => PaddedBatch.Ids([.. Enumerable.Repeat(ids, rows)], 0).To(device);
}
