using Graft.Text.Normalizers;
using Graft.Text.PreTokenizers;

namespace Graft.Text.Making;

/// <summary>Counts the words of texts as BERT's tokenizer sees them: cleaned, lowered where it is uncased, cut at white space and punctuation. One thread.</summary>
/// <param name="lowercase">Whether capitals count as small letters; accents go with the case.</param>
internal sealed class WordCounts(bool lowercase)
{
    // What is longer is unknown to WordPiece in any case.
    private const int LongestWord = 100;

    private readonly BertNormalizer _normalizer = new(cleanText: true, spaceChinese: true, stripAccents: lowercase, lowercase);
    private readonly BertPreTokenizer _preTokenizer = new();
    private readonly Dictionary<string, long> _counts = new(StringComparer.Ordinal);
    private readonly SplitText _split = new();
    private readonly AlignedText _scratch = new();

    /// <summary>The words and how often they came.</summary>
    public IReadOnlyDictionary<string, long> Counts => _counts;

    /// <summary>Counts the words of a text.</summary>
    /// <param name="text">The text.</param>
    public void Add(string text)
    {
        _split.Clear();
        _scratch.Clear();
        _scratch.Load(text, 0);
        _normalizer.Apply(_scratch);
        _split.Text.Append(_scratch);
        _split.Add(0, _split.Text.Length);
        _preTokenizer.Split(_split);
        var known = _counts.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (var part in _split.Parts)
        {
            if (part.Length <= LongestWord)
            {
                var word = _split.CharsOf(part);
                known.TryGetValue(word, out var count);
                known[word] = count + 1;
            }
        }
    }
}
