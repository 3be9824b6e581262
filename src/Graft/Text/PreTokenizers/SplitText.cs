using System.Runtime.InteropServices;
using Graft.Text.Normalizers;

namespace Graft.Text.PreTokenizers;

/// <summary>
/// A part of a text: its units [Start, Start + Length), where it begins in the original string, and the id of the added token that it is
/// (-1 for ordinary text).
/// </summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct Part(int Start, int Length, int Origin, int AddedToken)
{
    public bool IsText => AddedToken < 0;
}

/// <summary>A normalised text and the parts it is split into. Thread contract: one thread.</summary>
internal sealed class SplitText
{
    private List<Part> _parts = [];
    private List<Part> _next = [];

    public AlignedText Text { get; } = new();

    public ReadOnlySpan<Part> Parts => CollectionsMarshal.AsSpan(_parts);

    public ReadOnlySpan<char> CharsOf(Part part) => Text.Chars.Slice(part.Start, part.Length);

    public void Clear()
    {
        Text.Clear();
        _parts.Clear();
    }

    /// <summary>Adds the units [start, end) as a part unless they are none.</summary>
    public void Add(int start, int end, int addedToken = -1)
    {
        if (end > start)
        {
            _parts.Add(new Part(start, end - start, Text.Starts[start], addedToken));
        }
    }

    /// <summary>Begins a new list of parts.</summary>
    public void BeginParts() => _next.Clear();

    /// <summary>Puts the units [start, end) as an ordinary part of the new list unless they are none.</summary>
    public void Put(int start, int end)
    {
        if (end > start)
        {
            _next.Add(new Part(start, end - start, Text.Starts[start], -1));
        }
    }

    public void Put(Part part) => _next.Add(part);

    /// <summary>Ends the new list: it becomes the parts.</summary>
    public void CommitParts() => (_parts, _next) = (_next, _parts);

    /// <summary>Rewrites every ordinary part in its place; <paramref name="put"/> puts the units that stand for a part.</summary>
    public void Rewrite(Action<AlignedText, Part> put)
    {
        Text.Begin();
        BeginParts();
        foreach (var part in Parts)
        {
            var at = Text.NextLength;
            if (part.IsText)
            {
                put(Text, part);
            }
            else
            {
                Text.Keep(part.Start, part.Start + part.Length);
            }

            _next.Add(part with { Start = at, Length = Text.NextLength - at });
        }

        Text.Commit();
        CommitParts();
    }
}
