namespace Graft.Tasks;

/// <summary>One place where a file of rows may be, and how it is read there. Immutable.</summary>
/// <param name="Path">The file, absolute or relative to the folder of the task file; <c>*</c> in its name stands for any characters, <c>.gz</c> may follow on the disk.</param>
/// <param name="Format">How it is read.</param>
public sealed record DataPath(string Path, RowFormat Format);

/// <summary>Labelled rows: where they are and where their columns are. Immutable.</summary>
/// <param name="Paths">Where the rows may be; the first place that is there counts.</param>
/// <param name="Text">What makes the text.</param>
/// <param name="Pair">What makes the second text, null when there is none.</param>
/// <param name="Label">Column of the label, the labels or the score.</param>
/// <param name="LabelSeparator">What stands between the labels of a multilabel row.</param>
/// <param name="Optional">Whether the file may be missing.</param>
public sealed record DataFile(
    IReadOnlyList<DataPath> Paths,
    RowText Text,
    RowText? Pair,
    Column Label,
    string LabelSeparator,
    bool Optional)
{
    /// <summary>The label of every row, where the file has one label and no column of it; otherwise null.</summary>
    public string? LabelIs { get; init; }

    /// <summary>The file that holds the labels, where they are not beside the texts; otherwise null.</summary>
    public LabelFile? Labels { get; init; }

    /// <summary>The labels of what the file writes instead of them; what is not there is the label itself.</summary>
    public IReadOnlyDictionary<string, string> LabelValues { get; init; } = new Dictionary<string, string>();

    /// <summary>What rows without a label have instead of it: such rows are left out and counted.</summary>
    public IReadOnlyList<string> LabelSkip { get; init; } = [];

    /// <summary>What rows that belong together share; null when rows stand alone.</summary>
    public RowText? Group { get; init; }

    /// <summary>The column of what a row of a group stands for, such as a possible answer; null when nothing says it.</summary>
    public Column? Answer { get; init; }

    /// <summary>The rows that are read, from the first number (from 0) up to and without the second; null for all.</summary>
    public (int From, int To)? Range { get; init; }

    /// <summary>The places as messages name them.</summary>
    public string Names => string.Join(" or ", Paths.Select(p => p.Path).Distinct());

    /// <summary>The files that are there, one unless a name has a <c>*</c>; empty when there is none.</summary>
    /// <param name="folder">The folder that paths are relative to.</param>
    public IReadOnlyList<DataPath> Find(string folder) =>
        Paths.Select(p => Existing(folder, p.Path).Select(path => p with { Path = path }).ToList()).FirstOrDefault(found => found.Count > 0) ?? [];

    /// <summary>The files of a name in a folder: itself, itself with <c>.gz</c>, or all that its <c>*</c> stands for, in ordinal order.</summary>
    internal static IEnumerable<string> Existing(string folder, string name)
    {
        var path = Path.Combine(folder, name);
        if (!name.Contains('*', StringComparison.Ordinal))
        {
            return ((string[])[path, path + ".gz"]).Where(File.Exists).Take(1);
        }

        var (parent, pattern) = (Path.GetDirectoryName(path)!, Path.GetFileName(path));
        if (!Directory.Exists(parent))
        {
            return [];
        }

        // Of a file that is there with and without .gz the plain one counts, as for a name without a *.
        var plain = Directory.EnumerateFiles(parent, pattern).ToHashSet(StringComparer.Ordinal);
        return plain.Concat(Directory.EnumerateFiles(parent, pattern + ".gz").Where(file => !plain.Contains(file[..^3]))).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);
    }
}

/// <summary>A file of labels that belong to the rows of another: by the number of their line, or by a value that both share. Immutable.</summary>
/// <param name="Path">The file.</param>
/// <param name="Label">Column of the label.</param>
/// <param name="Key">The column that both files share; null where line n holds the label of line n.</param>
public sealed record LabelFile(DataPath Path, Column Label, Column? Key);
