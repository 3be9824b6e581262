using System.CommandLine;
using System.Text.Json.Nodes;
using Graft.Formats.Foreign;
using Graft.Methods.Core;
using Graft.Recipes;
using Spectre.Console;

namespace Graft.Cli.Commands;

/// <summary><c>graft convert SRC DST --to FORMAT</c>: takes an adapter from one library's format to another's, losslessly or not at all.</summary>
internal sealed class ConvertCommand : CommandWithExamples
{
    private readonly Terminal _terminal;
    private readonly Argument<string> _source = new("SRC") { Description = "An adapter: a package of Graft, a folder of HF PEFT or of AdapterHub." };
    private readonly Argument<string> _destination = new("DST") { Description = "The folder to write." };
    private readonly Option<string> _to = new("--to") { Description = "The format to write: graft, peft or adapterhub.", Required = true };
    private readonly Option<string?> _backbone = new("--backbone") { Description = "The adapter's backbone. [default: the one that SRC names]" };
    private readonly Option<string?> _name = new("--name") { Description = "The adapter's sub-folder in SRC, and its name in DST." };
    private readonly Option<string?> _labels = new("--labels") { Description = "Labels a,b,... in the head's order, where SRC names none." };
    private readonly Option<bool> _overwrite = new("--overwrite") { Description = "Replace an adapter that is there." };
    private readonly Option<bool> _json = JsonOutput.Option();

    public ConvertCommand(Terminal terminal)
        : base(
            "convert",
            "Convert an adapter between Graft, HF PEFT and AdapterHub, bit for bit.",
            "graft convert runs/reviews/sentiment-yelp peft/yelp --to peft",
            "graft convert peft/yelp yelp --to graft --backbone minilm --labels negative,positive")
    {
        _terminal = terminal;
        _to.CompletionSources.Add(_ => AdapterFormats.All.Select(f => new System.CommandLine.Completions.CompletionItem(f.Name)));
        Add(_source);
        Add(_destination);
        foreach (Option option in new Option[] { _to, _backbone, _name, _labels, _overwrite, _json })
        {
            Add(option);
        }

        SetAction(Run);
    }

    private int Run(ParseResult parsed)
    {
        ConvertReport report = ConvertAdapter.Run(
            new ConvertSettings(parsed.GetRequiredValue(_source), parsed.GetRequiredValue(_destination), parsed.GetRequiredValue(_to))
            {
                Backbone = parsed.GetValue(_backbone),
                Name = parsed.GetValue(_name),
                Labels = parsed.GetValue(_labels)?.Split(',', StringSplitOptions.TrimEntries),
                Overwrite = parsed.GetValue(_overwrite),
            });
        if (parsed.GetValue(_json))
        {
            JsonOutput.Write(_terminal, report.ToJson());
            return ExitCode.Success;
        }

        _terminal.Data.MarkupLineInterpolated($"[bold]{report.Destination}[/]  {report.To}, from {report.From}");
        (string Key, string Value)[] lines =
        [
            ("name", report.Name),
            ("method", $"{report.Method} {Settings(report)}".TrimEnd()),
            ("backbone", report.Backbone),
            ("keys", $"{report.Keys.Count} read, none missing, unexpected or misshapen"),
            ("parameters", $"{Amounts.Count(report.Parameters)}, head {Amounts.Count(report.HeadParameters)}"),
            ("labels", report.Labels.Count > 0 ? string.Join(", ", report.Labels) : "none"),
            ("unknown fields", report.UnknownFields.Count > 0 ? $"{string.Join(", ", report.UnknownFields)} (kept)" : "none"),
            ("dropped", "nothing"),
            .. report.Bytes.Select(file => (file.Key, Amounts.Bytes(file.Value))),
        ];
        int width = lines.Max(line => line.Key.Length);
        foreach ((string key, string value) in lines)
        {
            _terminal.Data.MarkupInterpolated($"  [dim]{key.PadRight(width)}[/]  ");
            _terminal.Out.WriteLine(value);
        }

        foreach (string note in report.Notes)
        {
            _terminal.Note(note);
        }

        return ExitCode.Success;
    }
    // As --set takes them, without those that are the method's defaults.
    private static string Settings(ConvertReport report)
    {
        var method = PeftMethods.Get(report.Method);
        JsonObject defaults = method.WriteConfig(method.Defaults);
        return string.Join(' ', report.Config
            .Where(setting => !JsonNode.DeepEquals(setting.Value, defaults[setting.Key]))
            .Select(setting => $"{setting.Key}={setting.Value}"));
    }
}
