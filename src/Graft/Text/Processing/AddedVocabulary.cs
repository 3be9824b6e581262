using System.Buffers;
using Graft.Text.Models;
using Graft.Text.Normalizers;
using Graft.Text.PreTokenizers;
using Graft.Text.Unicode;

namespace Graft.Text.Processing;

/// <summary>A token found in the text before the model sees it.</summary>
internal sealed record AddedToken(string Content, bool SingleWord, bool StripLeft, bool StripRight, bool Normalized, bool Special);

/// <summary>
/// The added tokens of a file. Those that are not normalised are cut out of the original text, the others out of the normalised one;
/// among several the leftmost and then the longest wins. Thread contract: immutable.
/// </summary>
internal sealed class AddedVocabulary
{
    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);
    private readonly Dictionary<int, AddedToken> _tokens = [];
    private readonly Dictionary<int, string> _normalForms = [];
    private readonly HashSet<string> _special = new(StringComparer.Ordinal);
    private readonly Matcher? _raw;
    private readonly Matcher? _normalized;

    public AddedVocabulary(IEnumerable<AddedToken> tokens, Vocabulary vocabulary, Normalizer? normalizer)
    {
        var next = vocabulary.Count;
        foreach (var token in tokens)
        {
            if (token.Content.Length == 0 || (_ids.TryGetValue(token.Content, out var known) && _tokens[known] == token))
            {
                continue;
            }

            var id = _ids.GetValueOrDefault(token.Content, -1);
            id = id >= 0 ? id : vocabulary.IdOf(token.Content);
            id = id >= 0 ? id : next++;
            if (token.Normalized && normalizer?.Apply(token.Content) is { } form && form != token.Content)
            {
                _normalForms[id] = form;
            }

            _ids[token.Content] = id;
            _tokens[id] = token;
            if (token.Special)
            {
                _special.Add(token.Content);
            }
        }

        _raw = Matcher.Of(_tokens.Where(t => !t.Value.Normalized).Select(t => (t.Value.Content, t.Key)));
        _normalized = Matcher.Of(_tokens.Where(t => t.Value.Normalized).Select(t => (_normalForms.GetValueOrDefault(t.Key, t.Value.Content), t.Key)));
    }

    public IReadOnlyDictionary<string, int> Ids => _ids;

    public int IdOf(string token) => _ids.GetValueOrDefault(token, -1);

    public string? TokenOf(int id) => _tokens.TryGetValue(id, out var token) ? token.Content : null;

    /// <summary>The text that decoding starts from: the normal form where the token is matched in normalised text.</summary>
    public string? DecodedTokenOf(int id) => _normalForms.GetValueOrDefault(id) ?? TokenOf(id);

    public bool IsSpecial(string token) => _special.Contains(token);

    /// <summary>Fills <paramref name="output"/> with the normalised text, cut at the added tokens.</summary>
    public void Extract(string text, Normalizer? normalizer, SplitText output, AlignedText scratch)
    {
        output.Clear();
        if (_raw is null)
        {
            Normalize(text.AsSpan(), 0, normalizer, output, scratch);
            return;
        }

        var done = 0;
        for (var from = 0; _raw.Find(text, from) is var (id, start, length); from = start + length)
        {
            if (!Widen(text, id, start, length, done, out var begin, out var end))
            {
                continue;
            }

            Normalize(text.AsSpan(done, Math.Max(begin - done, 0)), done, normalizer, output, scratch);
            var at = output.Text.Length;
            output.Text.Append(text.AsSpan(begin, end - begin), begin);
            output.Add(at, output.Text.Length, id);
            done = end;
        }

        Normalize(text.AsSpan(done), done, normalizer, output, scratch);
    }

    private void Normalize(ReadOnlySpan<char> source, int origin, Normalizer? normalizer, SplitText output, AlignedText scratch)
    {
        if (source.IsEmpty)
        {
            return;
        }

        var at = output.Text.Length;
        if (normalizer is null)
        {
            output.Text.Append(source, origin);
        }
        else
        {
            scratch.Load(source, origin);
            normalizer.Apply(scratch);
            output.Text.Append(scratch);
        }

        if (_normalized is null)
        {
            output.Add(at, output.Text.Length);
            return;
        }

        var text = output.Text.Chars[at..];
        var done = 0;
        for (var from = 0; _normalized.Find(text, from) is var (id, start, length); from = start + length)
        {
            if (!Widen(text, id, start, length, done, out var begin, out var end))
            {
                continue;
            }

            output.Add(at + done, at + begin);
            output.Add(at + begin, at + end, id);
            done = end;
        }

        output.Add(at + done, at + text.Length);
    }

    /// <summary>Applies the token's own rules to a match: whole words only, white space taken along. False when the match does not count.</summary>
    private bool Widen(ReadOnlySpan<char> text, int id, int start, int length, int done, out int begin, out int end)
    {
        (begin, end) = (start, start + length);
        var token = _tokens[id];
        if (token.SingleWord
            && ((begin > 0 && UnicodeData.Has(CodePointBefore(text, begin), CharTraits.Word))
                || (end < text.Length && UnicodeData.Has(CodePointAt(text, end), CharTraits.Word))))
        {
            return false;
        }

        if (token.StripLeft)
        {
            var left = begin;
            while (left > 0 && UnicodeData.Has(text[left - 1], CharTraits.Whitespace))
            {
                left--;
            }

            begin = Math.Max(left, done);
        }

        while (token.StripRight && end < text.Length && UnicodeData.Has(text[end], CharTraits.Whitespace))
        {
            end++;
        }

        return true;
    }

    private static int CodePointAt(ReadOnlySpan<char> text, int index) =>
        System.Text.Rune.DecodeFromUtf16(text[index..], out var rune, out _) == OperationStatus.Done ? rune.Value : UnicodeData.Replacement;

    private static int CodePointBefore(ReadOnlySpan<char> text, int index) =>
        System.Text.Rune.DecodeLastFromUtf16(text[..index], out var rune, out _) == OperationStatus.Done ? rune.Value : UnicodeData.Replacement;

    private sealed class Matcher
    {
        private readonly CharTrie _trie = new();
        private readonly SearchValues<char> _first;

        private Matcher(IReadOnlyList<(string Content, int Id)> tokens)
        {
            foreach (var (content, id) in tokens)
            {
                _trie.Add(content, id);
            }

            _trie.Seal();
            _first = SearchValues.Create([.. tokens.Select(t => t.Content[0]).Distinct()]);
        }

        public static Matcher? Of(IEnumerable<(string Content, int Id)> tokens)
        {
            var list = tokens.Where(t => t.Content.Length > 0).ToList();
            return list.Count == 0 ? null : new Matcher(list);
        }

        public (int Id, int Start, int Length)? Find(ReadOnlySpan<char> text, int from)
        {
            while (from < text.Length)
            {
                var offset = text[from..].IndexOfAny(_first);
                if (offset < 0)
                {
                    break;
                }

                from += offset;
                var (id, length) = _trie.Longest(text[from..]);
                if (id >= 0)
                {
                    return (id, from, length);
                }

                from++;
            }

            return null;
        }
    }
}
