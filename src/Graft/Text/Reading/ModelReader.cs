using Graft.Text.Models;

namespace Graft.Text.Reading;

/// <summary>Reads the <c>model</c> of a tokenizer file.</summary>
internal static class ModelReader
{
    public static TokenModel Read(JsonField field)
    {
        switch (field.Find("type")?.Text() ?? GuessType(field))
        {
            case "WordPiece":
                return new WordPieceModel(
                    ReadVocabulary(field["vocab"]),
                    field.Find("unk_token")?.Text() ?? "[UNK]",
                    field.Find("continuing_subword_prefix")?.Text() ?? "##",
                    field.Find("max_input_chars_per_word")?.Number() ?? 100);
            case "WordLevel":
                return new WordLevelModel(ReadVocabulary(field["vocab"]), field.Find("unk_token")?.Text() ?? "<unk>");
            default:
                throw field["type"].Fault("one of WordPiece, BPE, Unigram, WordLevel");
        }
    }

    public static Vocabulary ReadVocabulary(JsonField field)
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (token, id) in field.Fields())
        {
            ids[token] = id.Number();
        }

        return ids.Count > 0 ? new Vocabulary(ids) : throw field.Fault("at least one token");
    }

    /// <summary>Old files leave the type out; their fields tell the model.</summary>
    private static string GuessType(JsonField field) =>
        field.Find("merges") is not null ? "BPE"
        : field.Find("vocab") is { IsList: true } ? "Unigram"
        : field.Find("continuing_subword_prefix") is not null ? "WordPiece"
        : "WordLevel";
}
