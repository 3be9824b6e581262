using System.Globalization;
using Graft.Torch;

namespace Graft.Tasks;

/// <summary>Reads the rows that a description names. Thread-safe.</summary>
public static class TaskReader
{
    /// <summary>Reads all splits; a dev split that is not named is cut from train.</summary>
    /// <param name="description">What the task file says.</param>
    /// <param name="folder">The folder that paths are relative to.</param>
    /// <param name="splitSeed">Seed of the dev split where it is cut from train.</param>
    /// <exception cref="GraftException">A file is missing, empty or damaged, or a row breaks the description.</exception>
    public static TaskData Read(TaskDescription description, string folder, long splitSeed = 0)
    {
        ArgumentNullException.ThrowIfNull(description);
        ArgumentNullException.ThrowIfNull(folder);
        var files = new RawRows(description, folder);
        var (train, dev, test) = (files.Read(description.Train), files.Read(description.Dev), files.Read(description.Test));
        if (train.Count == 0)
        {
            throw new GraftException($"{description.Source}: none of the train files is there, expected at least one; check 'files.train'.");
        }

        var listed = description.Labels is not null;
        var labels = description.Kind is TaskKind.Regression or TaskKind.Span ? [] : description.Labels ?? FoundIn(train);
        RefuseOneClass(description, labels, train);
        foreach (var name in description.MetricNames)
        {
            Metrics.Check(name, description.Kind, labels.Count, description.Source, description.IsGrouped);
        }

        var task = new TaskDefinition(description.Name, description.Kind, labels, description.MetricNames, description.IsPair)
        {
            Text = description.TextToText,
            IsGrouped = description.IsGrouped,
        };
        var reader = new Labeller(task, listed);
        var trainRows = train.ConvertAll(reader.Label);
        var devRows = dev.ConvertAll(reader.Label);
        var testRows = test.Count == 0 ? null : test.ConvertAll(reader.Label);
        var leaked = description.Kind == TaskKind.Span ? WithoutHeldOut(trainRows, devRows.Concat(testRows ?? []), description) : 0;
        var cut = devRows.Count == 0;
        if (cut)
        {
            (trainRows, devRows) = DevCut.From(trainRows, task, splitSeed, description.Source);
        }

        var known = Known(trainRows, devRows, testRows ?? []);
        return new TaskData(task, trainRows, devRows, testRows)
        {
            Splits = new TaskSplits(CutSeed: cut ? splitSeed : null),
            PublishedSplit = description.PublishedSplit,
            SkippedRows = files.Skipped,
            Notes =
            [
                .. files.Skipped > 0 ? [$"{Amounts.Count(files.Skipped)} rows are left out, as its task file says"] : Array.Empty<string>(),
                .. Unlike(description, Split.Train, train.Count), .. Unlike(description, Split.Dev, dev.Count), .. Unlike(description, Split.Test, test.Count), .. Leaked(leaked), .. known,
            ],
        };
    }

    // A file that is not there is no other number: its split is cut, or there is none.
    private static string[] Unlike(TaskDescription description, Split split, int rows) =>
        rows > 0 && description.PublishedRows.TryGetValue(split, out var published) && published != rows
            ? [$"{split.ToString().ToLowerInvariant()} has {Amounts.Count(rows)} rows, and {Amounts.Count(published)} are published"]
            : [];

    // Training on a question that is judged on would make its answer worthless; subsets of SQuAD that go about hold some.
    private static int WithoutHeldOut(List<Example> train, IEnumerable<Example> heldOut, TaskDescription description)
    {
        var judged = heldOut.Select(row => (row.Text, row.Pair)).ToHashSet();
        var leaked = train.RemoveAll(row => judged.Contains((row.Text, row.Pair)));
        return train.Count > 0
            ? leaked
            : throw new GraftException($"{description.Source}: every training question is in dev or test too, expected others; name other files.");
    }

    private static string[] Leaked(int rows) => rows > 0 ? [$"{Amounts.Count(rows)} training questions are left out, as dev or test has them too"] : [];

    // Such rows stay, as they are published so and results are compared on them; what they are worth is for people to judge.
    private static string[] Known(List<Example> train, List<Example> dev, List<Example> test)
    {
        var texts = train.Select(row => (row.Text, row.Pair)).ToHashSet();
        var (inDev, inTest) = (dev.Count(row => texts.Contains((row.Text, row.Pair))), test.Count(row => texts.Contains((row.Text, row.Pair))));
        return inDev + inTest == 0
            ? []
            : [$"{string.Join(" and ", [.. Some(inDev, "dev"), .. Some(inTest, "test")])} {(inDev + inTest == 1 ? "row has" : "rows have")} the text of a training row"];

        static string[] Some(int rows, string split) => rows > 0 ? [$"{Amounts.Count(rows)} {split}"] : [];
    }

    private static List<string> FoundIn(List<RawRow> rows) =>
        [.. rows.SelectMany(row => row.Labels).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    private static void RefuseOneClass(TaskDescription description, IReadOnlyList<string> labels, List<RawRow> train)
    {
        if (description.Kind == TaskKind.Classification && train.TrueForAll(row => row.Labels[0] == train[0].Labels[0])
            && labels.Contains(train[0].Labels[0], StringComparer.Ordinal))
        {
            throw new GraftException(
                $"{train[0].File}: all {train.Count} training rows have the label '{train[0].Labels[0]}', expected two classes or more; add rows of another class, or check which column 'label' names.");
        }

        if (description.Kind == TaskKind.Span && train.TrueForAll(row => row.Answers.Count == 0))
        {
            throw new GraftException($"{train[0].File}: no training row has an answer, expected some; check which column 'label' names.");
        }

        if (description.Kind == TaskKind.Multilabel && labels.Count == 0)
        {
            throw new GraftException($"{train[0].File}: no training row has a label, expected some; check which column 'label' names.");
        }
    }

    /// <summary>Turns labels as written into indices and numbers.</summary>
    private sealed class Labeller(TaskDefinition task, bool listed)
    {
        private readonly Dictionary<string, int> _indices =
            task.Labels.Select((label, index) => (label, index)).ToDictionary(pair => pair.label, pair => pair.index, StringComparer.Ordinal);

        public Example Label(RawRow row)
        {
            var example = new Example(row.Text, row.Pair) { Group = row.Group, Answer = row.Answer, File = row.File, Line = row.Line };
            return task.Kind switch
            {
                TaskKind.Classification => example with { Label = IndexOf(row, row.Labels[0]) },
                TaskKind.Multilabel => example with { Labels = [.. row.Labels.Select(label => IndexOf(row, label)).Distinct().Order()] },
                TaskKind.Span => example with { Answers = row.Answers, Id = row.Id },
                _ => example with { Score = ScoreOf(row) },
            };
        }

        private int IndexOf(RawRow row, string label)
        {
            if (_indices.TryGetValue(label, out var index))
            {
                return index;
            }

            var shown = label.Length > 60 ? $"{label[..57]}..." : label;
            throw new GraftException(listed
                ? $"{row.File}, line {row.Line}: the label '{shown}' is not in the task's list; {Suggest.Hint(label, task.Labels)}"
                : $"{row.File}, line {row.Line}: the label '{shown}' occurs in no training row; list all labels under \"labels\" in the task file, or mend the row.");
        }

        private static double ScoreOf(RawRow row)
        {
            var written = row.Labels[0];
            if (!double.TryParse(written, NumberStyles.Float, CultureInfo.InvariantCulture, out var score))
            {
                var shown = written.Length > 60 ? $"{written[..57]}..." : written;
                throw new GraftException($"{row.File}, line {row.Line}: the score '{shown}' is not a number, expected one such as 3.75; mend the row.");
            }

            return double.IsFinite(score)
                ? score
                : throw new GraftException($"{row.File}, line {row.Line}: the score '{written}' is not finite, expected a number such as 3.75; mend or remove the row.");
        }
    }
}
