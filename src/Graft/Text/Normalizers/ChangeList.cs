using System.Runtime.CompilerServices;

namespace Graft.Text.Normalizers;

/// <summary>
/// The result of a reshaping normalizer, code point by code point: a change of 0 stands for the next present code point, 1 for one more
/// beside the last, and -n for the next present one together with the n after it. Thread contract: one thread.
/// </summary>
internal sealed class ChangeList
{
    [ThreadStatic]
    private static ChangeList? t_shared;

    private (int CodePoint, int Change)[] _items = new (int, int)[256];

    /// <summary>The empty list of this thread; it is valid until the next call.</summary>
    public static ChangeList Fresh()
    {
        var list = t_shared ??= new ChangeList();
        list.Count = 0;
        return list;
    }

    public int Count { get; private set; }

    public ref (int CodePoint, int Change) this[int index] => ref _items[index];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(int codePoint, int change)
    {
        if (Count == _items.Length)
        {
            Array.Resize(ref _items, Count * 2);
        }

        _items[Count++] = (codePoint, change);
    }

    /// <summary>Rewrites <paramref name="text"/> by the changes, carrying the ranges of the original string along.</summary>
    public void ApplyTo(AlignedText text)
    {
        text.Begin();
        var at = 0;
        for (var i = 0; i < Count; i++)
        {
            var (codePoint, change) = _items[i];
            if (change > 0 || at >= text.Length)
            {
                if (at == 0)
                {
                    text.PutCodePoint(codePoint, text.Origin, text.Origin);
                }
                else
                {
                    text.PutFrom(codePoint, at - 1);
                }

                continue;
            }

            text.PutFrom(codePoint, at);
            for (var consumed = 0; consumed <= -change && at < text.Length; consumed++)
            {
                at += char.IsHighSurrogate(text[at]) ? 2 : 1;
            }
        }

        text.Commit();
    }
}
