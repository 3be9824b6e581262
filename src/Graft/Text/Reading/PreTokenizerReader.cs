using Graft.Text.PreTokenizers;

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
            default:
                throw field["type"].Fault(
                    "one of BertPreTokenizer, ByteLevel, Metaspace, Whitespace, WhitespaceSplit, Punctuation, Digits, Split, CharDelimiterSplit, FixedLength, Sequence");
        }
    }
}
