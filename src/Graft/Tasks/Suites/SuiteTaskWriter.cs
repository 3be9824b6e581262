namespace Graft.Tasks.Suites;

/// <summary>Writes a built task: <c>NAME.task.json</c> and its splits as JSON lines under <c>data/</c>. Thread-safe.</summary>
internal static class SuiteTaskWriter
{
    /// <summary>Writes one task into a folder and tells what it wrote.</summary>
    public static PulledTask Write(string folder, SuiteTask task)
    {
        var (train, dev, test) = SuiteSplit.Of(task.Rows, task.TestTenths);
        var definition = new TaskDefinition(task.Name, TaskKind.Classification, task.Labels, task.Metrics, task.Rows[0].Pair is not null);
        var numbers = task.Labels.Select((label, number) => (label, number)).ToDictionary(l => l.label, l => l.number, StringComparer.Ordinal);
        Directory.CreateDirectory(Path.Combine(folder, "data"));
        var files = new Dictionary<Split, string>();
        foreach (var (split, rows) in new[] { (Split.Train, train), (Split.Dev, dev), (Split.Test, test) })
        {
            files.Add(split, $"data/{task.Name}.{split.ToString().ToLowerInvariant()}.jsonl");
            TaskWriter.WriteRows(Path.Combine(folder, files[split]), definition, rows.Select(row => new Example(row.Text, row.Pair) { Label = numbers[row.Label] }));
        }

        var majority = (double)test.GroupBy(row => row.Label, StringComparer.Ordinal).Max(group => group.Count()) / test.Count;
        var description = FormattableString.Invariant(
            $"{task.About} {task.Labels.Count} classes; rows: train {train.Count}, dev {dev.Count}, test {test.Count}; the commonest class makes up {majority:P1} of test.");
        var path = Path.Combine(folder, task.Name + TaskFile.Ending);
        TaskWriter.WriteTask(path, definition, description, files);
        return new PulledTask(task.Name, path, description, task.Labels.Count, train.Count, dev.Count, test.Count);
    }
}
