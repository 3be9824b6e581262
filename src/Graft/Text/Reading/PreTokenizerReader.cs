using Graft.Text.Patterns;
using Graft.Text.PreTokenizers;
using Graft.Text.Unicode;

namespace Graft.Text.Reading;

/// <summary>Reads the <c>pre_tokenizer</c> of a tokenizer file.</summary>
internal static class PreTokenizerReader
{
    public static PreTokenizer Read(JsonField field)
    {
        switch (field["type"].Text())
        {
            case "Sequence":
                return new PreTokenizerSequence([.. field["pretokenizers"].Items().Select(Read)]);
            case "BertPreTokenizer":
                return new BertPreTokenizer();
            case "ByteLevel":
                return new ByteLevelPreTokenizer(field.Flag("add_prefix_space", whenAbsent: true), field.Flag("use_regex", whenAbsent: true));
            case "Metaspace":
                return new MetaspacePreTokenizer(field["replacement"].CodePoint(), ReadScheme(field), field.Flag("split", whenAbsent: true));
            case "Whitespace":
                return new WhitespacePreTokenizer();
            case "WhitespaceSplit":
                return SplitAt(CharTraits.Whitespace, SplitBehavior.Removed);
            case "Punctuation":
                return SplitAt(CharTraits.Punctuation, field.Find("behavior") is { } b ? ReadBehavior(b) : SplitBehavior.Isolated);
            case "Digits":
                return SplitAt(CharTraits.Numeric, field.Flag("individual_digits", whenAbsent: false) ? SplitBehavior.Isolated : SplitBehavior.Contiguous);
            case "Split":
                return new PatternPreTokenizer(PatternReader.Read(field["pattern"]), ReadBehavior(field["behavior"]), field.Flag("invert", whenAbsent: false));
            case "CharDelimiterSplit" or "Delimiter":
                var delimiter = field["delimiter"].CodePoint();
                return new PatternPreTokenizer(new CharPattern(c => c == delimiter), SplitBehavior.Removed, invert: false);
            case "FixedLength":
                var length = field.Find("length");
                return new FixedLengthPreTokenizer(length is null ? 5 : length.Value.Number() is var n and > 0 ? n : throw length.Value.Fault("a length of 1 or more"));
            default:
                throw field["type"].Fault(
                    "one of BertPreTokenizer, ByteLevel, Metaspace, Whitespace, WhitespaceSplit, Punctuation, Digits, Split, CharDelimiterSplit, FixedLength, Sequence");
        }
    }

    /// <summary>When a Metaspace part puts its mark; old files say it by <c>add_prefix_space</c>.</summary>
    public static PrependScheme ReadScheme(JsonField field)
    {
        var scheme = field.Find("prepend_scheme");
        if (scheme is null)
        {
            return field.Flag("add_prefix_space", whenAbsent: true) ? PrependScheme.Always : PrependScheme.Never;
        }

        return scheme.Value.Text() switch
        {
            "always" => PrependScheme.Always,
            "first" => PrependScheme.First,
            "never" => PrependScheme.Never,
            _ => throw scheme.Value.Fault("one of always, first, never"),
        };
    }

    private static PatternPreTokenizer SplitAt(CharTraits traits, SplitBehavior behavior) =>
        new(new CharPattern(c => UnicodeData.Has(c, traits)), behavior, invert: false);

    private static SplitBehavior ReadBehavior(JsonField field) => field.Text() switch
    {
        "Removed" => SplitBehavior.Removed,
        "Isolated" => SplitBehavior.Isolated,
        "MergedWithPrevious" => SplitBehavior.MergedWithPrevious,
        "MergedWithNext" => SplitBehavior.MergedWithNext,
        "Contiguous" => SplitBehavior.Contiguous,
        _ => throw field.Fault("one of Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous"),
    };
}
