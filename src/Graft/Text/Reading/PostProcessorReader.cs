using Graft.Text.Processing;

namespace Graft.Text.Reading;

/// <summary>Reads the <c>post_processor</c> of a tokenizer file.</summary>
internal static class PostProcessorReader
{
    public static PostProcessor Read(JsonField field)
    {
        switch (field["type"].Text())
        {
            case "TemplateProcessing":
                var special = ReadSpecialTokens(field["special_tokens"]);
                return new PostProcessor(ReadTemplate(field["single"], special), ReadTemplate(field["pair"], special), []);
            case "BertProcessing":
                return ReadBert(field);
            case "RobertaProcessing":
                return ReadRoberta(field);
            case "ByteLevel":
                return PostProcessor.Plain with { TrimsWithPrefixSpace = ReadTrim(field) };
            case "Sequence":
                return ReadSequence(field["processors"]);
            default:
                throw field["type"].Fault("one of TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel, Sequence");
        }
    }

    private static PostProcessor ReadBert(JsonField field)
    {
        var (sep, sepToken) = ReadToken(field["sep"]);
        var (cls, clsToken) = ReadToken(field["cls"]);
        TemplatePiece[] single = [TemplatePiece.Special(cls, clsToken, 0), TemplatePiece.Text(0, 0), TemplatePiece.Special(sep, sepToken, 0)];
        return new PostProcessor(single, [.. single, TemplatePiece.Text(1, 1), TemplatePiece.Special(sep, sepToken, 1)], []);
    }

    private static PostProcessor ReadRoberta(JsonField field)
    {
        var (sep, sepToken) = ReadToken(field["sep"]);
        var (cls, clsToken) = ReadToken(field["cls"]);
        var end = TemplatePiece.Special(sep, sepToken, 0);
        TemplatePiece[] single = [TemplatePiece.Special(cls, clsToken, 0), TemplatePiece.Text(0, 0), end];
        return new PostProcessor(single, [.. single, end, TemplatePiece.Text(1, 0), end], ReadTrim(field));
    }

    /// <summary>Several processors: all trims, and the one that lays the tokens out.</summary>
    private static PostProcessor ReadSequence(JsonField list)
    {
        var result = PostProcessor.Plain;
        foreach (var item in list.Items())
        {
            var step = Read(item);
            var trims = (bool[])[.. result.TrimsWithPrefixSpace, .. step.TrimsWithPrefixSpace];
            if (!ReferenceEquals(step.Single, PostProcessor.Plain.Single))
            {
                if (!ReferenceEquals(result.Single, PostProcessor.Plain.Single))
                {
                    throw item.Fault("at most one processor that adds special tokens");
                }

                result = step;
            }

            result = result with { TrimsWithPrefixSpace = trims };
        }

        return result;
    }

    private static bool[] ReadTrim(JsonField field) =>
        field.Flag("trim_offsets", whenAbsent: true) ? [field.Flag("add_prefix_space", whenAbsent: true)] : [];

    private static (int Id, string Token) ReadToken(JsonField field) =>
        field.Items().ToList() is [var token, var id] ? (id.Number(), token.Text()) : throw field.Fault("a token and its id, such as [\"[SEP]\", 102]");

    private static Dictionary<string, (IReadOnlyList<int> Ids, IReadOnlyList<string> Tokens)> ReadSpecialTokens(JsonField field)
    {
        var result = new Dictionary<string, (IReadOnlyList<int>, IReadOnlyList<string>)>(StringComparer.Ordinal);
        foreach (var (name, value) in field.Fields())
        {
            int[] ids = [.. value["ids"].Items().Select(id => id.Number())];
            string[] tokens = [.. value["tokens"].Items().Select(token => token.Text())];
            result[name] = ids.Length == tokens.Length ? (ids, tokens) : throw value.Fault("as many tokens as ids");
        }

        return result;
    }

    private static TemplatePiece[] ReadTemplate(JsonField template, Dictionary<string, (IReadOnlyList<int> Ids, IReadOnlyList<string> Tokens)> special)
    {
        return [.. template.Items().Select(ReadPiece)];

        TemplatePiece ReadPiece(JsonField piece)
        {
            if (piece.Find("Sequence") is { } sequence)
            {
                var id = sequence["id"];
                return TemplatePiece.Text(id.Text() switch { "A" => 0, "B" => 1, _ => throw id.Fault("A or B") }, sequence["type_id"].Number());
            }

            var token = piece["SpecialToken"];
            var name = token["id"];
            return special.TryGetValue(name.Text(), out var found)
                ? new TemplatePiece(-1, token["type_id"].Number(), found.Ids, found.Tokens)
                : throw name.Fault("a name of 'special_tokens'");
        }
    }
}
