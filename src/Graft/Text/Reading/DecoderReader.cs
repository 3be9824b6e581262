using Graft.Text.Decoders;
using Graft.Text.Normalizers;
using Graft.Text.PreTokenizers;

namespace Graft.Text.Reading;

/// <summary>Reads the <c>decoder</c> of a tokenizer file.</summary>
internal static class DecoderReader
{
    public static Decoder Read(JsonField field)
    {
        switch (field["type"].Text())
        {
            case "Sequence":
                return new DecoderSequence([.. field["decoders"].Items().Select(Read)]);
            case "WordPiece":
                return new WordPieceDecoder(field.Find("prefix")?.Text() ?? "##", field.Flag("cleanup", whenAbsent: true));
            case "ByteLevel":
                return new ByteLevelDecoder();
            case "Metaspace":
                return new MetaspaceDecoder(field["replacement"].CodePoint(), PreTokenizerReader.ReadScheme(field) != PrependScheme.Never);
            case "Replace":
                return new ReplaceDecoder(PatternReader.Read(field["pattern"]), field["content"].Text());
            case "BPEDecoder":
                return new BpeDecoder(field.Find("suffix")?.Text() ?? "</w>");
            case "ByteFallback":
                return new ByteFallbackDecoder();
            case "Fuse":
                return new FuseDecoder();
            case "Strip":
                return new StripDecoder(field["content"].CodePoint(), field["start"].Number(), field["stop"].Number());
            case "CTC":
                return new CtcDecoder(
                    field.Find("pad_token")?.Text() ?? "<pad>",
                    field.Find("word_delimiter_token")?.Text() ?? "|",
                    field.Flag("cleanup", whenAbsent: true));
            default:
                throw field["type"].Fault("one of WordPiece, ByteLevel, Metaspace, BPEDecoder, Replace, Strip, Fuse, ByteFallback, CTC, Sequence");
        }
    }
}
