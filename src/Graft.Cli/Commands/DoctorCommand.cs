using System.CommandLine;
using System.Text.Json.Nodes;
using Graft.Cli.Doctor;
using Graft.Formats.Sources;
using Spectre.Console;

namespace Graft.Cli.Commands;

/// <summary><c>graft doctor</c>: says whether everything that Graft needs is in place, and the remedy where it is not.</summary>
internal sealed class DoctorCommand : CommandWithExamples
{
    private readonly Terminal _terminal;
    private readonly Option<bool> _json = JsonOutput.Option();

    public DoctorCommand(Terminal terminal)
        : base("doctor", "Check libtorch, BLAS, devices, tools and the default model, with the remedy for each fault.", "graft doctor")
    {
        _terminal = terminal;
        Add(_json);
        SetAction(parsed => Examine(parsed.GetValue(_json)));
    }

    private int Examine(bool json)
    {
        SourceSettings settings = SourceSettings.FromEnvironment();
        List<Finding> findings = [.. TorchExamination.Run(), .. MachineExamination.Run(settings.Home), .. ModelExamination.Run(settings)];
        if (json)
        {
            PrintJson(findings);
        }
        else
        {
            PrintTable(findings);
        }

        return findings.Exists(finding => finding.Health == Health.Bad) ? ExitCode.BadInput : ExitCode.Success;
    }

    private void PrintTable(List<Finding> findings)
    {
        int width = findings.Max(finding => finding.Subject.Length);
        foreach (Finding finding in findings)
        {
            string mark = finding.Health switch { Health.Good => "[green]ok  [/]", Health.Fair => "[yellow]note[/]", _ => "[red]bad [/]" };
            _terminal.Data.Markup($"{mark}  [bold]{Markup.Escape(finding.Subject.PadRight(width))}[/]  ");
            _terminal.Out.WriteLine(finding.Value);
            if (finding.Health != Health.Good)
            {
                _terminal.Out.WriteLine($"{new string(' ', width + 8)}{finding.Remedy}");
            }
        }
    }

    private void PrintJson(List<Finding> findings)
    {
        var rows = findings.Select(finding => (JsonNode)new JsonObject
        {
            ["subject"] = finding.Subject,
            ["health"] = finding.Health.ToString().ToLowerInvariant(),
            ["value"] = finding.Value,
            ["remedy"] = finding.Remedy.Length > 0 ? finding.Remedy : null,
        });
        var document = new JsonObject
        {
            ["healthy"] = findings.TrueForAll(finding => finding.Health != Health.Bad),
            ["version"] = GraftCommandLine.Version,
            ["findings"] = new JsonArray([.. rows]),
        };
        JsonOutput.Write(_terminal, document);
    }
}
