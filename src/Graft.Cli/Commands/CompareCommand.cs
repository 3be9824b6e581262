using System.CommandLine;
using System.Text.Json.Nodes;
using Graft.Cli.Display;
using Graft.Recipes;
using Graft.Torch;

namespace Graft.Cli.Commands;

/// <summary><c>graft compare</c>: runs a matrix of methods, tasks, sizes and seeds, and says what came of it.</summary>
internal sealed class CompareCommand : CommandWithExamples
{
    private readonly Terminal _terminal;

    private readonly Argument<string?> _plan = new("PLAN.json|DIR")
    {
        Description = "A plan, or the folder of a comparison that is to go on; docs/compare.md shows one.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _csv = new("--csv") { HelpName = "FILE", Description = "Compare on this csv, tsv or jsonl file instead of a plan." };
    private readonly Option<string?> _text = new("--text") { HelpName = "COL", Description = "The column of the text, with --csv." };
    private readonly Option<string?> _label = new("--label") { HelpName = "COL", Description = "The column of the label, with --csv." };
    private readonly Option<string?> _backbone = new("--backbone") { HelpName = "DIR|NAME", Description = "The backbone, with --csv; minilm by default." };
    private readonly Option<string?> _out = new("--out") { HelpName = "DIR", Description = "The comparison's folder; the plan's path without .json, or compare-NAME, by default." };
    private readonly Option<string[]> _only = new("--only") { HelpName = "M/T/SIZE/SEED", Description = "Do the runs of this method, task, size and seed alone, '*' for any; may be repeated." };
    private readonly Option<int> _jobs = new("--jobs") { HelpName = "N", Description = "Processes that share the runs, and the cores; 1 by default.", DefaultValueFactory = _ => 1 };
    private readonly Option<bool> _dryRun = new("--dry-run") { Description = "Show the runs, what methods cost, and the time it will take; run nothing." };
    private readonly Option<bool> _json = JsonOutput.Option();

    public CompareCommand(Terminal terminal)
        : base(
            "compare",
            "Compare methods on your tasks with equal budgets, and recommend one.",
            "graft compare --csv tickets.csv --text message --label team",
            "graft compare plan.json --dry-run",
            "graft compare plan.json --jobs 2",
            "graft compare plan --only 'lora/*/100/0'")
    {
        _terminal = terminal;
        Remarks = "What is finished is not done again: the same command goes on after an interruption, and several processes, also on"
            + " several machines with a common file system, may work on one folder at once.";
        Add(_plan);
        Add(_csv);
        Add(_text);
        Add(_label);
        Add(_backbone);
        Add(_out);
        Add(_only);
        Add(_jobs);
        Add(_dryRun);
        Add(_json);
        SetAction((parsed, cancellationToken) => Task.FromResult(Run(parsed, cancellationToken)));
    }

    private int Run(ParseResult parsed, CancellationToken cancellation)
    {
        CompareSettings settings = Read(parsed);
        ProcessorCores.UseAll();
        if (CompareWorkers.IsWorker)
        {
            using CancellationTokenSource stop = CompareWorkers.UntilInputEnds(cancellation);
            return Compare.Run(settings with { Storage = false }, new CompareLines(_terminal).Tell, stop.Token).Failures.Count == 0 ? ExitCode.Success : ExitCode.Fault;
        }

        if (parsed.GetValue(_dryRun))
        {
            return Show(parsed, Compare.Forecast(settings, method => _terminal.Note($"measuring {method}"), cancellation));
        }

        int jobs = parsed.GetValue(_jobs);
        CompareReport report = jobs == 1
            ? CompareDisplay.Run(_terminal, progress => Compare.Run(settings, progress, cancellation))
            : Share(settings with { Workers = jobs }, jobs, cancellation);
        string? page = report.Comparison.Runs.Count > 0 ? Report.Write(report.Folder).Page : null;
        if (parsed.GetValue(_json))
        {
            JsonObject summary = report.ToJson();
            summary["report"] = page;
            JsonOutput.Write(_terminal, summary);
        }
        else
        {
            CompareTable.Write(_terminal, report, page);
        }

        foreach (CompareFailure failure in report.Failures)
        {
            _terminal.Note($"graft: {failure.Run} failed: {failure.Reason}");
        }

        return report.Failures.Count == 0 ? ExitCode.Success : ExitCode.Fault;
    }

    private CompareSettings Read(ParseResult parsed)
    {
        if (parsed.GetValue(_jobs) is < 1 and var jobs)
        {
            throw new GraftException($"--jobs is {jobs}, expected a whole number of at least 1.");
        }

        return OfPlanOrCsv(parsed) with { Only = parsed.GetValue(_only) ?? [] };
    }

    private CompareSettings OfPlanOrCsv(ParseResult parsed)
    {
        Option<string?>[] forCsv = [_csv, _text, _label, _backbone];
        if (parsed.GetValue(_plan) is { } plan)
        {
            return Array.Find(forCsv, option => parsed.GetValue(option) is not null) is { } stray
                ? throw new GraftException($"graft compare has the plan '{plan}', and {stray.Name} is for a file without one; leave out one of them.")
                : CompareSettings.OfFile(plan, parsed.GetValue(_out));
        }

        if (parsed.GetValue(_csv) is not { } file)
        {
            throw new GraftException("graft compare needs a plan, or --csv FILE with --text COL and --label COL; see 'graft compare --help'.");
        }

        var settings = new CsvSettings { File = file, Text = Column(parsed, _text), Label = Column(parsed, _label), Folder = parsed.GetValue(_out) };
        CsvComparison csv = CsvComparison.Prepare(parsed.GetValue(_backbone) is { } backbone ? settings with { Backbone = backbone } : settings);
        _terminal.Note($"{file}: {csv.Train} rows to train on, {csv.Dev} to choose by, {csv.Test} to report on");
        foreach (string note in csv.Notes)
        {
            _terminal.Note(note);
        }

        return CompareSettings.Of(csv.Plan, csv.Folder);
    }

    private static string Column(ParseResult parsed, Option<string?> option) => parsed.GetValue(option) is { Length: > 0 } column
        ? column
        : throw new GraftException($"--csv needs {option.Name} COL, the name of a column in the file's first line.");

    private int Show(ParseResult parsed, CompareForecast forecast)
    {
        if (parsed.GetValue(_json))
        {
            JsonOutput.Write(_terminal, forecast.ToJson());
        }
        else
        {
            ForecastTable.Write(_terminal, forecast);
        }

        return ExitCode.Success;
    }

    // The workers read the plan that was checked and written into the folder, so that all of them see the same one.
    private CompareReport Share(CompareSettings settings, int jobs, CancellationToken cancellation)
    {
        string[] arguments = ["compare", settings.Out, .. settings.Only.SelectMany(only => new[] { "--only", only })];
        CompareWorkers? workers = null;
        try
        {
            CompareReport report = CompareDisplay.Run(
                _terminal,
                progress => Compare.Watch(settings, () => (workers = new CompareWorkers(_terminal, arguments, jobs, cancellation)).Ended, progress),
                () => workers?.Doing ?? []);
            cancellation.ThrowIfCancellationRequested();
            workers!.Check();
            return report;
        }
        finally
        {
            workers?.Dispose();
        }
    }
}
