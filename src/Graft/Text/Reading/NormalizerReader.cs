using Graft.Text.Normalizers;

namespace Graft.Text.Reading;

/// <summary>Reads the <c>normalizer</c> of a tokenizer file.</summary>
internal static class NormalizerReader
{
    public static Normalizer Read(JsonField field)
    {
        switch (field["type"].Text())
        {
            case "Sequence":
                return new NormalizerSequence([.. field["normalizers"].Items().Select(Read)]);
            case "BertNormalizer" or "Bert":
                var lowercase = field.Flag("lowercase", whenAbsent: true);
                return new BertNormalizer(
                    field.Flag("clean_text", whenAbsent: true),
                    field.Flag("handle_chinese_chars", whenAbsent: true),
                    field.Flag("strip_accents", whenAbsent: lowercase),
                    lowercase);
            case "NFC":
                return new UnicodeNormalizer(compose: true, compatible: false);
            case "NFD":
                return new UnicodeNormalizer(compose: false, compatible: false);
            case "NFKC":
                return new UnicodeNormalizer(compose: true, compatible: true);
            case "NFKD":
                return new UnicodeNormalizer(compose: false, compatible: true);
            case "Lowercase":
                return new LowercaseNormalizer();
            case "StripAccents":
                return new StripAccentsNormalizer();
            case "Strip":
                return new StripNormalizer(field.Flag("strip_left", whenAbsent: true), field.Flag("strip_right", whenAbsent: true));
            case "Prepend":
                return new PrependNormalizer(field["prepend"].Text());
            case "Nmt":
                return new NmtNormalizer();
            case "ByteLevel":
                return new ByteLevelNormalizer();
            case "Replace":
                return new ReplaceNormalizer(PatternReader.Read(field["pattern"]), field["content"].Text());
            case "Precompiled":
                return ReadPrecompiled(field["precompiled_charsmap"]);
            default:
                throw field["type"].Fault(
                    "one of BertNormalizer, NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Replace, Prepend, Nmt, Precompiled, ByteLevel, Sequence");
        }
    }

    private static PrecompiledNormalizer ReadPrecompiled(JsonField field)
    {
        var text = field.Text();
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out var length) && PrecompiledNormalizer.TryRead(bytes[..length]) is { } rules
            ? rules
            : throw field.Fault("SentencePiece's compiled rules in base64");
    }
}
