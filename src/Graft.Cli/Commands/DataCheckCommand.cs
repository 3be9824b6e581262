using System.CommandLine;
using Graft.Cli.Display;
using Graft.Recipes;
using Graft.Tasks;
using Column = Graft.Cli.Display.Column;

namespace Graft.Cli.Commands;

/// <summary><c>graft data check DIR</c>: reads every task that a folder holds and says what is in it.</summary>
internal sealed class DataCheckCommand : CommandWithExamples
{
    private readonly Terminal _terminal;
    private readonly Argument<string> _folder = new("DIR") { Description = "A folder of data sets as they are published, or of task files." };
    private readonly Option<bool> _json = JsonOutput.Option();

    public DataCheckCommand(Terminal terminal)
        : base(
            "check",
            "Read every task of a folder: its rows and labels, and what is not as published.",
            "graft data check ~/data",
            "graft data check ~/data --json | jq '.tasks[].labels'")
    {
        _terminal = terminal;
        Remarks = "Every row is read, so that what training would stumble over is found now. Exit code 2 when the files of a task cannot be read. docs/tasks.md lists the folders and files of built-in tasks.";
        Add(_folder);
        Add(_json);
        SetAction((parsed, cancellation) => Task.FromResult(Run(parsed.GetRequiredValue(_folder), parsed.GetValue(_json), cancellation)));
    }

    private int Run(string folder, bool json, CancellationToken cancellation)
    {
        DataReport report = CheckData.Run(folder, cancellation);
        if (json)
        {
            JsonOutput.Write(_terminal, report.ToJson());
        }
        else
        {
            Show(report, folder);
        }

        return report.IsSound ? ExitCode.Success : ExitCode.BadInput;
    }

    private void Show(DataReport report, string folder)
    {
        var table = new TextTable(
            "task", "suite", "folder", new Column("train", Right: true), new Column("dev", Right: true), new Column("test", Right: true), "labels");
        foreach (CheckedTask task in report.Tasks)
        {
            table.Add(
                task.Task, task.Suite ?? "", Path.GetRelativePath(folder, task.Place), Rows(task, Split.Train), Rows(task, Split.Dev), Rows(task, Split.Test),
                task.Data is { } data ? Labels(data.Task) : "cannot be read");
        }

        if (report.Tasks.Count > 0)
        {
            table.Write(_terminal.Data);
        }

        _terminal.Out.WriteLine(report.Tasks.Count switch { 0 => "No known task.", 1 => "1 task.", var n => $"{n} tasks." } + (report.Tasks.Any(IsCut) ? " * cut from train, as there is no dev file" : ""));
        foreach (CheckedTask task in report.Tasks)
        {
            foreach (string note in (task.Data?.Notes ?? []).Concat(task.Fault is { } fault ? [fault] : []))
            {
                _terminal.Note($"{task.Task} ({Path.GetRelativePath(folder, task.Place)}): {note}");
            }
        }

        foreach (UnknownData file in report.Unknown)
        {
            _terminal.Note($"{Path.GetRelativePath(folder, file.Path)}: of no known task; {file.Guess}");
        }
    }

    private static string Rows(CheckedTask task, Split split) => task.Data?.Counts[split] is > 0 and var rows
        ? Amounts.Count(rows) + (split == Split.Dev && IsCut(task) ? "*" : "")
        : "";

    private static bool IsCut(CheckedTask task) => task.Data is { DevIsCutFromTrain: true };

    private static string Labels(TaskDefinition task) => task.Labels.Count switch
    {
        0 => task.Kind == TaskKind.Span ? "pieces of the text" : "numbers",
        <= 6 => string.Join(", ", task.Labels),
        var n => $"{n}: {string.Join(", ", task.Labels.Take(3))}, ...",
    };
}
