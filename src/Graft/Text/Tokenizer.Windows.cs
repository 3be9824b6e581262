using Graft.Torch;

namespace Graft.Text;

/// <summary>A pair of texts of which the second is seen through a window. Immutable.</summary>
/// <param name="Encoding">The tokens: the first text, and the second's in the window; its <see cref="Encoding.TruncatedTokens"/> are those that the first lost.</param>
/// <param name="PairStart">The first token of the window.</param>
/// <param name="PairLength">The number of the window's tokens.</param>
public sealed record PairWindow(Encoding Encoding, int PairStart, int PairLength)
{
    /// <summary>[T] The place of each token in the second text, [Start, End) in UTF-16 units; null for tokens that are not of it.</summary>
    public IReadOnlyList<(int Start, int End)?> PairOffsets =>
        field ??= [.. Encoding.Offsets.Select((o, t) => t >= PairStart && t < PairStart + PairLength ? o : ((int, int)?)null)];
}

// Second texts that are longer than a model takes.
public sealed partial class Tokenizer
{
    /// <summary>
    /// Encodes pairs on all processors, in order, the second text of each in as many windows as it needs: each as long as the first text leaves room, and
    /// neighbours overlapping. Together the windows hold every token of the second text.
    /// </summary>
    /// <param name="rows">The pairs.</param>
    /// <param name="maxLength">The most tokens of a window with the first text and the special tokens. The first text keeps at most half of that.</param>
    /// <param name="overlap">The tokens that neighbouring windows share; at most half of what a window holds.</param>
    /// <returns>The windows of each pair, at least one.</returns>
    /// <exception cref="GraftException">The length leaves no room beside the special tokens, or a text holds something that the vocabulary cannot express.</exception>
    public IReadOnlyList<IReadOnlyList<PairWindow>> EncodeWindows(IReadOnlyList<(string Text, string Pair)> rows, int maxLength, int overlap)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(overlap);
        var room = maxLength - _postProcessor.AddedTokens(pair: true);
        return room >= 2
            ? OfEach<(string Text, string Pair), IReadOnlyList<PairWindow>>(rows, (workspace, row) => Windows(workspace, row.Text, row.Pair, room, overlap))
            : throw new GraftException($"A maximal length of {maxLength} tokens leaves no room for two texts and {maxLength - room} special tokens; raise it.");
    }

    private List<PairWindow> Windows(Workspace workspace, string text, string pair, int room, int overlap)
    {
        Tokenize(workspace, text, workspace.First, int.MaxValue);
        Tokenize(workspace, pair, workspace.Second, int.MaxValue);
        var (first, count) = (Math.Min(workspace.First.Count, room / 2), workspace.Second.Count);
        var whole = _postProcessor.Assemble(this, workspace.First, first, workspace.Second, count, addSpecialTokens: true, dropped: workspace.First.Count - first);
        var start = 0;
        foreach (var piece in _postProcessor.Pair.TakeWhile(p => p.Sequence != 1))
        {
            start += piece.Sequence == 0 ? first : piece.Ids.Count;
        }

        var size = room - first;
        var windows = new List<PairWindow>();
        for (var from = 0; ; from += size - Math.Min(overlap, size / 2))
        {
            var length = Math.Min(size, count - from);
            windows.Add(new PairWindow(
                new Encoding(
                    this, Cut(whole.Ids), Cut(whole.TypeIds), Cut(whole.Offsets), Cut(whole.SpecialTokensMask), [], whole.TruncatedTokens),
                start, length));
            if (from + length == count)
            {
                return windows;
            }

            T[] Cut<T>(T[] all) => [.. all[..start], .. all[(start + from)..(start + from + length)], .. all[(start + count)..]];
        }
    }
}
