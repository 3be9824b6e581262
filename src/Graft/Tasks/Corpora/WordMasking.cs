using Graft.Text;
using Graft.Torch;

namespace Graft.Tasks.Corpora;

/// <summary>
/// Masks tokens as BERT's pretraining does: each token that is not special is chosen with a probability, and of the chosen 80 % become the mask token,
/// 10 % a token drawn uniformly from the whole vocabulary, 10 % stay; the model predicts what the chosen ones were. With whole words, all tokens of a
/// word are chosen or none. Sources: Devlin et al. 2019, section 3.1; Hugging Face's DataCollatorForLanguageModeling; shared/specs/unipelt.md 4.
/// Immutable and thread-safe.
/// </summary>
internal sealed class WordMasking : ICorruption
{
    private const double Masked = 0.8;
    private const double Replaced = 0.9;

    private readonly double _share;
    private readonly bool[] _special;
    private readonly bool[]? _continues;
    private readonly bool[]? _ends;
    private readonly int _mask;
    private readonly int _words;

    /// <summary>Prepares masking.</summary>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="vocabulary">The rows of the model's word embedding.</param>
    /// <param name="share">The probability with which a token is chosen.</param>
    /// <param name="wholeWords">Whether the tokens of a word are chosen together.</param>
    /// <exception cref="GraftException">The tokenizer has no mask token.</exception>
    public WordMasking(Tokenizer tokenizer, int vocabulary, double share = 0.15, bool wholeWords = false)
    {
        _share = share;
        _mask = tokenizer.MaskId ?? throw new GraftException(
            "The backbone's tokenizer has no [MASK] or <mask>, which masked words need; choose a BERT or RoBERTa model.");
        _words = Math.Min(tokenizer.VocabularySize, vocabulary);
        _special = new bool[Math.Max(tokenizer.VocabularySize, vocabulary)];
        foreach (var id in new[] { tokenizer.PadId, tokenizer.UnkId, tokenizer.ClsId, tokenizer.SepId, tokenizer.MaskId })
        {
            if (id is { } known)
            {
                _special[known] = true;
            }
        }

        (_continues, _ends) = wholeWords ? Words(tokenizer, _special) : default;
    }

    /// <inheritdoc/>
    public bool CanSpoil(ReadOnlySpan<int> ids)
    {
        foreach (var id in ids)
        {
            if (!_special[id])
            {
                return true;
            }
        }

        return false;
    }

    /// <inheritdoc/>
    public CorruptedItem Corrupt(CorpusItem item, SeededDraws draws)
    {
        var ids = item.Ids;
        int[] input = [.. ids];
        List<int> positions = [];
        var chosen = false;
        for (var t = 0; t < ids.Length; t++)
        {
            if (_special[ids[t]])
            {
                chosen = false;
                continue;
            }

            // A word goes on only behind a token of its own: behind a special one or white space it begins.
            if (_continues is null || !_continues[ids[t]] || t == 0 || _special[ids[t - 1]] || _ends![ids[t - 1]])
            {
                chosen = draws.Unit() < _share;
            }

            if (chosen)
            {
                positions.Add(t);
                var fate = draws.Unit();
                input[t] = fate < Masked ? _mask : fate < Replaced ? draws.Below(_words) : ids[t];
            }
        }

        return new CorruptedItem(input, item.Segments, [.. positions], [.. positions.Select(t => ids[t])]);
    }

    /// <summary>
    /// Which tokens go on with the word of the token before, and behind which a word ends whatever follows: WordPiece marks what goes on, the other kinds of
    /// tokens mark what begins a word, and byte-level ones write line feed, carriage return and tab as the letters Ċ, č and ĉ.
    /// </summary>
    private static (bool[] Continues, bool[] Ends) Words(Tokenizer tokenizer, bool[] special)
    {
        const string BreaksAsLetters = "Ċčĉ";
        string[] tokens = [.. Enumerable.Range(0, special.Length).Select(id => tokenizer.IdToToken(id) ?? "")];
        var marksBegin = new[] { '▁', 'Ġ' }.Where(mark => tokens.Any(t => t.StartsWith(mark))).ToList();
        if (marksBegin.Count == 0 || tokens.Any(t => t.StartsWith("##", StringComparison.Ordinal) && t.Length > 2))
        {
            return ([.. tokens.Select(t => t.StartsWith("##", StringComparison.Ordinal) && t.Length > 2)], new bool[tokens.Length]);
        }

        var breaks = marksBegin.Contains('Ġ') ? BreaksAsLetters : "";
        return ([.. tokens.Select((t, id) => !special[id] && t.Length > 0 && !marksBegin.Contains(t[0]) && !breaks.Contains(t[0]))],
            [.. tokens.Select(t => t.Length > 0 && breaks.Contains(t[^1]))]);
    }
}
