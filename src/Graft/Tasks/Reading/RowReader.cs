using Graft.Torch;

namespace Graft.Tasks;

/// <summary>Streams the rows of a file of any layout, gzipped or not. Thread-safe: each enumeration opens the file anew.</summary>
public static class RowReader
{
    /// <summary>The rows of a file, read as they are asked for; blank lines are left out.</summary>
    /// <param name="path">The file; gzip is told by its first bytes.</param>
    /// <param name="format">How it is read; null for the usual format of the file name's ending.</param>
    /// <returns>The rows, and how many ragged ones were skipped once the enumeration is through.</returns>
    /// <exception cref="GraftException">The ending tells no layout and no format is given; while enumerating: a missing, unreadable or damaged file, or a row that breaks the format.</exception>
    public static RowSequence Read(string path, RowFormat? format = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        return new RowSequence(() => Open(path), path, format ?? FormatOf(path));
    }

    /// <summary>The rows of a stream, such as standard input; it can be enumerated once and is closed at the end. Gzip is told only where the stream can seek.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="name">The name that messages use for it.</param>
    /// <param name="format">How it is read.</param>
    public static RowSequence Read(Stream stream, string name, RowFormat format)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(format);
        return new RowSequence(() => stream, name, format);
    }

    private static RowFormat FormatOf(string path) => RowFormat.LayoutOf(path) is { } layout
        ? RowFormat.Of(layout)
        : throw new GraftException($"{path}: the name does not tell the format, expected an ending of .tsv, .csv, .jsonl or .json (then .gz or not); rename the file or name its format.");

    private static Stream Open(string path)
    {
        if (Directory.Exists(path))
        {
            throw new GraftException($"{path}: a folder, expected a file of rows; name the file.");
        }

        try
        {
            return File.OpenRead(path);
        }
        catch (Exception fault) when (fault is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new GraftException($"{path}: no such file; check the path.", fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new GraftException($"{path}: cannot be read ({fault.Message.TrimEnd('.')}); check the path and its permissions.", fault);
        }
    }
}

/// <summary>Rows of one file. One thread per enumeration.</summary>
public sealed class RowSequence : IEnumerable<Row>
{
    private readonly Func<Stream> _open;
    private readonly string _file;
    private readonly RowFormat _format;

    internal RowSequence(Func<Stream> open, string file, RowFormat format) => (_open, _file, _format) = (open, file, format);

    /// <summary>Rows that the last enumeration has left out because the format says <see cref="RaggedRows.Skip"/>.</summary>
    public int Skipped { get; private set; }

    /// <inheritdoc/>
    public IEnumerator<Row> GetEnumerator()
    {
        Skipped = 0;
        using var stream = GzipText.Unzip(_open());
        using var rows = Rows(stream).GetEnumerator();
        while (Next(rows))
        {
            yield return rows.Current;
        }
    }

    System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();

    private bool Next(IEnumerator<Row> rows)
    {
        try
        {
            return rows.MoveNext();
        }
        catch (InvalidDataException fault)
        {
            throw new GraftException($"{_file}: damaged gzip data; get the file again.", fault);
        }
        catch (IOException fault)
        {
            throw new GraftException($"{_file}: cannot be read to its end ({fault.Message.TrimEnd('.')}); check the disk and the path.", fault);
        }
        catch (UnauthorizedAccessException fault)
        {
            throw new GraftException($"{_file}: cannot be read ({fault.Message.TrimEnd('.')}); check its permissions.", fault);
        }
    }

    private IEnumerable<Row> Rows(Stream stream)
    {
        var lines = new TextLines(stream, _file, _format.Latin1);
        return _format.Layout switch
        {
            RowLayout.Jsonl => JsonLineRows.Read(lines, _file),
            RowLayout.Json => JsonDocumentRows.Read(stream, _file, _format.Member),
            RowLayout.Squad => JsonDocumentRows.Read(stream, _file, SquadRows.Read),
            RowLayout.Xml => XmlRows.Read(stream, _file),
            RowLayout.Whole => LineRows.Whole(lines, _file),
            RowLayout.Lines => LineRows.Plain(lines, _file),
            RowLayout.Trec => LineRows.Trec(lines, _file),
            RowLayout.Rct => RctRows.Read(lines, _file),
            RowLayout.Conll => ConllRows.Read(lines, _file),
            RowLayout.Copa or RowLayout.Multirc or RowLayout.Record or RowLayout.Wsc =>
                JsonLineRows.Read(lines, _file).SelectMany(row => SuperGlueRows.Read(row, _format.Layout)),
            _ => Delimited(lines),
        };
    }

    private IEnumerable<Row> Delimited(TextLines lines)
    {
        Columns? columns = null;
        var named = _format.Header;
        foreach (var (line, fields) in DelimitedRows.Cut(lines, _format, _file))
        {
            if (columns is null)
            {
                named = _format.HeaderBegins is { } begins ? fields[0] == begins : _format.Header;
                columns = new Columns($"{_file}, line {line}", named ? fields : null, fields.Length);
                if (named)
                {
                    continue;
                }
            }

            if (fields.Length != columns.Count && _format.Ragged != RaggedRows.Allow)
            {
                if (_format.Ragged == RaggedRows.Skip)
                {
                    Skipped++;
                    continue;
                }

                var model = named ? "header" : "first row";
                throw new GraftException(
                    $"{_file}, line {line}: {fields.Length} columns, expected {columns.Count} as in the {model}; mend the row, or set \"ragged\" to \"skip\" or \"allow\".");
            }

            yield return new DelimitedRow(_file, line, fields, columns);
        }
    }
}
