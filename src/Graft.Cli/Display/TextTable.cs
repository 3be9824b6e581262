using Spectre.Console;

namespace Graft.Cli.Display;

/// <summary>A table of one line a row: bold headings, a rule, columns two blanks apart; never wraps and never pads the end of a line.</summary>
/// <param name="columns">The headings; one that begins with <c>&gt;</c> marks a column of numbers, aligned right.</param>
internal sealed class TextTable(params string[] columns)
{
    private const string Gap = "  ";
    private readonly List<string[]> _rows = [];

    /// <summary>Adds a row with one text per column.</summary>
    public void Add(params string[] cells) => _rows.Add(cells);

    /// <summary>Writes the table.</summary>
    public void Write(IAnsiConsole console)
    {
        string[] headings = [.. columns.Select(column => column.TrimStart('>'))];
        int[] widths = [.. headings.Select((heading, i) => Math.Max(heading.Length, _rows.Count == 0 ? 0 : _rows.Max(row => row[i].Length)))];
        console.MarkupLineInterpolated($"[bold]{Line(headings, widths)}[/]");
        console.MarkupLineInterpolated($"[dim]{string.Join(Gap, widths.Select(width => new string('─', width)))}[/]");
        foreach (string[] row in _rows)
        {
            console.Profile.Out.Writer.WriteLine(Line(row, widths));
        }
    }

    private string Line(string[] cells, int[] widths) => string.Join(
        Gap,
        cells.Select((cell, i) => columns[i].StartsWith('>') ? cell.PadLeft(widths[i]) : cell.PadRight(widths[i]))).TrimEnd();
}
