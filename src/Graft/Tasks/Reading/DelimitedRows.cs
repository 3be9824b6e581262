using CsvHelper;
using CsvHelper.Configuration;
using Graft.Torch;

namespace Graft.Tasks;

/// <summary>Cuts a delimited text into rows of fields. Stateless.</summary>
internal static class DelimitedRows
{
    /// <summary>The rows of the text, blank lines left out, each with the line it begins on.</summary>
    public static IEnumerable<(int Line, string[] Fields)> Cut(TextLines lines, RowFormat format, string file) =>
        format.Quoted ? Quoted(lines, format.Delimiter, file) : Plain(lines, format.Delimiter);

    private static IEnumerable<(int Line, string[] Fields)> Plain(TextLines lines, char delimiter)
    {
        while (lines.Next() is { } line)
        {
            if (line.Length > 0)
            {
                yield return (lines.Line, line.Split(delimiter));
            }
        }
    }

    private static IEnumerable<(int Line, string[] Fields)> Quoted(TextLines lines, char delimiter, string file)
    {
        var stray = false;
        var settings = new CsvConfiguration(System.Globalization.CultureInfo.InvariantCulture)
        {
            Delimiter = delimiter.ToString(),
            DetectDelimiter = false,
            BadDataFound = _ => stray = true,
            HasHeaderRecord = false,
        };
        using var reader = new TextLinesReader(lines);
        using var parser = new CsvParser(reader, settings);
        while (true)
        {
            stray = false;
            if (!parser.Read())
            {
                yield break;
            }

            var raw = parser.RawRecord;
            if (EndsInQuotes(raw, delimiter))
            {
                var opened = lines.Line + 1 - raw.Count(c => c == '\n') - (raw.EndsWith('\n') ? 0 : 1);
                throw new GraftException($"{file}, line {opened}: a quote that opens in this row is never closed; close it, or set \"quote\" to \"none\".");
            }

            var line = parser.RawRow - LineEnds(raw.AsSpan().TrimEnd("\r\n"));
            var fields = parser.Record!;
            if (stray)
            {
                throw new GraftException(
                    $"{file}, line {line}: a quote stands inside a column; write it twice and put the column in quotes, or set \"quote\" to \"none\".");
            }

            yield return (line, fields);
        }
    }

    private static bool EndsInQuotes(string row, char delimiter)
    {
        var (inside, begins, closed) = (false, true, false);
        foreach (var c in row)
        {
            var before = inside;
            inside = c == '"' ? !before && (begins || closed) : before;
            closed = before && !inside;
            begins = !inside && (c == delimiter || c is '\r' or '\n');
        }

        return inside;
    }

    private static int LineEnds(ReadOnlySpan<char> text)
    {
        var ends = 0;
        for (var at = 0; at < text.Length; at++)
        {
            if (text[at] == '\n' || (text[at] == '\r' && (at + 1 == text.Length || text[at + 1] != '\n')))
            {
                ends++;
            }
        }

        return ends;
    }
}
