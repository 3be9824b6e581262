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

    /// <summary>One JSON document: a list of objects, or an object whose values are the rows.</summary>
    Json,
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
            _ => null,
        };
    }
}

/// <summary>A column of a file, by its name or by its place counted from 0. Immutable.</summary>
/// <param name="Name">The name, null when only the place is given.</param>
/// <param name="Index">The place, null when only the name is given.</param>
public readonly record struct Column(string? Name, int? Index)
{
    /// <summary>A column by name. A name of digits alone also means the place, where no column is called so.</summary>
    /// <param name="name">The name.</param>
    public static Column Named(string name) => new(name, int.TryParse(name, System.Globalization.NumberStyles.None, null, out var index) ? index : null);

    /// <summary>A column by place.</summary>
    /// <param name="index">The place, from 0.</param>
    public static Column At(int index) => new(null, index);

    /// <inheritdoc/>
    public override string ToString() => Name is null ? $"{Index}" : $"'{Name}'";
}
