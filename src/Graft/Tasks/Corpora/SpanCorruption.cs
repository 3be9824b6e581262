using Graft.Text;
using Graft.Torch;

namespace Graft.Tasks.Corpora;

/// <summary>
/// Takes spans of tokens out as T5's pretraining does: a share of the tokens, in spans of a mean length whose places and lengths are random, is
/// replaced by a placeholder a span; the model writes each placeholder and what stood there. For a text of n tokens, round(n × share) go (at least 1, at
/// most n - 1) in round(that / mean length) spans, what stays and what goes is each cut at random, and a text begins with what stays. Sources: Raffel et
/// al. 2020, section 3.1.4; t5/data/preprocessors.py, random_spans_noise_mask. Immutable and thread-safe.
/// </summary>
internal sealed class SpanCorruption : ICorruption
{
    private readonly double _share;
    private readonly double _meanLength;
    private readonly int _end;
    private readonly int[] _placeholders;

    /// <summary>Prepares corruption.</summary>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="share">The share of tokens that is taken out.</param>
    /// <param name="meanLength">The mean length of a span, at least 1.</param>
    /// <exception cref="GraftException">The tokenizer has no placeholders.</exception>
    public SpanCorruption(Tokenizer tokenizer, double share = 0.15, double meanLength = 3)
    {
        (_share, _meanLength) = (share, meanLength);
        _placeholders = [.. Enumerable.Range(0, int.MaxValue).Select(n => tokenizer.TokenToId($"<extra_id_{n}>")).TakeWhile(id => id is not null).Select(id => id!.Value)];
        _end = tokenizer.SepId ?? -1;
        if (_placeholders.Length == 0 || _end < 0)
        {
            throw new GraftException(
                "The backbone's tokenizer has no <extra_id_0> or no </s>, which mark what is taken out of a text; choose a T5 whose tokenizer has them (tokenizer_config.json: extra_ids).");
        }
    }

    /// <inheritdoc/>
    public bool CanSpoil(ReadOnlySpan<int> ids) => true;

    /// <inheritdoc/>
    public CorruptedItem Corrupt(CorpusItem item, SeededDraws draws)
    {
        ReadOnlySpan<int> text = item.Ids is [.., var last] && last == _end ? item.Ids.AsSpan(0, item.Ids.Length - 1) : item.Ids;
        if (text.Length < 2)
        {
            // Nothing can go and something stay.
            return new CorruptedItem([.. text, _placeholders[0], _end], new int[text.Length + 2], [], [_placeholders[0], _end]);
        }

        var gone = Math.Clamp((int)Math.Round(text.Length * _share, MidpointRounding.ToEven), 1, text.Length - 1);
        var spans = Math.Clamp((int)Math.Round(gone / _meanLength, MidpointRounding.ToEven), 1, Math.Min(_placeholders.Length, Math.Min(gone, text.Length - gone)));
        var goes = Segments(gone, spans, draws);
        var stays = Segments(text.Length - gone, spans, draws);
        List<int> source = [];
        List<int> target = [];
        var at = 0;
        for (var span = 0; span < spans; span++)
        {
            source.AddRange(text.Slice(at, stays[span]));
            source.Add(_placeholders[span]);
            target.Add(_placeholders[span]);
            target.AddRange(text.Slice(at + stays[span], goes[span]));
            at += stays[span] + goes[span];
        }

        return new CorruptedItem([.. source, _end], new int[source.Count + 1], [], [.. target, _end]);
    }

    /// <summary>Lengths of so many parts of a whole, each at least 1; every way to cut it is as likely.</summary>
    private static int[] Segments(int whole, int parts, SeededDraws draws)
    {
        // The first (parts - 1) of a shuffle of the whole - 1 places between two tokens.
        var places = Enumerable.Range(1, whole - 1).ToArray();
        for (var i = 0; i < parts - 1; i++)
        {
            var other = i + draws.Below(places.Length - i);
            (places[i], places[other]) = (places[other], places[i]);
        }

        int[] cuts = [0, .. places.Take(parts - 1).Order(), whole];
        return [.. Enumerable.Range(0, parts).Select(i => cuts[i + 1] - cuts[i])];
    }
}
