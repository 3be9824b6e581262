using System.CommandLine;
using System.Text.Json.Nodes;
using Graft.Recipes;

namespace Graft.Cli.Commands;

/// <summary><c>graft report</c>: writes a comparison as a page of charts and tables, as Markdown and for TensorBoard.</summary>
internal sealed class ReportCommand : CommandWithExamples
{
    private readonly Terminal _terminal;
    private readonly Argument<string> _folder = new("DIR") { Description = "The folder of a comparison, finished or under way." };
    private readonly Option<string?> _out = new("--out") { HelpName = "FILE", Description = "The page; DIR/report.html by default. The Markdown is written beside it, TensorBoard's files only without this." };
    private readonly Option<bool> _json = JsonOutput.Option("Print one JSON object on standard output instead of the paths.");

    public ReportCommand(Terminal terminal)
        : base(
            "report",
            "Write a comparison as one page of charts and tables.",
            "graft report docs/results/first",
            "graft report first --out /tmp/first.html")
    {
        _terminal = terminal;
        Remarks = "The page holds everything it shows and asks nothing of any network. It needs plan.json and results.jsonl alone, and may be made while runs are still under way.";
        Add(_folder);
        Add(_out);
        Add(_json);
        SetAction(parsed => Run(parsed.GetValue(_folder)!, parsed.GetValue(_out), parsed.GetValue(_json)));
    }

    private int Run(string folder, string? page, bool json)
    {
        ReportFiles files = Report.Write(folder, page);
        if (json)
        {
            JsonOutput.Write(_terminal, new JsonObject { ["page"] = files.Page, ["markdown"] = files.Markdown, ["tensorboard"] = files.TensorBoard });
        }
        else
        {
            foreach (string path in new[] { files.Page, files.Markdown })
            {
                _terminal.Out.WriteLine($"{path}  {Amounts.Bytes(new FileInfo(path).Length)}");
            }

            if (files.TensorBoard is { } events)
            {
                _terminal.Out.WriteLine($"{events}  for tensorboard --logdir");
            }
        }

        return ExitCode.Success;
    }
}
