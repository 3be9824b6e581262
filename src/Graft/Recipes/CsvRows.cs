using System.Globalization;
using Graft.Tasks;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>The texts and labels of a user's file, checked, with what they are taken for. Immutable.</summary>
internal sealed class CsvRows
{
    private const int FewestRows = 30;
    private const int MostClassesOfNumbers = 20;
    private const int LongText = 600;

    private readonly CsvSettings _settings;

    private CsvRows(CsvSettings settings, IReadOnlyList<(string Text, string Label)> rows)
    {
        (_settings, Rows) = (settings, rows);
        Labels = [.. rows.Select(r => r.Label).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        Kind = settings.Kind ?? KindOf();
    }

    /// <summary>The rows in the order of the file; blanks around labels are left out.</summary>
    public IReadOnlyList<(string Text, string Label)> Rows { get; }

    /// <summary>The different labels in ordinal order.</summary>
    public IReadOnlyList<string> Labels { get; }

    /// <summary>What the labels are taken for.</summary>
    public TaskKind Kind { get; }

    /// <summary>Reads and checks a file.</summary>
    /// <param name="settings">The file and its columns.</param>
    /// <exception cref="GraftException">The file or a column is missing, a text or label is empty, or there are too few rows or classes.</exception>
    public static CsvRows Read(CsvSettings settings)
    {
        if (settings.Text == settings.Label)
        {
            throw new GraftException($"--text and --label both name the column '{settings.Text}'; name the column of the text and that of the label.");
        }

        var (text, label) = (Column.Named(settings.Text), Column.Named(settings.Label));
        List<(string Text, string Label)> rows = [];
        foreach (var row in RowReader.Read(settings.File))
        {
            rows.Add((row.Text(text), row.Text(label).Trim()));
            RefuseEmpty(row, rows[^1].Text, settings.Text);
            RefuseEmpty(row, rows[^1].Label, settings.Label);
        }

        var read = new CsvRows(settings, rows);
        read.Check();
        return read;
    }

    /// <summary>The split of each row; what is kept in proportion is the label, or the fifth of the numbers that it lies in.</summary>
    public Split[] Splits()
    {
        var splits = GroupedSplit.Of([.. Rows.Select(r => r.Text)], Kind == TaskKind.Regression ? Fifths() : [.. Rows.Select(r => r.Label)], seed: 0);
        return Enum.GetValues<Split>().All(splits.Contains)
            ? splits
            : throw new GraftException(
                $"{_settings.File}: its {Rows.Count} rows cannot be cut into train, dev and test, as too few of them have a label in common or different texts; add rows.");
    }

    /// <summary>What the user should know about the data, a sentence each.</summary>
    /// <param name="splits">The splits.</param>
    public IEnumerable<string> Notes(IReadOnlyList<Split> splits)
    {
        var test = splits.Count(s => s == Split.Test);
        if (Kind == TaskKind.Regression)
        {
            yield return $"'{_settings.Label}' holds numbers with {Labels.Count} different values, so numbers are predicted (a regression).";
        }
        else
        {
            if (test < 200)
            {
                yield return $"Test has {test} rows: one of them is {100.0 / test:0.0} points of accuracy, so small differences mean little.";
            }

            var rare = Rows.GroupBy(r => r.Label, StringComparer.Ordinal).Where(g => g.Count() < 5).Select(g => $"'{g.Key}'").ToList();
            if (rare.Count > 0)
            {
                yield return $"{(rare.Count == 1 ? "A label has" : $"{rare.Count} labels have")} fewer than 5 rows, too few to learn or to judge: {Suggest.List(rare)}.";
            }
        }

        var repeated = Rows.GroupBy(r => GroupedSplit.Plain(r.Text), StringComparer.Ordinal).Where(g => g.Count() > 1).ToList();
        if (repeated.Count > 0)
        {
            yield return $"{repeated.Sum(g => g.Count())} rows share their text with another; rows of one text are kept on one side of the split, so that test stays honest.";
        }

        if (Kind == TaskKind.Classification && repeated.Count(g => g.DistinctBy(r => r.Label, StringComparer.Ordinal).Count() > 1) is var contrary and > 0)
        {
            yield return $"{contrary} {(contrary == 1 ? "text has" : "texts have")} different labels in different rows; no method can get all of them right.";
        }

        if (Rows.Count(r => r.Text.Length > LongText) is var cut and > 0)
        {
            yield return $"{cut} {(cut == 1 ? "text is" : "texts are")} longer than {LongText} characters and may lose the end (max_tokens in the plan).";
        }
    }

    private static void RefuseEmpty(Row row, string value, string column)
    {
        if (string.IsNullOrWhiteSpace(value))
        {
            throw row.Error($"the column '{column}' is empty; fill it, or remove the row.");
        }
    }

    private void Check()
    {
        var file = _settings.File;
        if (Kind == TaskKind.Multilabel)
        {
            throw new GraftException($"{file}: several labels a row need a task file (docs/tasks.md); write one and name it in a plan.");
        }

        if (Rows.Count < FewestRows)
        {
            throw new GraftException($"{file}: {Rows.Count} rows are too few to compare methods on, expected at least {FewestRows}, better some hundred; add rows.");
        }

        if (Labels.Count < 2)
        {
            throw new GraftException($"{file}: every row has '{Labels[0]}' in the column '{_settings.Label}', expected at least two different labels; name the column of the label, or add rows.");
        }

        if (Kind == TaskKind.Regression && Labels.FirstOrDefault(l => Number(l) is null) is { } word)
        {
            throw new GraftException($"{file}: the column '{_settings.Label}' holds '{word}', which is no number; mend it, or leave the kind to be found.");
        }

        if (Kind == TaskKind.Classification && Labels.Count > Rows.Count / 2)
        {
            throw new GraftException($"{file}: the column '{_settings.Label}' holds {Labels.Count} different values in {Rows.Count} rows, too many to be labels; name the column of the label.");
        }
    }

    private TaskKind KindOf()
    {
        var numbers = Labels.Select(Number).ToList();
        return Labels.Count > MostClassesOfNumbers && numbers.TrueForAll(n => n is not null)
            && (numbers.Exists(n => n != Math.Floor(n!.Value)) || Labels.Count > Rows.Count / 10)
            ? TaskKind.Regression
            : TaskKind.Classification;
    }

    private string[] Fifths()
    {
        var fifths = new string[Rows.Count];
        foreach (var (place, row) in Enumerable.Range(0, Rows.Count).OrderBy(i => Number(Rows[i].Label)).Index())
        {
            fifths[row] = $"{5 * place / Rows.Count}";
        }

        return fifths;
    }

    private static double? Number(string label) =>
        double.TryParse(label, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : null;
}
