using Graft.Text.Models;
using Graft.Torch;

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
            case "BPE":
                return ReadBpe(field);
            case "Unigram":
                return ReadUnigram(field);
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

    /// <summary>A model of byte pairs from the pairs in the order of their ranks; <paramref name="fault"/> makes the fault of the pair of a rank.</summary>
    public static BpeModel MakeBpe(
        Vocabulary vocabulary, IReadOnlyList<(string Left, string Right)> pairs, BpeOptions options, Func<int, string, GraftException> fault)
    {
        var merges = new MergeTable(pairs.Count);
        for (var rank = 0; rank < pairs.Count; rank++)
        {
            var (left, right) = pairs[rank];
            var tail = right.Length >= options.ContinuationPrefix.Length ? right[options.ContinuationPrefix.Length..] : string.Empty;
            merges.Set(Id(left, rank), Id(right, rank), rank, Id(left + tail, rank));
        }

        return new BpeModel(vocabulary, merges, options);

        int Id(string token, int rank) => vocabulary.IdOf(token) is var id and >= 0 ? id : throw fault(rank, $"a merge of tokens of the vocabulary, which lacks '{token}'");
    }

    private static BpeModel ReadBpe(JsonField field)
    {
        if (field.Find("dropout") is { } dropout && dropout.Score() > 0)
        {
            throw dropout.Fault("null or 0 (dropout of merges is not supported)");
        }

        var options = new BpeOptions(
            field.Find("unk_token")?.Text(),
            field.Find("continuing_subword_prefix")?.Text() ?? string.Empty,
            field.Find("end_of_word_suffix")?.Text() ?? string.Empty,
            field.Flag("fuse_unk", whenAbsent: false),
            field.Flag("byte_fallback", whenAbsent: false),
            field.Flag("ignore_merges", whenAbsent: false));
        var merges = field["merges"];
        JsonField[] items = [.. merges.Items()];
        return MakeBpe(
            ReadVocabulary(field["vocab"]), [.. items.Select(ReadPair)], options, (rank, expected) => items[rank].Fault(expected));
    }

    private static (string Left, string Right) ReadPair(JsonField field)
    {
        string[] parts = field.IsList ? [.. field.Items().Select(part => part.Text())] : field.Text().Split(' ');
        return parts is [var left, var right] ? (left, right) : throw field.Fault("two tokens, such as \"a b\" or [\"a\", \"b\"]");
    }

    private static UnigramModel ReadUnigram(JsonField field)
    {
        var list = field["vocab"];
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        var tokens = new List<string>();
        var scores = new List<double>();
        foreach (var item in list.Items())
        {
            if (item.Items().ToList() is not [var token, var score])
            {
                throw item.Fault("a token and its score, such as [\"the\", -3.2]");
            }

            ids[token.Text()] = tokens.Count;
            tokens.Add(token.Text());
            scores.Add(score.Score());
        }

        if (tokens.Count == 0)
        {
            throw list.Fault("at least one token");
        }

        var unknown = field.Find("unk_id");
        var unknownId = unknown?.Number() ?? -1;
        return unknownId < tokens.Count
            ? new UnigramModel(new Vocabulary(ids, tokens.Count), tokens, [.. scores], unknownId, field.Flag("byte_fallback", whenAbsent: false))
            : throw unknown!.Value.Fault($"a number below the vocabulary's size {tokens.Count}");
    }

    /// <summary>Old files leave the type out; their fields tell the model.</summary>
    private static string GuessType(JsonField field) =>
        field.Find("merges") is not null ? "BPE"
        : field.Find("vocab") is { IsList: true } ? "Unigram"
        : field.Find("continuing_subword_prefix") is not null ? "WordPiece"
        : "WordLevel";
}
