using System.Runtime.InteropServices;
using Graft.Text.Patterns;

namespace Graft.Text.PreTokenizers;

/// <summary>What becomes of the matches of a split pattern.</summary>
internal enum SplitBehavior
{
    /// <summary>They go.</summary>
    Removed,

    /// <summary>Each is a part.</summary>
    Isolated,

    /// <summary>Each joins the part before it.</summary>
    MergedWithPrevious,

    /// <summary>Each joins the part after it.</summary>
    MergedWithNext,

    /// <summary>Neighbouring ones are one part.</summary>
    Contiguous,
}

/// <summary>Splits at a pattern. Thread contract: immutable.</summary>
internal sealed class PatternPreTokenizer(Pattern pattern, SplitBehavior behavior, bool invert) : PreTokenizer
{
    [ThreadStatic]
    private static List<Stretch>? t_stretches;

    [ThreadStatic]
    private static List<(int Start, int End)>? t_merged;

    public override void Split(SplitText text)
    {
        var stretches = t_stretches ??= [];
        text.BeginParts();
        foreach (var part in text.Parts)
        {
            if (!part.IsText)
            {
                text.Put(part);
                continue;
            }

            stretches.Clear();
            pattern.Cover(text.CharsOf(part), stretches);
            Put(text, part.Start, CollectionsMarshal.AsSpan(stretches));
        }

        text.CommitParts();
    }

    private void Put(SplitText text, int offset, ReadOnlySpan<Stretch> stretches)
    {
        var merged = t_merged ??= [];
        merged.Clear();
        if (behavior == SplitBehavior.MergedWithNext)
        {
            for (var i = stretches.Length - 1; i >= 0; i--)
            {
                Merge(merged, stretches[i], previousIsMatch: i + 1 < stretches.Length && IsMatch(stretches[i + 1]));
            }

            merged.Reverse();
        }
        else
        {
            for (var i = 0; i < stretches.Length; i++)
            {
                Merge(merged, stretches[i], previousIsMatch: i > 0 && IsMatch(stretches[i - 1]));
            }
        }

        foreach (var (start, end) in merged)
        {
            text.Put(offset + start, offset + end);
        }
    }

    private bool IsMatch(Stretch stretch) => stretch.IsMatch != invert;

    private void Merge(List<(int Start, int End)> merged, Stretch stretch, bool previousIsMatch)
    {
        var isMatch = IsMatch(stretch);
        if (behavior == SplitBehavior.Removed && isMatch)
        {
            return;
        }

        var joins = merged.Count > 0 && behavior switch
        {
            SplitBehavior.Contiguous => isMatch == previousIsMatch,
            SplitBehavior.MergedWithPrevious or SplitBehavior.MergedWithNext => isMatch && !previousIsMatch,
            _ => false,
        };
        if (joins)
        {
            var last = merged[^1];
            merged[^1] = (Math.Min(last.Start, stretch.Start), Math.Max(last.End, stretch.End));
        }
        else
        {
            merged.Add((stretch.Start, stretch.End));
        }
    }
}
