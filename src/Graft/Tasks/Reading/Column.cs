using System.Globalization;

namespace Graft.Tasks;

/// <summary>A column of a file, by its name or by its place counted from 0. Immutable.</summary>
/// <param name="Name">The name, null when only the place is given.</param>
/// <param name="Index">The place, below 0 counted from the end of each row (-1 is the last); null when only the name is given.</param>
public readonly record struct Column(string? Name, int? Index)
{
    /// <summary>A column by name. A name of digits alone also means the place, where no column is called so.</summary>
    /// <param name="name">The name.</param>
    public static Column Named(string name) => new(name, int.TryParse(name, NumberStyles.None, null, out var index) ? index : null);

    /// <summary>A column by place.</summary>
    /// <param name="index">The place, from 0, or from -1 backwards from the end.</param>
    public static Column At(int index) => new(null, index);

    /// <inheritdoc/>
    public override string ToString() => Name is null ? $"{Index}" : $"'{Name}'";
}

/// <summary>What makes one text of a row: a column, or several columns in a template such as <c>{question} answer: {answer}</c>. Immutable.</summary>
public sealed class RowText
{
    private readonly IReadOnlyList<(string Before, Column? Column)> _parts;

    private RowText(IReadOnlyList<(string Before, Column? Column)> parts) => _parts = parts;

    /// <summary>The columns, in the order of the text.</summary>
    public IReadOnlyList<Column> Columns => field ??= [.. _parts.Select(p => p.Column).OfType<Column>()];

    /// <summary>The text of one column.</summary>
    /// <param name="column">The column.</param>
    public static RowText Of(Column column) => new([("", column)]);

    /// <summary>The text of a template: columns by name or place in braces, a brace of the text itself written twice; null where braces do not match.</summary>
    /// <param name="template">The template, with at least one column.</param>
    public static RowText? Template(string template)
    {
        ArgumentNullException.ThrowIfNull(template);
        var (parts, before, at) = (new List<(string, Column?)>(), "", 0);
        while (at < template.Length)
        {
            var (here, next) = (template[at], at + 1 < template.Length ? template[at + 1] : '\0');
            if (here is '{' or '}' && next == here)
            {
                (before, at) = (before + here, at + 2);
            }
            else if (here is '{' or '}')
            {
                var end = here == '{' ? template.IndexOf('}', at) : -1;
                if (end <= at + 1)
                {
                    return null;
                }

                parts.Add((before, Tasks.Column.Named(template[(at + 1)..end])));
                (before, at) = ("", end + 1);
            }
            else
            {
                (before, at) = (before + here, at + 1);
            }
        }

        return parts.Count == 0 ? null : new RowText([.. parts, (before, null)]);
    }

    /// <summary>The text of a row.</summary>
    /// <param name="row">The row.</param>
    /// <exception cref="Torch.GraftException">The row lacks a column.</exception>
    public string Of(Row row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return _parts is [("", { } only)] ? row.Text(only) : string.Concat(_parts.Select(p => p.Before + (p.Column is { } column ? row.Text(column) : "")));
    }
}
