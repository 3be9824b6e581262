using System.CommandLine;
using System.Text.Json.Nodes;
using Graft.Formats.Packages;
using Graft.Recipes;
using Graft.Tasks;
using Graft.Torch;
using Spectre.Console;

namespace Graft.Cli.Commands;

/// <summary><c>graft predict PACKAGE ...</c>: answers texts or a file of rows with one package or several on one backbone.</summary>
internal sealed class PredictCommand : CommandWithExamples
{
    private readonly Terminal _terminal;
    private readonly Argument<string[]> _packages = new("PACKAGE ...")
    {
        Description = "Packages on one backbone, each answering every row; FOLDER#TASK is a task of a package of several, the folder of a run all that is in it.",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<string[]> _task = new("--task") { HelpName = "NAME", Description = "Of packages of several tasks, this one; may be repeated. All by default." };
    private readonly Option<string[]> _text = new("--text") { HelpName = "TEXT", Description = "A text to answer; may be repeated." };
    private readonly Option<string[]> _pair = new("--pair") { HelpName = "TEXT", Description = "The second text of the --text at the same place, for tasks with two." };
    private readonly Option<string?> _input = new("--input") { HelpName = "FILE", Description = "Rows to answer: jsonl, json, csv or tsv, gzipped or not." };
    private readonly Option<string?> _output = new("--output") { HelpName = "FILE", Description = "Write the answers as JSON lines here instead of standard output." };
    private readonly Option<string?> _textColumn = new("--text-column") { HelpName = "NAME", Description = "The column of the text; 'text' by default, 'question' for questions about a text." };
    private readonly Option<string?> _pairColumn = new("--pair-column") { HelpName = "NAME", Description = "The column of the second text; 'pair' by default, 'context' for questions about a text." };
    private readonly Option<bool> _noHeader = new("--no-header") { Description = "The csv or tsv file has no heading; columns are numbers from 0." };
    private readonly ComputeOptions _compute = new();
    private readonly Option<bool> _json = JsonOutput.Option("Print one JSON object with all answers on standard output.");

    public PredictCommand(Terminal terminal)
        : base(
            "predict",
            "Answer texts, or a file of rows, with packages.",
            "graft predict runs/reviews/sentiment-yelp --text \"The soup was cold and so was the waiter.\"",
            "graft predict runs/reviews --text \"How do I keep bread fresh?\"",
            "graft predict runs/reviews/sentiment-yelp --input rows.jsonl --output answers.jsonl",
            "graft predict runs/qa/squad --text \"Who wrote it?\" --pair \"The note was written by Ada Lovelace in 1843.\"")
    {
        _terminal = terminal;
        Remarks = "An --input without --output prints JSON lines: row, text, task, label, probability, probabilities.";
        Add(_packages);
        foreach (Option option in new Option[] { _task, _text, _pair, _input, _output, _textColumn, _pairColumn, _noHeader })
        {
            Add(option);
        }

        _compute.AddTo(this);
        Add(_json);
        SetAction((parsed, cancellationToken) => Task.FromResult(Run(parsed, cancellationToken)));
    }

    private int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        var settings = new PredictSettings
        {
            Packages = Chosen([.. parsed.GetRequiredValue(_packages).SelectMany(Expand)], parsed.GetValue(_task) ?? []),
            Texts = Texts(parsed.GetValue(_text) ?? [], parsed.GetValue(_pair) ?? []),
            Input = parsed.GetValue(_input),
            Output = parsed.GetValue(_output),
            TextColumn = parsed.GetValue(_textColumn),
            PairColumn = parsed.GetValue(_pairColumn),
            Header = !parsed.GetValue(_noHeader),
            Backbone = _compute.Backbone(parsed),
            Batch = _compute.Batch(parsed),
            Options = _compute.Read(parsed),
        };
        ProcessorCores.UseAll();

        var answers = new JsonArray();
        Action<PredictedRow>? each = settings.Output is not null ? null
            : parsed.GetValue(_json) ? row => answers.Add((JsonNode)row.ToJson())
            : settings.Input is not null ? row => _terminal.Out.WriteLine(row.ToLine())
            : new Blocks(_terminal, settings.Packages.Count).Write;
        PredictReport report = Predict.Run(settings, each, cancellationToken);
        if (parsed.GetValue(_json))
        {
            JsonObject document = report.ToJson();
            if (settings.Output is null)
            {
                document["answers"] = answers;
            }

            JsonOutput.Write(_terminal, document);
        }

        if (report.TruncatedRows > 0)
        {
            _terminal.Note($"{report.TruncatedRows} answers are on texts longer than the model takes; it did not see their end.");
        }

        if (settings.Output is not null)
        {
            _terminal.Note($"{Amounts.Count(report.Rows)} rows answered in {Amounts.Duration(report.Seconds)}, {settings.Output}");
        }

        return ExitCode.Success;
    }

    private static IEnumerable<string> Expand(string place)
    {
        if (JointPackage.IsJoint(place))
        {
            return JointPackage.Open(place).Places;
        }

        if (!Directory.Exists(place) || AdapterPackage.IsPackage(place))
        {
            return [place];
        }

        string[] inside = [.. Directory.EnumerateDirectories(place).Where(AdapterPackage.IsPackage).Order(StringComparer.Ordinal)];
        return inside.Length > 0 ? inside.SelectMany(Expand) : [place];
    }

    private static IReadOnlyList<string> Chosen(IReadOnlyList<string> places, string[] tasks)
    {
        if (tasks.Length == 0)
        {
            return places;
        }

        (string Place, string Task)[] known = [.. places.Select(place => (place, AdapterPackage.Open(place).Manifest.Task.Name))];
        return tasks.FirstOrDefault(task => !known.Any(k => k.Task == task)) is { } unknown
            ? throw new GraftException($"No package answers the task '{unknown}'; {Suggest.Hint(unknown, [.. known.Select(k => k.Task)])}")
            : [.. known.Where(k => tasks.Contains(k.Task)).Select(k => k.Place)];
    }

    private static List<(string, string?)> Texts(string[] texts, string[] pairs) => pairs.Length == 0 || pairs.Length == texts.Length
        ? [.. texts.Select((text, i) => (text, pairs.Length == 0 ? null : pairs[i]))]
        : throw new GraftException($"There are {texts.Length} --text and {pairs.Length} --pair; give a second text for each text, or none.");

    // A block a text: the text, then a line for each task with its answer and how sure the model is.
    private sealed class Blocks(Terminal terminal, int packages)
    {
        private long _number;

        public void Write(PredictedRow row)
        {
            if (row.Number != _number)
            {
                string gap = _number > 0 ? "\n" : "";
                _number = row.Number;
                terminal.Data.MarkupLineInterpolated($"{gap}[bold]{row.Text}[/]{(row.Pair is { } pair ? $"\n{pair}" : "")}");
            }

            string task = packages > 1 ? $"{row.Answer.Task.Name,-20} " : "";
            terminal.Out.WriteLine($"  {task}{Answer(row)}".TrimEnd());
        }

        private static string Answer(PredictedRow row) => row.Answer.Task.Kind switch
        {
            TaskKind.Regression when row.Answer.Text is { } text && float.IsNaN(row.Answer.Score) => $"(wrote '{text}', which is no number)",
            TaskKind.Classification when row.Answer is { Label: null, Text: { } text } => $"(wrote '{text}', which is no label)",
            TaskKind.Regression => $"{row.Answer.Score:0.000}",
            TaskKind.Span when row.Answer.Text is { } text => text,
            TaskKind.Span when row.Answer.Span is { } span => $"{span.Text}  {span.Probability:0.00}",
            TaskKind.Span => "(no answer)",
            TaskKind.Multilabel when row.Answer.Labels.Count == 0 => "(no label)",
            TaskKind.Multilabel => string.Join("  ", row.Answer.Labels.Select(label => $"{label} {row.Answer.ProbabilityOf(label):0.00}")),
            _ => $"{row.Answer.Label,-20} {row.Answer.Probability:0.00}",
        };
    }
}
