using System.CommandLine;
using System.Text.Json.Nodes;
using Graft.Cli.Display;
using Graft.Methods.Core;

namespace Graft.Cli.Commands;

/// <summary><c>graft methods</c>: lists the methods with their settings.</summary>
internal sealed class MethodsCommand : CommandWithExamples
{
    private readonly Terminal _terminal;
    private readonly Option<bool> _json = JsonOutput.Option();

    public MethodsCommand(Terminal terminal)
        : base(
            "methods",
            "List the tuning methods with their settings and defaults.",
            "graft methods",
            "graft train --method lora --set rank=4 --set targets=query,key,value --tasks sentiment-yelp")
    {
        _terminal = terminal;
        Add(_json);
        SetAction(parsed => List(parsed.GetValue(_json)));
    }

    private int List(bool json)
    {
        if (json)
        {
            var rows = PeftMethods.All.Select(method => (JsonNode)new JsonObject
            {
                ["name"] = method.Name,
                ["summary"] = method.Summary,
                ["source"] = method.Source,
                ["settings"] = method.WriteConfig(method.Defaults),
            });
            JsonOutput.Write(_terminal, new JsonObject { ["methods"] = new JsonArray([.. rows]) });
            return ExitCode.Success;
        }

        var table = new TextTable("method", "what", "settings");
        foreach (PeftMethod method in PeftMethods.All)
        {
            table.Add(method.Name, method.Summary, Settings(method.WriteConfig(method.Defaults)));
        }

        table.Write(_terminal.Data);
        return ExitCode.Success;
    }

    // As --set takes them: rank=8 alpha=16 ...
    private static string Settings(JsonObject settings) =>
        string.Join(' ', settings.Select(setting => $"{setting.Key}={(setting.Value is JsonValue value ? value.ToString().Replace(", ", ",", StringComparison.Ordinal) : setting.Value?.ToJsonString())}"));
}
