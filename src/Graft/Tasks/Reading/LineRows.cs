using System.Text;
using Graft.Torch;

namespace Graft.Tasks;

/// <summary>Reads files of one text a line, blank lines left out. Stateless.</summary>
internal static class LineRows
{
    private static readonly string[] s_plain = ["text"], s_trec = ["label", "fine", "text"];

    /// <summary>Rows of the column <c>text</c>: the line as it stands.</summary>
    public static IEnumerable<Row> Plain(TextLines lines, string file)
    {
        var columns = new Columns(file, s_plain, s_plain.Length);
        while (lines.Next() is { } line)
        {
            if (!string.IsNullOrWhiteSpace(line))
            {
                yield return new DelimitedRow(file, lines.Line, [line], columns);
            }
        }
    }

    /// <summary>One row of the column <c>text</c>: all of the file.</summary>
    public static IEnumerable<Row> Whole(TextLines lines, string file)
    {
        var text = new StringBuilder();
        while (lines.NextWithEnd() is { } line)
        {
            text.Append(line);
        }

        if (!string.IsNullOrWhiteSpace(text.ToString()))
        {
            yield return new DelimitedRow(file, 1, [text.ToString()], new Columns(file, s_plain, s_plain.Length));
        }
    }

    /// <summary>Rows of TREC's questions: <c>LABEL:fine text</c>. Source: Li and Roth, Learning Question Classifiers (COLING 2002), their data files.</summary>
    /// <exception cref="GraftException">A line does not begin with two labels and a colon between them, or has no text.</exception>
    public static IEnumerable<Row> Trec(TextLines lines, string file)
    {
        var columns = new Columns(file, s_trec, s_trec.Length);
        while (lines.Next() is { } line)
        {
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            var (colon, blank) = (line.IndexOf(':', StringComparison.Ordinal), line.IndexOf(' ', StringComparison.Ordinal));
            yield return colon > 0 && colon < blank - 1 && !string.IsNullOrWhiteSpace(line[blank..])
                ? new DelimitedRow(file, lines.Line, [line[..colon], line[..blank], line[(blank + 1)..]], columns)
                : throw new GraftException($"{file}, line {lines.Line}: the line does not begin with 'LABEL:fine ' and a text, as TREC's questions do; mend the line.");
        }
    }
}
