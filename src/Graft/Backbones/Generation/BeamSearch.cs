using Graft.Torch;

namespace Graft.Backbones.Generation;

/// <summary>
/// Beam search as Hugging Face's transformers does it: each step looks at twice as many continuations as there are beams; an end among the
/// first of them makes a whole text, the others go on. Of a row's whole texts, as many as there are beams are kept, and the best is the answer.
/// </summary>
/// <param name="scores">Where scores come from.</param>
/// <param name="rows">The number of rows B.</param>
/// <param name="tokens">The special tokens.</param>
/// <param name="settings">How to write; at least two beams.</param>
internal sealed class BeamSearch(TokenScores scores, int rows, DecoderConfig tokens, GenerationSettings settings)
{
    private readonly int _beams = settings.Beams;
    private readonly WholeTexts[] _whole = [.. Enumerable.Range(0, rows).Select(_ => new WholeTexts(settings))];
    private int[][] _texts = [.. Enumerable.Repeat(Array.Empty<int>(), rows * settings.Beams)];
    private double[] _totals = new double[rows * settings.Beams];
    private long[] _origins = [];
    private long[] _ids = [];

    /// <summary>Writes one text for each row.</summary>
    public GeneratedText[] Write()
    {
        for (var length = 1; length <= settings.MaxTokens; length++)
        {
            var (gains, positions, vocabulary) = Continuations(length);
            Advance(length, gains, positions, vocabulary);
            if (Array.TrueForAll(_whole, w => w.IsDone))
            {
                break;
            }
        }

        for (var row = 0; row < rows; row++)
        {
            for (var beam = row * _beams; !_whole[row].IsDone && beam < (row + 1) * _beams; beam++)
            {
                _whole[row].Add(_texts[beam], _totals[beam], _texts[beam].Length, ended: false);
            }
        }

        return [.. _whole.Select(w => w.Best)];
    }

    /// <summary>The likeliest continuations of each row, twice as many as beams, the best first: totals, and places as beam times V plus token.</summary>
    private (double[] Totals, long[] Places, long Vocabulary) Continuations(int length)
    {
        using var scope = new TensorScope();
        var logs = TextSearch.LogProbabilities(
            length == 1 ? scores.First() : scores.Next(_ids, _origins), length, tokens.EndId, settings);
        var vocabulary = logs.Size(1);
        if (length == 1)
        {
            // All beams of a row are one before the first token.
            scores.Repeat(_beams);
        }
        else
        {
            logs = (logs + Tensor.From(_totals, _totals.Length, 1).To(logs.DType).To(logs.Device)).View(rows, _beams * vocabulary);
        }

        var (values, places) = logs.TopK(2 * _beams, 1);
        return (
            values.To(DType.Float64).To(Device.Cpu).Contiguous().ToArray<double>(), places.To(Device.Cpu).Contiguous().ToArray<long>(), vocabulary);
    }

    private void Advance(int length, double[] gains, long[] places, long vocabulary)
    {
        var count = rows * _beams;
        var (texts, totals) = (new int[count][], new double[count]);
        (_origins, _ids) = (new long[count], new long[count]);
        for (var row = 0; row < rows; row++)
        {
            var (first, next) = (row * _beams, row * _beams);
            for (var rank = 0; rank < 2 * _beams && next < first + _beams && !_whole[row].IsDone; rank++)
            {
                var at = (row * 2 * _beams) + rank;
                var (origin, token) = (first + (places[at] / vocabulary), (int)(places[at] % vocabulary));
                if (token != tokens.EndId)
                {
                    (texts[next], totals[next]) = ([.. _texts[origin], token], gains[at]);
                    (_origins[next], _ids[next]) = (origin, token);
                    next++;
                }
                else if (rank < _beams)
                {
                    _whole[row].Add(_texts[origin], gains[at], length, ended: true);
                }
            }

            // A row that is done goes along until the others are.
            for (; next < first + _beams; next++)
            {
                (texts[next], _origins[next], _ids[next]) = (_texts[next], next, tokens.PadId);
            }

            _whole[row].Finish(gains[row * 2 * _beams], length);
        }

        (_texts, _totals) = (texts, totals);
    }

    /// <summary>The whole texts of a row.</summary>
    private sealed class WholeTexts(GenerationSettings settings)
    {
        private readonly List<GeneratedText> _texts = [];

        public bool IsDone { get; private set; }

        public GeneratedText Best => _texts.MaxBy(t => t.Score)!;

        public void Add(int[] text, double total, int length, bool ended)
        {
            _texts.Add(new GeneratedText(text, Score(total, length), ended));
            if (_texts.Count > settings.Beams)
            {
                _texts.Remove(_texts.MinBy(t => t.Score)!);
            }
        }

        /// <summary>Ends the row if what its best open beam can reach is no better than its worst whole text.</summary>
        public void Finish(double bestTotal, int length)
        {
            if (IsDone || _texts.Count < settings.Beams)
            {
                return;
            }

            // Longer texts score better only where the penalty's exponent is positive.
            var reach = settings is { EarlyStopping: EarlyStopping.Never, LengthPenalty: > 0 } ? settings.MaxTokens : length;
            IsDone = settings.EarlyStopping == EarlyStopping.FirstTexts || _texts.Min(t => t.Score) >= Score(bestTotal, reach);
        }

        private double Score(double total, int length) => total / Math.Pow(length, settings.LengthPenalty);
    }
}
