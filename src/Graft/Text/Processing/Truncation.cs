namespace Graft.Text.Processing;

/// <summary>How many tokens of each text stay, the longer text losing tokens first.</summary>
internal static class Truncation
{
    /// <summary>
    /// The kept lengths. <paramref name="first"/> and <paramref name="second"/> are the lengths as the reference library counts them: it stops
    /// reading a text at the end of the word that reaches the limit.
    /// </summary>
    public static (int First, int Second) LongestFirst(int first, int? second, int room)
    {
        if (second is not { } other)
        {
            return (Math.Min(first, room), 0);
        }

        if (first + other <= room)
        {
            return (first, other);
        }

        var swapped = first > other;
        var shorter = Math.Min(first, other);
        var longer = shorter > room ? shorter : Math.Max(shorter, room - shorter);
        if (shorter + longer > room)
        {
            shorter = room / 2;
            longer = shorter + (room % 2);
        }

        return swapped ? (Math.Min(longer, first), Math.Min(shorter, other)) : (Math.Min(shorter, first), Math.Min(longer, other));
    }
}
