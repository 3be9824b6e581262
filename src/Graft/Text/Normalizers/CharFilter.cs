using Graft.Text.Unicode;

namespace Graft.Text.Normalizers;

/// <summary>Removes the code points that have any of some traits.</summary>
internal static class CharFilter
{
    public static void Remove(AlignedText text, CharTraits unwanted)
    {
        var first = 0;
        while (first < text.Length && !UnicodeData.Has(text.CodePointAt(first), unwanted))
        {
            first += AlignedText.UnitsOf(text.CodePointAt(first));
        }

        if (first == text.Length)
        {
            return;
        }

        text.Begin();
        text.Keep(0, first);
        for (var i = first; i < text.Length;)
        {
            var codePoint = text.CodePointAt(i);
            if (!UnicodeData.Has(codePoint, unwanted))
            {
                text.PutFrom(codePoint, i);
            }

            i += AlignedText.UnitsOf(codePoint);
        }

        text.Commit();
    }
}

/// <summary>Drops combining marks, as files with "StripAccents" ask (they decompose the text before).</summary>
internal sealed class StripAccentsNormalizer : Normalizer
{
    public override void Apply(AlignedText text) => CharFilter.Remove(text, CharTraits.CombiningMark);
}
