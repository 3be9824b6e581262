using Graft.Backbones;
using Graft.Torch;
using Xunit;

namespace Graft.TestKit;

/// <summary>Seeded backbones of a few kilobytes, one per architecture, for tests that need a real forward pass but no real model.</summary>
public static class TinyBackbones
{
    public const int Vocabulary = 61;
    public const int Width = 16;
    public const int PadId = 1;

    public static TheoryData<string> Names => ["bert", "roberta"];

    /// <summary>What every method must work on: both encoders, and an encoder-decoder.</summary>
    public static TheoryData<string> ForMethods => ["bert", "roberta", "t5-v1.1"];

    /// <summary>T5 with a plain feed-forward and a tied head, and with a gated one, a head of its own and heads wider than the model.</summary>
    public static TheoryData<string> TextToText => ["t5", "t5-v1.1"];

    public static Backbone Create(string name, DType dtype = DType.Float32, double dropout = 0, int layers = 2)
    {
        using var rng = new Rng(7, Device.Cpu);
        var source = new WeightSource(
            (key, shape) => key.Contains("LayerNorm.weight", StringComparison.Ordinal) || key.EndsWith("layer_norm.weight", StringComparison.Ordinal)
                ? rng.Uniform(shape, 0.8, 1.2)
                : rng.Normal(shape, 0, key.Contains("embeddings", StringComparison.Ordinal) || key == "shared.weight" ? 1 : 0.2),
            dtype);
        if (name.StartsWith("t5", StringComparison.Ordinal))
        {
            return T5(name == "t5-v1.1", layers, dropout, source);
        }

        var config = new BackboneConfig(name, Width, layers, 4, 32, Vocabulary, 30);
        var encoder = new BertConfig(32, name == "roberta" ? 1 : 2, 1e-12, dropout, dropout, "gelu", name == "roberta" ? PadId : 0);
        return name switch
        {
            "bert" => new Bert(config, encoder, source),
            "roberta" => new Roberta(config, encoder, source),
            _ => throw new ArgumentOutOfRangeException(nameof(name), name, "No such tiny backbone."),
        };
    }

    private static T5 T5(bool gated, int layers, double dropout, WeightSource source) => new(
        new BackboneConfig("t5", Width, layers, 4, 32, Vocabulary, int.MaxValue)
        {
            HeadSize = gated ? 6 : 4,
            Decoder = new DecoderConfig(layers, StartId: 0, EndId: PadId, PadId: 0),
        },
        new T5Config(Buckets: 8, Furthest: 16, Dropout: dropout, Activation: gated ? "gelu_new" : "relu", Gated: gated, TiedHead: !gated), source);

    /// <summary>A batch with rows of different lengths, padded.</summary>
    public static BackboneInput Batch(int seed, params int[] lengths)
    {
        var random = new Random(seed);
        var longest = lengths.Max();
        var ids = new long[lengths.Length * longest];
        var mask = new float[ids.Length];
        for (var row = 0; row < lengths.Length; row++)
        {
            for (var t = 0; t < longest; t++)
            {
                var real = t < lengths[row];
                ids[(row * longest) + t] = real ? random.Next(2, Vocabulary) : PadId;
                mask[(row * longest) + t] = real ? 1 : 0;
            }
        }

        return new BackboneInput(
            Tensor.From(ids, lengths.Length, longest),
            lengths.All(l => l == longest) ? null : Tensor.From(mask, lengths.Length, longest));
    }

    /// <summary>The batch with three ids of each row for the decoder, where the backbone has one.</summary>
    public static BackboneInput Whole(Backbone backbone, BackboneInput batch) =>
        backbone.Config.Decoder is null || batch.DecoderIds is not null ? batch : batch with { DecoderIds = batch.InputIds.Narrow(1, 0, 3) };

    /// <summary>Every last state, [B, S + T, W]: the decoder's, where one ran, in front of the text's.</summary>
    public static Tensor States(BackboneOutput output) =>
        output.Decoded is { } decoded ? Tensor.Cat([decoded, output.LastHiddenState], 1) : output.LastHiddenState;

    /// <summary>The rows <paramref name="start"/> to <paramref name="start"/> + <paramref name="count"/> of a batch.</summary>
    public static BackboneInput Rows(BackboneInput batch, int start, int count) =>
        new(batch.InputIds.Narrow(0, start, count), batch.Mask?.Narrow(0, start, count));

    /// <summary>The mean of a text's hidden states over its real tokens, [B, W].</summary>
    public static Tensor MeanPool(Tensor hidden, Tensor? mask)
    {
        if (mask is null)
        {
            return hidden.Mean(1);
        }

        var weights = mask.To(hidden.DType).Unsqueeze(2);
        return (hidden * weights).Sum(1) / weights.Sum(1);
    }
}
