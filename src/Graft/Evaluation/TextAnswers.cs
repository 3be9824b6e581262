using Graft.Backbones;
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
    /// Generates the answers of a batch greedily, rows of different tasks together. An answer has at least one token before its end and at most as
    /// many as the longest of its task; the start token counts among these, as in the authors' code, so that a longest label needs no end.
    /// </summary>
    /// <param name="backbone">The backbone.</param>
    /// <param name="input">The sources, [B, T].</param>
    /// <param name="rows">The rows.</param>
    /// <returns>The text of each row.</returns>
    public static string[] Generate(Backbone backbone, BackboneInput input, IReadOnlyList<TextRow> rows)
    {
        var ids = Greedy(backbone, input, rows, Math.Max(1, rows.Max(r => r.Head.Longest) - 1));

        // What a greedy decoder writes first does not depend on how much it may write after that.
        return [.. rows.Select((row, i) => row.Codec.Text(ids[i].Take(Math.Max(1, row.Head.Longest - 1))))];
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
        var scores = new List<Tensor>();
        foreach (var label in codec.Labels)
        {
            using var scope = new TensorScope();
            var read = Repeated([codec.Decoder.StartId, .. label[..^1]], rows.Count, backbone.Device);
            var logits = model.Forward(input with { DecoderIds = read }, adapters).Output.Logits!;
            var written = Repeated(label, rows.Count, backbone.Device);
            scores.Add(scope.Keep(logits.To(DType.Float32).LogSoftmax(-1).Gather(2, written.Unsqueeze(2)).Squeeze(2).Sum(1)));
        }

        var values = Tensor.Stack(scores, 1).Softmax(-1).To(Device.Cpu).Contiguous().ToArray<float>();
        return [.. values.Chunk(codec.Labels.Count)];
    }

    private static int[][] Greedy(Backbone backbone, BackboneInput input, IReadOnlyList<TextRow> rows, int most)
    {
        var model = new AdaptedModel(backbone);
        RowAdapter[] adapters = [.. rows.Select(r => r.Adapter)];
        var decoder = backbone.Config.Decoder!;
        var ids = rows.Select(_ => new List<int> { decoder.StartId }).ToArray();
        for (var step = 0; step < most && ids.Any(r => !r.Contains(decoder.EndId)); step++)
        {
            using var scope = new TensorScope();
            var read = PaddedBatch.Ids([.. ids.Select(r => r.ToArray())], 0).To(backbone.Device);
            var last = model.Forward(input with { DecoderIds = read }, adapters).Output.Logits!.Select(1, step).To(DType.Float32).To(Device.Cpu).Contiguous();
            var scores = last.ToArray<float>().Chunk((int)last.Size(1)).ToArray();
            for (var i = 0; i < ids.Length; i++)
            {
                scores[i][decoder.EndId] = step == 0 ? float.NegativeInfinity : scores[i][decoder.EndId];
                ids[i].Add(Array.IndexOf(scores[i], scores[i].Max()));
            }
        }

        return [.. ids.Select(r => r.Skip(1).ToArray())];
    }

    private static Tensor Repeated(int[] ids, int rows, Device device) => PaddedBatch.Ids([.. Enumerable.Repeat(ids, rows)], 0).To(device);
}
