using Graft.Formats.Packages;
using Graft.Recipes;

namespace Graft.Cli.Display;

/// <summary>The table at the end of <c>graft train</c>: one row a task.</summary>
internal static class TrainTable
{
    /// <summary>Writes the table to standard output.</summary>
    public static void Write(Terminal terminal, TrainReport report)
    {
        bool baselines = report.Tasks.Any(task => task.LinearProbe is not null);
        List<Column> columns = ["task", Number("classes"), Number("rows"), "metric", Number("dev"), new("test", Right: true, Strong: true)];
        if (baselines)
        {
            columns.AddRange([Number("majority"), Number("probe")]);
        }

        columns.AddRange([Number("trained"), Number("package"), Number("time")]);
        var table = new TextTable(columns);
        foreach (TaskReport task in report.Tasks)
        {
            List<string> cells =
            [
                task.Task,
                task.Classes == 0 ? "" : $"{task.Classes}",
                Amounts.Count(task.TrainRows),
                task.PrimaryMetric,
                Score(task.Dev, task.PrimaryMetric),
                Score(task.Test, task.PrimaryMetric),
            ];
            if (baselines)
            {
                cells.AddRange([Score(task.Majority), Score(task.LinearProbe)]);
            }

            cells.AddRange([Amounts.Count(task.TrainedParameters), Amounts.Bytes(SizeOf(AdapterPackage.Open(task.Package).OwnFolder)), Amounts.Duration(task.Seconds)]);
            table.Add([.. cells]);
        }

        table.Write(terminal.Data);
        terminal.Out.WriteLine();
        if (report.Joint is { } joint)
        {
            terminal.Out.WriteLine(
                $"Together: {joint.Dev:0.000} on dev at step {joint.BestStep}{(joint.Test is { } test ? $", {test:0.000} on test" : "")}; "
                + $"{Amounts.Count(joint.SharedParameters)} parameters shared, {Amounts.Bytes(joint.SharedBytes)} once for all tasks");
            terminal.Out.WriteLine($"Package: {joint.Package}, a task of it as {report.Tasks[0].Package}");
            return;
        }

        terminal.Out.WriteLine(report.Tasks.Count == 1
            ? $"Package: {report.Tasks[0].Package}"
            : $"Packages: {report.Tasks.Count} folders in {Path.GetDirectoryName(report.Tasks[0].Package)}");
    }

    private static Column Number(string heading) => new(heading, Right: true);

    private static string Score(IReadOnlyDictionary<string, double> metrics, string name) =>
        metrics.TryGetValue(name, out double value) ? Score(value) : "";

    private static string Score(double? value) => value is { } number ? $"{number:0.000}" : "";

    private static long SizeOf(string folder) => new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length);
}
