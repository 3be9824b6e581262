using Graft.Torch;

namespace Graft.Backbones.Generation;

/// <summary>Writes texts token by token. Stateless.</summary>
internal static class TextSearch
{
    /// <summary>Writes one text for each row.</summary>
    /// <param name="scores">Where scores come from.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="tokens">The special tokens.</param>
    /// <param name="settings">How to write.</param>
    /// <param name="rng">The generator of draws; null when nothing is drawn.</param>
    public static GeneratedText[] Write(TokenScores scores, int rows, DecoderConfig tokens, GenerationSettings settings, Rng? rng) =>
        settings.Beams > 1 ? new BeamSearch(scores, rows, tokens, settings).Write() : OneByOne(scores, rows, tokens, settings, rng);

    /// <summary>log p of next tokens, in float32 or wider; the end has none while a text is too short for it.</summary>
    /// <param name="scores">[R, V], floating.</param>
    /// <param name="length">The number of the token that is looked for, from 1.</param>
    /// <param name="end">The end.</param>
    /// <param name="settings">How to write.</param>
    /// <returns>[R, V].</returns>
    public static Tensor LogProbabilities(Tensor scores, int length, int end, GenerationSettings settings)
    {
        var logs = (scores.DType == DType.Float64 ? scores : scores.To(DType.Float32)).LogSoftmax(-1);
        if (length <= settings.MinTokens)
        {
            logs.Narrow(1, end, 1).Fill_(double.NegativeInfinity);
        }

        return logs;
    }

    private static GeneratedText[] OneByOne(TokenScores scores, int rows, DecoderConfig tokens, GenerationSettings settings, Rng? rng)
    {
        var written = Enumerable.Range(0, rows).Select(_ => new List<int>()).ToArray();
        var (totals, ended) = (new double[rows], new bool[rows]);
        var same = Enumerable.Range(0, rows).Select(r => (long)r).ToArray();
        var ids = new long[rows];
        for (var length = 1; length <= settings.MaxTokens && ended.Contains(false); length++)
        {
            using var scope = new TensorScope();
            var logs = LogProbabilities(length == 1 ? scores.First() : scores.Next(ids, same), length, tokens.EndId, settings);
            var chosen = settings.Sample ? rng!.Multinomial(Warped(logs, settings).Softmax(-1), 1) : logs.ArgMax(-1, keep: true);
            var gained = logs.Gather(1, chosen).To(DType.Float64).To(Device.Cpu).Contiguous().ToArray<double>();
            ids = chosen.To(Device.Cpu).Contiguous().ToArray<long>();
            for (var r = 0; r < rows; r++)
            {
                if (ended[r])
                {
                    ids[r] = tokens.PadId;
                    continue;
                }

                totals[r] += gained[r];
                ended[r] = ids[r] == tokens.EndId;
                if (!ended[r])
                {
                    written[r].Add((int)ids[r]);
                }
            }
        }

        return [.. written.Select((text, r) =>
            new GeneratedText(text, totals[r] / Math.Pow(text.Count + (ended[r] ? 1 : 0), settings.LengthPenalty), ended[r]))];
    }

    /// <summary>Scores whose softmax is drawn from: by temperature, then the k likeliest, then those that reach p together.</summary>
    /// <param name="scores">[R, V].</param>
    /// <param name="settings">How to write.</param>
    /// <returns>[R, V]; -∞ at what is not drawn.</returns>
    internal static Tensor Warped(Tensor scores, GenerationSettings settings)
    {
        var tokens = scores.Size(1);
        scores /= settings.Temperature;
        if (settings.TopK is > 0 and var k && k < tokens)
        {
            scores = scores.MaskedFill(scores.Lt(scores.TopK(k, 1).Values.Narrow(1, k - 1, 1)), double.NegativeInfinity);
        }

        if (settings.TopP < 1)
        {
            var (sorted, order) = scores.Sort(1);
            var tail = sorted.Softmax(1).CumulativeSum(1).Le(1 - settings.TopP);
            tail.Narrow(1, tokens - 1, 1).Fill_(0);
            scores = scores.MaskedFill(tail.ZerosLike().Scatter_(1, order, tail), double.NegativeInfinity);
        }

        return scores;
    }
}
