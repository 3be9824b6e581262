using System.CommandLine;
using System.Text.Json.Nodes;
using Graft.Cli.Display;
using Graft.Recipes;
using Spectre.Console;

namespace Graft.Cli.Commands;

/// <summary><c>graft inspect PATH</c>: says what a package, a model folder or a safetensors file holds, and whether it is healthy.</summary>
internal sealed class InspectCommand : CommandWithExamples
{
    private const int Longest = 100;
    private readonly Terminal _terminal;
    private readonly Argument<string> _path = new("PATH") { Description = "A package, another library's adapter, a model folder, or a .safetensors file." };
    private readonly Option<string?> _backbone = new("--backbone") { HelpName = "DIR|NAME", Description = "The backbone of an adapter, for --page and for another library's; the one that it names by default." };
    private readonly Option<bool> _tensors = new("--tensors") { Description = "List every tensor with its type, shape, norm and largest number." };
    private readonly Option<string?> _page = new("--page") { HelpName = "FILE", Description = "Write pictures of what a package's adapter learnt, such as the overlap of its masks, as one page." };
    private readonly Option<bool> _json = JsonOutput.Option();

    public InspectCommand(Terminal terminal)
        : base(
            "inspect",
            "Show what an adapter, a model folder or a safetensors file holds, and check it.",
            "graft inspect runs/reviews/sentiment-yelp",
            "graft inspect \"$(graft pull minilm)\" --tensors",
            "graft inspect runs/three/joint --page masks.html")
    {
        _terminal = terminal;
        Add(_path);
        Add(_backbone);
        Add(_tensors);
        Add(_page);
        Add(_json);
        SetAction(parsed => Run(parsed.GetRequiredValue(_path), parsed.GetValue(_backbone), parsed.GetValue(_tensors), parsed.GetValue(_page), parsed.GetValue(_json)));
    }

    private int Run(string path, string? backbone, bool tensors, string? page, bool json)
    {
        InspectReport report = Inspect.Run(path, backbone);
        if (json)
        {
            JsonOutput.Write(_terminal, report.ToJson());
        }
        else
        {
            Write(report, tensors);
        }

        if (page is not null && report.Faults.Count > 0)
        {
            _terminal.Note($"'{page}' was not written: nothing is drawn of what has faults.");
        }
        else if (page is not null)
        {
            DrawPackage.Write(path, page, backbone);
            _terminal.Note($"{page}  {Amounts.Bytes(new FileInfo(page).Length)}");
        }

        return report.Faults.Count == 0 ? ExitCode.Success : ExitCode.BadInput;
    }

    private void Write(InspectReport report, bool tensors)
    {
        _terminal.Data.MarkupLineInterpolated($"[bold]{report.Path}[/]  {report.Kind.ToString().ToLowerInvariant()}");
        List<(string Key, string Value)> lines =
        [
            .. Lines(report.Facts, ""),
            ("tensors", $"{report.Tensors.Count}, {Amounts.Count(report.Elements)} elements"),
            ("numbers", report.Faults.Count == 0 ? "all finite" : "see the faults"),
            .. report.Bytes.Select(file => (file.Key, Amounts.Bytes(file.Value))),
        ];
        int width = lines.Max(line => line.Key.Length);
        foreach ((string key, string value) in lines)
        {
            _terminal.Data.MarkupInterpolated($"  [dim]{key.PadRight(width)}[/]  ");
            _terminal.Out.WriteLine(value.Length > Longest ? value[..Longest] + " ..." : value);
        }

        if (tensors)
        {
            _terminal.Out.WriteLine();
            var table = new TextTable("file", "key", "type", "shape", new Column("norm", Right: true), new Column("largest", Right: true));
            foreach (InspectedTensor tensor in report.Tensors)
            {
                table.Add(tensor.File, tensor.Key, tensor.DType.ToString().ToLowerInvariant(), $"[{string.Join(", ", tensor.Shape)}]", $"{tensor.Norm:G4}", $"{tensor.Largest:G4}");
            }

            table.Write(_terminal.Data);
        }

        foreach (string remark in report.Remarks)
        {
            _terminal.Note($"remark: {remark}");
        }

        foreach (string fault in report.Faults)
        {
            _terminal.Notes.Markup("[bold red]fault:[/] ");
            _terminal.Note(fault);
        }
    }

    // One line a value; objects open into "outer.inner", lists stay on a line.
    private static IEnumerable<(string Key, string Value)> Lines(JsonObject facts, string prefix) => facts.SelectMany(fact => fact.Value switch
    {
        null => [],
        JsonObject inner => Lines(inner, $"{prefix}{fact.Key}."),
        JsonArray list => [($"{prefix}{fact.Key}", string.Join(", ", list.Select(e => e is JsonArray inner ? $"[{string.Join(", ", inner)}]" : $"{e}")))],
        _ => new[] { ($"{prefix}{fact.Key}", fact.Value.ToString()) },
    });
}
