using Graft.Torch;

namespace Graft.Tasks;

/// <summary>Says what a file of rows looks like, for whoever wants to write a task file for it. Stateless.</summary>
internal static class DataGuess
{
    private const int Most = 50;

    /// <summary>What the file looks like, in half a sentence.</summary>
    /// <param name="path">The file.</param>
    public static string Of(string path)
    {
        if (RowFormat.LayoutOf(path) is { } layout)
        {
            return Reads(path, RowFormat.Of(layout)) is { } named ? $"{Name(layout)}{named}" : $"{Name(layout)} that is no list of rows";
        }

        foreach (var tried in (RowLayout[])[RowLayout.Rct, RowLayout.Conll, RowLayout.Trec, RowLayout.Jsonl])
        {
            if (Reads(path, RowFormat.Of(tried)) is { } rows)
            {
                return $"{Name(tried)}{rows}";
            }
        }

        return Reads(path, RowFormat.Of(RowLayout.Lines)) is not null ? "lines of text" : "no rows of text";
    }

    // The first rows alone: this is a guess.
    private static string? Reads(string path, RowFormat format)
    {
        try
        {
            var rows = RowReader.Read(path, format).Take(Most).ToList();
            return rows.Count == 0 ? null : rows[0].Columns is { Count: > 0 } names ? $" with the columns {Suggest.List([.. names.Select(n => $"'{n}'")])}" : "";
        }
        catch (GraftException)
        {
            return null;
        }
    }

    private static string Name(RowLayout layout) => layout switch
    {
        RowLayout.Rct => "abstracts in PubMed RCT's format",
        RowLayout.Conll => "tokens and tags in CoNLL's format",
        RowLayout.Trec => "questions in TREC's format",
        _ => layout.ToString().ToLowerInvariant(),
    };
}
