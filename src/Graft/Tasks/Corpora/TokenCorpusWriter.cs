using System.Runtime.InteropServices;
using Graft.Text;
using Graft.Torch;

namespace Graft.Tasks.Corpora;

/// <summary>Makes the tokens of texts and writes them as a file for <see cref="TokenCorpus"/>. Thread contract: one thread, beside the tokenizer's own.</summary>
/// <param name="tokenizer">The model's tokenizer.</param>
/// <param name="unit">What an item is.</param>
/// <param name="maxTokens">The most tokens of an item, special ones included.</param>
/// <param name="corruption">How items will be spoilt: those of which nothing can be taken out are left out; null to keep all.</param>
internal sealed class TokenCorpusWriter(Tokenizer tokenizer, TextUnit unit, int maxTokens, ICorruption? corruption = null)
{
    // Enough texts to keep all processors busy, few enough to stay small in memory.
    private const int TextsAtOnce = 4096;
    private const int CharactersAtOnce = 4 << 20;

    private readonly List<int> _lengths = [];
    private readonly List<int> _seconds = [];
    private readonly List<int> _places = [];
    private readonly List<int> _open = [];
    private (int File, int Line) _openAt;
    private int[] _before = [];
    private int[] _after = [];
    private int _room;
    private int _cut;
    private int _unknown;

    /// <summary>Reads all texts and writes their tokens.</summary>
    /// <param name="path">The file; an existing one is replaced.</param>
    /// <param name="identity">What the tokens are made of.</param>
    /// <param name="texts">The texts.</param>
    /// <param name="files">The names of their files.</param>
    /// <param name="progress">Told the number of texts read; null for nobody.</param>
    /// <param name="cancellation">Stops between texts.</param>
    /// <exception cref="GraftException">A text cannot be read, there is none, or the file cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public void Write(
        string path, string identity, IEnumerable<CorpusText> texts, IReadOnlyList<string> files, Action<long>? progress = null, CancellationToken cancellation = default)
    {
        FindFrame();
        AtomicFile.Write(path, stream =>
        {
            using var writer = new BinaryWriter(stream, System.Text.Encoding.UTF8, leaveOpen: true);
            writer.Write(TokenCorpus.Magic);
            writer.Write(identity);
            var place = stream.Position;
            writer.Write(0L);
            WriteItems(stream, texts, progress, cancellation);
            var end = stream.Position;
            writer.Write(_lengths.Count);
            writer.Write(_cut);
            writer.Write(_unknown);
            foreach (var numbers in new[] { _lengths, _seconds, _places })
            {
                stream.Write(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(numbers)));
            }

            writer.Write(files.Count);
            foreach (var file in files)
            {
                writer.Write(file);
            }

            stream.Position = place;
            writer.Write(end);
            stream.Position = stream.Length;
        });
    }

    private void WriteItems(Stream stream, IEnumerable<CorpusText> texts, Action<long>? progress, CancellationToken cancellation)
    {
        List<CorpusText> batch = [];
        var (characters, read) = (0L, 0L);
        foreach (var text in texts)
        {
            batch.Add(text);
            characters += text.Text.Length + (text.Pair?.Length ?? 0);
            if (batch.Count == TextsAtOnce || characters > CharactersAtOnce)
            {
                cancellation.ThrowIfCancellationRequested();
                Add(stream, batch);
                progress?.Invoke(read += batch.Count);
                batch.Clear();
                characters = 0;
            }
        }

        Add(stream, batch);
        if (_open.Count > 0)
        {
            Put(stream, CollectionsMarshal.AsSpan(_open), _openAt);
        }

        if (_lengths.Count == 0)
        {
            throw new GraftException(_unknown > 0
                ? $"None of the {_unknown} texts has a token that the backbone's tokenizer knows; name other texts, or choose a backbone of their language."
                : "The texts hold no token; name files with text.");
        }
    }

    private void Add(Stream stream, List<CorpusText> texts)
    {
        var encodings = tokenizer.EncodeBatch([.. texts.Select(t => (t.Text, t.Pair))], unit == TextUnit.Line ? maxTokens : null);
        foreach (var (text, encoding) in texts.Zip(encodings))
        {
            if (unit == TextUnit.Line)
            {
                _cut += encoding.TruncatedTokens > 0 ? 1 : 0;
                PutWhole(stream, encoding.Ids, Math.Max(0, Array.IndexOf(encoding.TypeIds, 1)), (text.File, text.Line));
                continue;
            }

            var body = encoding.Ids.Where((_, t) => !encoding.SpecialTokensMask[t]).ToArray().AsSpan();
            if (unit == TextUnit.Document)
            {
                for (var at = 0; at < body.Length; at += _room)
                {
                    Put(stream, body.Slice(at, Math.Min(_room, body.Length - at)), (text.File, text.Line));
                }

                continue;
            }

            Pack(stream, body, (text.File, text.Line), text.GoesOn);
        }
    }

    private void Pack(Stream stream, ReadOnlySpan<int> body, (int File, int Line) place, bool goesOn)
    {
        if (!goesOn && body.Length > 0 && _open.Count > 0 && _open.Count < _room && _after.Length > 0)
        {
            _open.Add(_after[^1]);
        }

        foreach (var id in body)
        {
            if (_open.Count == _room)
            {
                Put(stream, CollectionsMarshal.AsSpan(_open), _openAt);
                _open.Clear();
            }

            _openAt = _open.Count == 0 ? place : _openAt;
            _open.Add(id);
        }
    }

    private void Put(Stream stream, ReadOnlySpan<int> body, (int File, int Line) place) => PutWhole(stream, [.. _before, .. body, .. _after], 0, place);

    private void PutWhole(Stream stream, int[] ids, int second, (int File, int Line) place)
    {
        if (ids.Length <= _before.Length + _after.Length)
        {
            return;
        }

        if (corruption?.CanSpoil(ids) == false)
        {
            _unknown++;
            return;
        }

        stream.Write(MemoryMarshal.AsBytes(ids.AsSpan()));
        _lengths.Add(ids.Length);
        _seconds.Add(second);
        _places.Add(place.File);
        _places.Add(place.Line);
    }

    /// <summary>Finds the special tokens that stand before and behind a text.</summary>
    private void FindFrame()
    {
        var encoding = tokenizer.Encode("a");
        var first = Array.IndexOf(encoding.SpecialTokensMask, false);
        var last = Array.LastIndexOf(encoding.SpecialTokensMask, false);
        (_before, _after) = (encoding.Ids[..Math.Max(0, first)], encoding.Ids[(last + 1)..]);
        _room = maxTokens - _before.Length - _after.Length;
        if (_room < 1)
        {
            throw new GraftException($"{maxTokens} tokens an item leave no room for text beside the special ones; give a larger --max-tokens.");
        }
    }
}
