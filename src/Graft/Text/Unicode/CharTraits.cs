namespace Graft.Text.Unicode;

/// <summary>What is known of one code point. The low five bits hold its general category, see <see cref="UnicodeData.CategoryNumber"/>.</summary>
[Flags]
internal enum CharTraits : uint
{
    None = 0,

    /// <summary>Dropped by BERT's clean-up: control, format and private-use characters, U+0000 and U+FFFD.</summary>
    Control = 1 << 5,

    /// <summary>Punctuation of Unicode 8, and all ASCII punctuation and symbols.</summary>
    Punctuation = 1 << 6,

    /// <summary>Nonspacing marks of Unicode 8 (BERT's accents).</summary>
    NonspacingMark = 1 << 7,

    /// <summary>Combining marks of Unicode 9 (the StripAccents normalizer).</summary>
    CombiningMark = 1 << 8,

    /// <summary>Decimal digits, letter numbers and other numbers.</summary>
    Numeric = 1 << 9,

    /// <summary>A word character of added-token borders and of the Whitespace pre-tokenizer.</summary>
    Word = 1 << 10,

    /// <summary>White_Space.</summary>
    Whitespace = 1 << 11,

    /// <summary><c>\w</c> of split patterns.</summary>
    PatternWord = 1 << 12,

    /// <summary><c>[[:alpha:]]</c> of split patterns.</summary>
    Alphabetic = 1 << 13,

    /// <summary><c>[[:upper:]]</c> of split patterns.</summary>
    Uppercase = 1 << 14,

    /// <summary><c>[[:lower:]]</c> of split patterns.</summary>
    Lowercase = 1 << 15,

    /// <summary>Joins the grapheme before it.</summary>
    JoinsPrevious = 1 << 16,

    /// <summary>Is a grapheme of its own whatever follows.</summary>
    GraphemeControl = 1 << 17,

    /// <summary>Takes what follows into its grapheme.</summary>
    JoinsNext = 1 << 18,

    /// <summary>A pictograph, which joins another one by a zero-width joiner.</summary>
    Pictograph = 1 << 19,
}
