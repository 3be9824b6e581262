using System.CommandLine;
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

    private readonly Option<string?> _out = new("--out") { HelpName = "DIR", Description = "The comparison's folder; the plan's path without .json by default." };
    private readonly Option<string[]> _only = new("--only") { HelpName = "M/T/SIZE/SEED", Description = "Do the runs of this method, task, size and seed alone, '*' for any; may be repeated." };
    private readonly Option<int> _jobs = new("--jobs") { HelpName = "N", Description = "Processes that share the runs, and the cores; 1 by default.", DefaultValueFactory = _ => 1 };
    private readonly Option<bool> _dryRun = new("--dry-run") { Description = "Show the runs, what methods cost, and the time it will take; run nothing." };
    private readonly Option<bool> _json = JsonOutput.Option();

    public CompareCommand(Terminal terminal)
        : base(
            "compare",
            "Compare methods on your tasks with equal budgets, and recommend one.",
            "graft compare plan.json --dry-run",
            "graft compare plan.json --jobs 2",
            "graft compare plan --only 'lora/*/100/0'")
    {
        _terminal = terminal;
        Remarks = "What is finished is not done again: the same command goes on after an interruption, and several processes, also on"
            + " several machines with a common file system, may work on one folder at once.";
        Add(_plan);
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
        if (parsed.GetValue(_json))
        {
            JsonOutput.Write(_terminal, report.ToJson());
        }
        else
        {
            CompareTable.Write(_terminal, report);
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

        return parsed.GetValue(_plan) is { } plan
            ? CompareSettings.OfFile(plan, parsed.GetValue(_out)) with { Only = parsed.GetValue(_only) ?? [] }
            : throw new GraftException("graft compare needs a plan; see 'graft compare --help'.");
    }

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
