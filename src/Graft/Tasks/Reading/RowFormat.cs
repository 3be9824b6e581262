namespace Graft.Tasks;

/// <summary>How rows lie in a file.</summary>
public enum RowLayout
{
    /// <summary>Columns between tabs.</summary>
    Tsv,

    /// <summary>Columns between commas.</summary>
    Csv,

    /// <summary>One JSON object a line.</summary>
    Jsonl,

    /// <summary>One JSON document: a list of objects or of lists, or an object whose values are the rows.</summary>
    Json,

    /// <summary>One text a line: the column <c>text</c>.</summary>
    Lines,

    /// <summary>The whole file is one text: the column <c>text</c>.</summary>
    Whole,

    /// <summary>TREC's lines <c>LABEL:fine text</c>: the columns <c>label</c>, <c>fine</c> (<c>LABEL:fine</c>) and <c>text</c>.</summary>
    Trec,

    /// <summary>PubMed RCT's abstracts: <c>###id</c>, lines of a label, a tab and a sentence, a blank line: the columns <c>id</c>, <c>label</c> and <c>text</c>.</summary>
    Rct,

    /// <summary>One XML document whose elements below the root are the rows: a column for each attribute, and <c>text</c>, all text inside with one blank between words.</summary>
    Xml,

    /// <summary>CoNLL's tokens, one a line with columns between blanks, sentences between blank lines: the columns <c>text</c>, <c>tags</c> and <c>types</c>.</summary>
    Conll,

    /// <summary>SuperGLUE's COPA, one JSON object a line: a row for each of the two choices.</summary>
    Copa,

    /// <summary>SuperGLUE's MultiRC, one JSON object a line: a row for each answer of each question.</summary>
    Multirc,

    /// <summary>SuperGLUE's ReCoRD, one JSON object a line: a row for each entity of the passage and each query.</summary>
    Record,

    /// <summary>SuperGLUE's WSC, one JSON object a line: the columns <c>text</c>, in which <c>*</c> and <c>#</c> mark the two spans, and <c>label</c>.</summary>
    Wsc,

    /// <summary>SQuAD's JSON document, 1.1 or 2.0: articles of paragraphs of questions, one row a question.</summary>
    Squad,
}

/// <summary>What happens to rows whose number of columns differs from the header's, or from the first row's when there is no header.</summary>
public enum RaggedRows
{
    /// <summary>They are an error.</summary>
    Refuse,

    /// <summary>They are left out and counted.</summary>
    Skip,

    /// <summary>They are read as long as they have the columns that the task needs.</summary>
    Allow,
}

/// <summary>How a file of rows is read. Immutable.</summary>
/// <param name="Layout">How rows lie in the file.</param>
/// <param name="Header">Whether the first row names the columns (tsv and csv).</param>
/// <param name="Quoted">
/// Whether a column in double quotes may hold delimiters, line breaks, and quotes written twice, as RFC 4180 says (tsv and csv);
/// otherwise a quote is a character like others and each line is a row.
/// </param>
/// <param name="Delimiter">The character between columns (tsv and csv).</param>
/// <param name="Ragged">What happens to rows that are too long or too short (tsv and csv).</param>
public sealed record RowFormat(
    RowLayout Layout,
    bool Header,
    bool Quoted,
    char Delimiter,
    RaggedRows Ragged = RaggedRows.Refuse)
{
    /// <summary>Whether the file is in Latin-1 instead of UTF-8 (not for json and xml, which say or know their encoding).</summary>
    public bool Latin1 { get; init; }

    /// <summary>What the first column of a header holds, where the first row is one only then (tsv and csv); null where <see cref="Header"/> says it.</summary>
    public string? HeaderBegins { get; init; }

    /// <summary>The name of the value that holds the rows of a JSON document; null for the document itself.</summary>
    public string? Member { get; init; }

    /// <summary>The usual format of a layout: with header; quotes in csv, none in tsv.</summary>
    /// <param name="layout">How rows lie in the file.</param>
    public static RowFormat Of(RowLayout layout) => new(
        layout,
        Header: true,
        Quoted: layout == RowLayout.Csv,
        layout == RowLayout.Csv ? ',' : '\t');

    /// <summary>The layout that a file's name ends with (<c>.gz</c> aside), or null when it tells none.</summary>
    /// <param name="path">The file.</param>
    public static RowLayout? LayoutOf(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var name = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? path[..^3] : path;
        return Path.GetExtension(name).ToLowerInvariant() switch
        {
            ".tsv" => RowLayout.Tsv,
            ".csv" => RowLayout.Csv,
            ".jsonl" or ".ndjson" => RowLayout.Jsonl,
            ".json" => RowLayout.Json,
            ".conll" => RowLayout.Conll,
            ".xml" => RowLayout.Xml,
            _ => null,
        };
    }
}
