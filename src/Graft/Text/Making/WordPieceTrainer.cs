using System.Text;

namespace Graft.Text.Making;

/// <summary>
/// Makes a WordPiece vocabulary as Hugging Face's WordPieceTrainer does: words begin as single characters, those behind the first with <c>##</c> in front,
/// and the two neighbours that come together most often become one piece, until the vocabulary is full. Of pairs that come as often the one whose pieces
/// were made first is taken, so that the same words give the same vocabulary. Source: Sennrich et al. 2016 (arXiv 1508.07909), algorithm 1; tokenizers,
/// models/bpe/trainer.rs. Stateless.
/// </summary>
internal static class WordPieceTrainer
{
    /// <summary>What stands in front of a piece that goes on with a word.</summary>
    public const string Continues = "##";

    /// <summary>The special tokens of BERT, in the order of their ids.</summary>
    public static IReadOnlyList<string> Special { get; } = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

    /// <summary>Makes a vocabulary.</summary>
    /// <param name="words">The words and how often they come.</param>
    /// <param name="size">The most tokens, special ones included.</param>
    /// <param name="alphabet">The most different characters; the rarest are left out, and words with them become unknown.</param>
    /// <param name="least">How often a pair has to come to become a piece.</param>
    /// <param name="cancellation">Stops between two pieces.</param>
    /// <returns>The tokens in the order of their ids.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static IReadOnlyList<string> Train(
        IReadOnlyDictionary<string, long> words, int size, int alphabet = 1000, long least = 2, CancellationToken cancellation = default)
    {
        var tokens = new Pieces(Special);
        var characters = new Dictionary<Rune, long>();
        foreach (var (word, count) in words)
        {
            foreach (var rune in word.EnumerateRunes())
            {
                characters[rune] = characters.GetValueOrDefault(rune) + count;
            }
        }

        var kept = characters.OrderByDescending(c => c.Value).ThenBy(c => c.Key.Value).Take(Math.Min(alphabet, Math.Max(0, size - tokens.Count))).Select(c => c.Key).ToHashSet();
        foreach (var rune in kept.OrderBy(r => r.Value))
        {
            tokens.IdOf(rune.ToString());
        }

        // In an order of their own, as dictionaries have none to rely on.
        var merging = new PairMerging(words.OrderBy(w => w.Key, StringComparer.Ordinal)
            .Where(w => w.Key.EnumerateRunes().All(kept.Contains))
            .Select(w => (w.Key.EnumerateRunes().Select((rune, at) => tokens.IdOf(at == 0 ? rune.ToString() : Continues + rune)).ToArray(), w.Value)));
        while (tokens.Count < size && merging.Next(least) is var (left, right))
        {
            cancellation.ThrowIfCancellationRequested();
            merging.Merge((left, right), tokens.IdOf(tokens.All[left] + tokens.All[right][Continues.Length..]));
        }

        return tokens.All.Count <= size ? tokens.All : [.. tokens.All.Take(size)];
    }

    private sealed class Pieces
    {
        private readonly List<string> _all = [];
        private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);

        public Pieces(IEnumerable<string> first)
        {
            foreach (var token in first)
            {
                IdOf(token);
            }
        }

        public IReadOnlyList<string> All => _all;

        public int Count => _all.Count;

        public int IdOf(string token)
        {
            if (!_ids.TryGetValue(token, out var id))
            {
                _ids.Add(token, id = _all.Count);
                _all.Add(token);
            }

            return id;
        }
    }
}
