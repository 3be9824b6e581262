using Spectre.Console;

namespace Graft.Cli.Display;

/// <summary>A column of a <see cref="TextTable"/>.</summary>
/// <param name="Heading">Its heading.</param>
/// <param name="Right">Whether it is aligned right, as numbers are.</param>
/// <param name="Strong">Whether its cells stand out.</param>
internal sealed record Column(string Heading, bool Right = false, bool Strong = false)
{
    /// <summary>A column of text.</summary>
    public static implicit operator Column(string heading) => new(heading);
}

/// <summary>A table of one line a row: bold headings, a rule, columns two blanks apart; never wraps and never pads the end of a line.</summary>
internal sealed class TextTable(params IReadOnlyList<Column> columns)
{
    /// <summary>What stands between columns.</summary>
    public const string Gap = "  ";

    private readonly List<string[]> _rows = [];

    /// <summary>The characters of the widest line of a table of the first cells of these rows.</summary>
    public static int Width(IReadOnlyList<Column> columns, IReadOnlyList<string[]> rows) =>
        Widths(columns, rows).Sum() + (Gap.Length * (columns.Count - 1));

    /// <summary>Adds a row with one text per column.</summary>
    public void Add(params string[] cells) => _rows.Add(cells);

    /// <summary>Writes the table.</summary>
    public void Write(IAnsiConsole console)
    {
        int[] widths = [.. Widths(columns, _rows)];
        WriteLine(console, [.. columns.Select(column => column.Heading)], widths, _ => "bold");
        WriteLine(console, [.. widths.Select(width => new string('─', width))], widths, _ => "dim");
        foreach (string[] row in _rows)
        {
            WriteLine(console, row, widths, column => column.Strong ? "bold" : "default");
        }
    }

    private static IEnumerable<int> Widths(IReadOnlyList<Column> columns, IReadOnlyList<string[]> rows) =>
        columns.Select((column, i) => rows.Select(row => row[i].Length).Append(column.Heading.Length).Max());

    private void WriteLine(IAnsiConsole console, string[] cells, int[] widths, Func<Column, string> style)
    {
        int last = Array.FindLastIndex(cells, cell => cell.Length > 0);
        IEnumerable<string> parts = cells.Take(last + 1).Select((cell, i) =>
        {
            string text = columns[i].Right ? cell.PadLeft(widths[i]) : i == last ? cell : cell.PadRight(widths[i]);
            return $"[{style(columns[i])}]{Markup.Escape(text)}[/]";
        });

        // Without wrapping: a line that is too long for a terminal is better broken by it than by us.
        foreach (string part in parts.SelectMany((part, i) => i == 0 ? new[] { part } : [Gap, part]))
        {
            console.Write(new Markup(part) { Overflow = Overflow.Fold });
        }

        console.Profile.Out.Writer.WriteLine();
    }
}
