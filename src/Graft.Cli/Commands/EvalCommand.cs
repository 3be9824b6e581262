using System.CommandLine;
using System.Text.Json.Nodes;
using Graft.Cli.Display;
using Graft.Evaluation;
using Graft.Recipes;
using Spectre.Console;

namespace Graft.Cli.Commands;

/// <summary><c>graft eval PACKAGE</c>: measures a package on its task's dev and test rows.</summary>
internal sealed class EvalCommand : CommandWithExamples
{
    private readonly Terminal _terminal;
    private readonly Argument<string> _package = new("PACKAGE") { Description = "A folder that 'graft train' wrote; FOLDER#TASK is a task of a package of several." };
    private readonly Option<string?> _task = new("--task") { HelpName = "NAME|FILE", Description = "Another task or task file with the same labels, or a task of the package; the package's own by default." };
    private readonly Option<string?> _data = new("--data") { HelpName = "DIR", Description = "A folder to search first for the task's data." };
    private readonly ComputeOptions _compute = new();
    private readonly Option<bool> _json = JsonOutput.Option();

    public EvalCommand(Terminal terminal)
        : base(
            "eval",
            "Measure a package on its task's dev and test rows.",
            "graft eval runs/reviews/sentiment-yelp",
            "graft eval runs/reviews/sentiment-yelp --task sentiment-imdb --json")
    {
        _terminal = terminal;
        Add(_package);
        Add(_task);
        Add(_data);
        _compute.AddTo(this);
        Add(_json);
        SetAction((parsed, cancellationToken) => Task.FromResult(Run(parsed, cancellationToken)));
    }

    private int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        var settings = new EvaluateSettings
        {
            Package = parsed.GetRequiredValue(_package),
            Task = parsed.GetValue(_task),
            Data = parsed.GetValue(_data),
            Backbone = _compute.Backbone(parsed),
            Batch = _compute.Batch(parsed),
            Options = _compute.Read(parsed),
        };
        ProcessorCores.UseAll();
        IReadOnlyList<EvaluateReport> reports = Evaluate.All(settings, cancellationToken);
        if (parsed.GetValue(_json))
        {
            JsonOutput.Write(_terminal, reports.Count == 1 ? reports[0].ToJson() : new JsonObject
            {
                ["tasks"] = new JsonArray([.. reports.Select(report => (JsonNode)report.ToJson())]),
                ["average"] = new JsonObject { ["dev"] = Average(reports, report => report.Dev), ["test"] = Average(reports, report => report.Test) },
            });
            return ExitCode.Success;
        }

        foreach (EvaluateReport report in reports)
        {
            if (reports.Count > 1)
            {
                _terminal.Data.MarkupLineInterpolated($"[bold]{report.Task}[/]");
            }

            Write(report);
            if (reports.Count > 1)
            {
                _terminal.Out.WriteLine();
            }
        }

        if (reports.Count > 1)
        {
            string[] averages = [.. new[] { ("dev", Average(reports, report => report.Dev)), ("test", Average(reports, report => report.Test)) }
                .Where(split => split.Item2 is not null).Select(split => $"{split.Item2:0.0000} on {split.Item1}")];
            _terminal.Out.WriteLine($"Mean of the first metrics: {string.Join(", ", averages)}");
        }

        return ExitCode.Success;
    }

    private void Write(EvaluateReport report)
    {
        string[] metrics = [.. report.Dev.Keys.Union(report.Test.Keys)];
        var table = new TextTable(["rows of", new Column("rows", Right: true), .. metrics.Select(metric => new Column(metric, Right: true, Strong: true))]);
        Row(table, "dev", report.DevRows, report.Dev, metrics);
        Row(table, "test", report.TestRows, report.Test, metrics);
        table.Write(_terminal.Data);
        Observed(report);
        if (report.TruncatedRows > 0)
        {
            _terminal.Note($"{report.TruncatedRows} rows are longer than the model takes and lost their end.");
        }
    }

    // Null where a task has no such rows, so that no mean stands for fewer tasks than there are.
    private static double? Average(IReadOnlyList<EvaluateReport> reports, Func<EvaluateReport, IReadOnlyDictionary<string, double>> metrics) =>
        reports.All(report => metrics(report).Count > 0) ? reports.Average(report => metrics(report).Values.First()) : null;

    /// <summary>What parts of the adapter showed, such as gates: mean ± deviation over the rows.</summary>
    private void Observed(EvaluateReport report)
    {
        string[] names = [.. report.DevObserved.Keys.Union(report.TestObserved.Keys)];
        if (names.Length == 0)
        {
            return;
        }

        var table = new TextTable("observed", new Column("dev", Right: true), new Column("test", Right: true));
        foreach (string name in names)
        {
            table.Add(name, Shown(report.DevObserved, name), Shown(report.TestObserved, name));
        }

        _terminal.Data.WriteLine();
        table.Write(_terminal.Data);
    }

    private static string Shown(IReadOnlyDictionary<string, ObservedValue> values, string name) =>
        values.TryGetValue(name, out ObservedValue? value) ? $"{value.Mean:0.000} ± {value.Deviation:0.000}" : "";

    private static void Row(TextTable table, string name, int rows, IReadOnlyDictionary<string, double> values, string[] metrics)
    {
        if (rows > 0)
        {
            table.Add([name, Amounts.Count(rows), .. metrics.Select(metric => values.TryGetValue(metric, out double value) ? $"{value:0.0000}" : "")]);
        }
    }
}
