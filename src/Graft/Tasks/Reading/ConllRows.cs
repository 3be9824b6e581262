using Graft.Torch;

namespace Graft.Tasks;

/// <summary>
/// Reads sentences in CoNLL's format: a token a line, columns between blanks or tabs, the first the token and the last its tag; a blank line ends a sentence,
/// <c>-DOCSTART-</c> begins a document. Source: Tjong Kim Sang and De Meulder, CoNLL-2003 shared task. Stateless.
/// </summary>
internal static class ConllRows
{
    private const string Document = "-DOCSTART-";
    private static readonly char[] s_blanks = [' ', '\t'];
    private static readonly string[] s_names = ["text", "tags", "types"];

    /// <summary>
    /// Rows of the columns <c>text</c> (the tokens with blanks between them), <c>tags</c> (likewise) and <c>types</c> (the kinds of entities in the sentence,
    /// each once, <c>|</c> between them: tags without <c>B-</c>, <c>I-</c> and their like, <c>O</c> left out).
    /// </summary>
    /// <exception cref="GraftException">A line has another number of columns than the first one, or only one.</exception>
    public static IEnumerable<Row> Read(TextLines lines, string file)
    {
        var columns = new Columns(file, s_names, s_names.Length);
        var (tokens, width, begun) = (new List<(string Token, string Tag)>(), 0, 0);
        while (lines.Next() is { } line)
        {
            var fields = line.Split(s_blanks, StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length == 0 || fields[0] == Document)
            {
                if (tokens.Count > 0)
                {
                    yield return Sentence();
                    tokens.Clear();
                }

                continue;
            }

            width = width == 0 ? fields.Length : width;
            if (fields.Length != width || width < 2)
            {
                throw new GraftException(width < 2
                    ? $"{file}, line {lines.Line}: one column, expected a token and its tag; mend the line."
                    : $"{file}, line {lines.Line}: {fields.Length} columns, expected {width} as in the first line of a token; mend the line.");
            }

            begun = tokens.Count == 0 ? lines.Line : begun;
            tokens.Add((fields[0], fields[^1]));
        }

        if (tokens.Count > 0)
        {
            yield return Sentence();
        }

        Row Sentence()
        {
            var types = tokens.Select(t => Type(t.Tag)).OfType<string>().Distinct(StringComparer.Ordinal);
            return new DelimitedRow(
                file, begun, [string.Join(' ', tokens.Select(t => t.Token)), string.Join(' ', tokens.Select(t => t.Tag)), string.Join('|', types)], columns);
        }
    }

    private static string? Type(string tag) => tag switch
    {
        "O" => null,
        [_, '-', .. var type] when type.Length > 0 => type,
        _ => tag,
    };
}
