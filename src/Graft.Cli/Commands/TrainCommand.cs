using System.CommandLine;
using Graft.Cli.Display;
using Graft.Recipes;

namespace Graft.Cli.Commands;

/// <summary><c>graft train</c>: trains an adapter and a head for each task, a package each.</summary>
internal sealed class TrainCommand : CommandWithExamples
{
    private readonly Terminal _terminal;
    private readonly TrainOptions _options = new();
    private readonly Option<bool> _json = JsonOutput.Option();

    public TrainCommand(Terminal terminal)
        : base(
            "train",
            "Train a small package for each task on a frozen backbone.",
            "graft train --tasks sentiment-yelp,cooking --examples 300 --out runs/reviews",
            "graft train --tasks ./tickets.task.json --method lora --set rank=4 --epochs 8 --out runs/tickets",
            "graft train recipe.json --seed 2 --out runs/again --json > summary.json")
    {
        _terminal = terminal;
        Remarks = "Ctrl+C stops after the running step and writes a checkpoint; the same command with --resume goes on bit for bit."
            + " A recipe file takes the options' names with '_' for '-', and more; docs/cli.md lists them.";
        _options.AddTo(this);
        Add(_json);
        SetAction((parsed, cancellationToken) => Task.FromResult(Run(parsed, cancellationToken)));
    }

    private int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        TrainSettings settings = _options.Read(parsed);
        ProcessorCores.UseAll();
        return Interruption.Run(
            _terminal, parsed, "step", () => TrainDisplay.Run(_terminal, progress => Train.Run(settings, progress, cancellationToken)), Print, cancellationToken);

        void Print(TrainReport report)
        {
            if (parsed.GetValue(_json))
            {
                JsonOutput.Write(_terminal, report.ToJson());
            }
            else
            {
                TrainTable.Write(_terminal, report);
            }
        }
    }
}
