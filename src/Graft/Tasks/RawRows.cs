using Graft.Tasks.Spans;
using Graft.Torch;

namespace Graft.Tasks;

/// <summary>A row before its label has a meaning. Immutable.</summary>
internal sealed record RawRow(string Text, string? Pair, IReadOnlyList<string> Labels, int? Group, string? Answer, string File, int Line)
{
    /// <summary>The right answers of a row of questions.</summary>
    public IReadOnlyList<AnswerSpan> Answers { get; init; } = [];

    /// <summary>What the data calls a row of questions.</summary>
    public string Id { get; init; } = "";
}

/// <summary>Reads the rows of a task's files, with the labels that lie elsewhere. One thread.</summary>
/// <param name="description">What the task file says.</param>
/// <param name="folder">The folder that paths are relative to.</param>
internal sealed class RawRows(TaskDescription description, string folder)
{
    private readonly Dictionary<(string File, string Group), int> _groups = [];

    /// <summary>Ragged rows that were left out because a file says so.</summary>
    public int Skipped { get; private set; }

    /// <summary>The rows of a split's files.</summary>
    /// <exception cref="GraftException">A file is missing, empty or damaged, or a row lacks a column or its label.</exception>
    public List<RawRow> Read(IReadOnlyList<DataFile> files)
    {
        var rows = new List<RawRow>();
        foreach (var file in files)
        {
            var found = file.Find(folder);
            if (found.Count == 0 && !file.Optional)
            {
                throw new GraftException(file.Paths is [var only] && !only.Path.Contains('*', StringComparison.Ordinal)
                    ? $"{Path.Combine(folder, only.Path)}: no such file; check the path."
                    : $"{folder}: none of {file.Names} is there; add one of them, or correct the names in {description.Source}.");
            }

            foreach (var place in found)
            {
                var own = Read(file, place);
                rows.AddRange(file.Range is { } range ? Cut(own, range, place.Path) : own);
            }
        }

        return rows;
    }

    private List<RawRow> Read(DataFile file, DataPath place)
    {
        var (rows, unlabelled) = (new List<RawRow>(), 0);
        var labels = file.Labels is { } beside ? new LabelsBeside(beside, folder) : null;
        var sequence = RowReader.Read(place.Path, place.Format);
        foreach (var row in sequence)
        {
            var (text, pair) = (file.Text.Of(row), file.Pair?.Of(row));
            if (description.Kind == TaskKind.Span)
            {
                rows.Add(new RawRow(text, pair, [], null, null, row.File, row.Line) { Answers = row.Answers(file.Label, pair!), Id = row.TextOrNull("id") ?? "" });
                continue;
            }

            var own = Labels(file, row, labels);
            if (own is [var only] && file.LabelSkip.Contains(only, StringComparer.Ordinal))
            {
                unlabelled++;
                continue;
            }

            rows.Add(new RawRow(
                text, pair, [.. own.Select(l => file.LabelValues.GetValueOrDefault(l, l))],
                file.Group is { } group ? GroupOf(place.Path, group.Of(row)) : null, file.Answer is { } answer ? row.Text(answer) : null, row.File, row.Line));
        }

        Skipped += unlabelled + sequence.Skipped;
        if (rows.Count == 0 && unlabelled + sequence.Skipped > 0)
        {
            string[] why =
            [
                .. unlabelled > 0 ? [$"{Amounts.Count(unlabelled)} have a label that 'labelSkip' names"] : Array.Empty<string>(),
                .. sequence.Skipped > 0 ? [$"{Amounts.Count(sequence.Skipped)} have too many or too few columns"] : Array.Empty<string>(),
            ];
            throw new GraftException($"{place.Path}: every row is left out ({string.Join(", ", why)}), expected labelled rows; put rows in it, or name another file in {description.Source}.");
        }

        if (rows.Count == 0)
        {
            throw new GraftException(new FileInfo(place.Path) is { Exists: true, Length: 0 }
                ? $"{place.Path}: the file is empty, expected labelled rows; put rows in it, or name another file in {description.Source}."
                : $"{place.Path}: the file has no row beside its header, expected labelled rows; put rows in it, or name another file in {description.Source}.");
        }

        labels?.RefuseLeft(place.Path);
        return rows;
    }

    private IReadOnlyList<string> Labels(DataFile file, Row row, LabelsBeside? beside) =>
        file.LabelIs is { } always ? [always]
        : beside is not null ? [beside.Of(row)]
        : description.Kind == TaskKind.Multilabel ? row.Texts(file.Label, file.LabelSeparator)
        : [row.Text(file.Label)];

    private int GroupOf(string path, string group)
    {
        if (!_groups.TryGetValue((path, group), out var number))
        {
            _groups.Add((path, group), number = _groups.Count);
        }

        return number;
    }

    private static List<RawRow> Cut(List<RawRow> rows, (int From, int To) range, string path) => range.From < rows.Count
        ? rows[range.From..Math.Min(range.To, rows.Count)]
        : throw new GraftException($"{path}: the file has {rows.Count} rows, and those from {range.From} to {range.To} are wanted; correct 'range', or get the whole file.");

    /// <summary>The labels of a file, each used once.</summary>
    private sealed class LabelsBeside
    {
        private readonly LabelFile _file;
        private readonly string _path;
        private readonly Dictionary<string, (string Label, int Line)> _labels = new(StringComparer.Ordinal);

        public LabelsBeside(LabelFile file, string folder)
        {
            (_file, _path) = (file, DataFile.Existing(folder, file.Path.Path).FirstOrDefault() ?? Path.Combine(folder, file.Path.Path));
            foreach (var row in RowReader.Read(_path, file.Path.Format))
            {
                var key = file.Key is { } column ? row.Text(column) : $"{row.Line}";
                if (!_labels.TryAdd(key, (row.Text(file.Label).Trim(), row.Line)))
                {
                    throw row.Error($"{file.Key} is '{key}' a second time, expected one label for each; remove a row.");
                }
            }
        }

        public string Of(Row row)
        {
            var key = _file.Key is { } column ? row.Text(column) : $"{row.Line}";
            return _labels.Remove(key, out var label)
                ? label.Label
                : throw row.Error(_file.Key is { } shared
                    ? $"no label of {shared} '{key}' is left in {_path}, expected one for each row; add it there."
                    : $"{_path} has no label in line {key}, expected one for each row; add it there.");
        }

        public void RefuseLeft(string path)
        {
            if (_labels.Count > 0)
            {
                var (key, left) = _labels.MinBy(l => l.Value.Line);
                throw new GraftException(
                    $"{_path}, line {left.Line}: the label '{left.Label}'{(_file.Key is null ? "" : $" of '{key}'")} belongs to no row of {path}; remove it, or add the row.");
            }
        }
    }
}
