using Graft.Torch;

namespace Graft.Tasks;

/// <summary>
/// Reads abstracts in PubMed RCT's format: a line <c>###id</c>, then a line <c>LABEL</c>, tab, sentence for each sentence, then a blank line. Source: Dernoncourt
/// and Lee, PubMed 200k RCT (IJCNLP 2017), their data files. Stateless.
/// </summary>
internal static class RctRows
{
    private const string Mark = "###";
    private static readonly string[] s_names = ["id", "label", "text"];

    /// <summary>Rows of the columns <c>id</c>, <c>label</c> and <c>text</c>, one a sentence.</summary>
    /// <exception cref="GraftException">A sentence stands outside an abstract or has no label, or an abstract has no sentence.</exception>
    public static IEnumerable<Row> Read(TextLines lines, string file)
    {
        var columns = new Columns(file, s_names, s_names.Length);
        var (id, opened, sentences) = ("", 0, 0);
        while (lines.Next() is { } line)
        {
            if (string.IsNullOrWhiteSpace(line))
            {
                Close();
                (id, opened) = ("", 0);
            }
            else if (line.StartsWith(Mark, StringComparison.Ordinal))
            {
                Close();
                (id, opened, sentences) = (line[Mark.Length..].Trim(), lines.Line, 0);
            }
            else
            {
                var tab = line.IndexOf('\t', StringComparison.Ordinal);
                if (opened == 0 || tab <= 0 || string.IsNullOrWhiteSpace(line[tab..]))
                {
                    throw new GraftException(opened == 0
                        ? $"{file}, line {lines.Line}: a sentence outside an abstract, expected a line '{Mark}id' before it; mend the file."
                        : $"{file}, line {lines.Line}: no label, tab and sentence; mend the line.");
                }

                sentences++;
                yield return new DelimitedRow(file, lines.Line, [id, line[..tab], line[(tab + 1)..]], columns);
            }
        }

        Close();

        void Close()
        {
            if (opened > 0 && sentences == 0)
            {
                throw new GraftException($"{file}, line {opened}: an abstract without sentences; mend the file.");
            }
        }
    }
}
