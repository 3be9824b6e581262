using Graft.Text.Normalizers;

namespace Graft.Text.Unicode;

/// <summary>The Unicode normal forms D, KD, C and KC with the alignment of each result to its source. Thread contract: one thread.</summary>
internal sealed class NormalForms
{
    private const int HangulBase = 0xAC00;
    private const int HangulCount = 11172;
    private const int LeadBase = 0x1100;
    private const int VowelBase = 0x1161;
    private const int TrailBase = 0x11A7;
    private const int VowelCount = 21;
    private const int TrailCount = 28;

    [ThreadStatic]
    private static NormalForms? t_shared;

    private readonly List<(byte Rank, int CodePoint, int Change)> _decomposed = [];
    private readonly List<(int CodePoint, int Change)> _held = [];
    private int _settled;

    public static void Apply(AlignedText text, bool compose, bool compatible)
    {
        var unchangedBelow = compose ? (compatible ? '\u00A0' : '\u0300') : (compatible ? '\u00A0' : '\u00C0');
        if (text.Chars.IndexOfAnyExceptInRange('\0', (char)(unchangedBelow - 1)) < 0)
        {
            return;
        }

        var forms = t_shared ??= new NormalForms();
        forms.Decompose(text, compatible);
        var changes = ChangeList.Fresh();
        if (compose)
        {
            forms.Compose(changes);
        }
        else
        {
            foreach (var (_, codePoint, change) in forms._decomposed)
            {
                changes.Add(codePoint, change);
            }
        }

        changes.ApplyTo(text);
    }

    private void Decompose(AlignedText text, bool compatible)
    {
        _decomposed.Clear();
        _settled = 0;
        for (var i = 0; i < text.Length;)
        {
            var codePoint = text.CodePointAt(i);
            i += AlignedText.UnitsOf(codePoint);
            if (codePoint < 0x80)
            {
                Push(codePoint, 0);
            }
            else if ((uint)(codePoint - HangulBase) < HangulCount)
            {
                var syllable = codePoint - HangulBase;
                Push(LeadBase + (syllable / (VowelCount * TrailCount)), 0);
                Push(VowelBase + (syllable % (VowelCount * TrailCount) / TrailCount), 1);
                if (syllable % TrailCount != 0)
                {
                    Push(TrailBase + (syllable % TrailCount), 1);
                }
            }
            else if (UnicodeData.MayReshape(codePoint) && UnicodeData.Decomposition(codePoint, compatible) is { } parts)
            {
                for (var p = 0; p < parts.Length; p++)
                {
                    Push(parts[p], p == 0 ? 0 : 1);
                }
            }
            else
            {
                Push(codePoint, 0);
            }
        }

        SortPending();
    }

    private void Push(int codePoint, int change)
    {
        var rank = UnicodeData.CombiningRank(codePoint);
        if (rank == 0)
        {
            SortPending();
            _decomposed.Add((0, codePoint, change));
            _settled = _decomposed.Count;
        }
        else
        {
            _decomposed.Add((rank, codePoint, change));
        }
    }

    /// <summary>Puts the marks since the last starter in canonical order, equal ones in their own order.</summary>
    private void SortPending()
    {
        for (var i = _settled + 1; i < _decomposed.Count; i++)
        {
            var item = _decomposed[i];
            var j = i;
            while (j > _settled && _decomposed[j - 1].Rank > item.Rank)
            {
                _decomposed[j] = _decomposed[j - 1];
                j--;
            }

            _decomposed[j] = item;
        }

        _settled = _decomposed.Count;
    }

    private void Compose(ChangeList output)
    {
        (int CodePoint, int Change)? starter = null;
        var blocking = -1;
        _held.Clear();
        foreach (var (rank, codePoint, change) in _decomposed)
        {
            if (starter is not { } first)
            {
                if (rank != 0)
                {
                    output.Add(codePoint, change);
                }
                else
                {
                    starter = (codePoint, change);
                }

                continue;
            }

            if (blocking < rank && Composite(first.CodePoint, codePoint) is var composed and >= 0)
            {
                starter = (composed, first.Change + change - 1);
                continue;
            }

            if (rank == 0)
            {
                output.Add(first.CodePoint, first.Change);
                FlushHeld(output);
                starter = (codePoint, change);
                blocking = -1;
                continue;
            }

            _held.Add((codePoint, change));
            blocking = rank;
        }

        if (starter is { } last)
        {
            output.Add(last.CodePoint, last.Change);
        }

        FlushHeld(output);
    }

    private void FlushHeld(ChangeList output)
    {
        foreach (var (codePoint, change) in _held)
        {
            output.Add(codePoint, change);
        }

        _held.Clear();
    }

    private static int Composite(int first, int second)
    {
        if ((uint)(first - LeadBase) < 19 && (uint)(second - VowelBase) < VowelCount)
        {
            return HangulBase + ((((first - LeadBase) * VowelCount) + (second - VowelBase)) * TrailCount);
        }

        var syllable = first - HangulBase;
        if ((uint)syllable < HangulCount && syllable % TrailCount == 0 && (uint)(second - TrailBase - 1) < TrailCount - 1)
        {
            return first + (second - TrailBase);
        }

        return UnicodeData.Composition(first, second);
    }
}
