using System.CommandLine;
using Graft.Cli.Display;
using Graft.Recipes;

namespace Graft.Cli.Commands;

/// <summary><c>graft pretrain</c>: goes on with a model's pretraining on texts, or begins it, and leaves a model folder.</summary>
internal sealed class PretrainCommand : CommandWithExamples
{
    private readonly Terminal _terminal;
    private readonly PretrainOptions _options = new();
    private readonly Option<bool> _json = JsonOutput.Option();

    public PretrainCommand(Terminal terminal)
        : base(
            "pretrain",
            "Pretrain a backbone on texts: restore masked words, or spans on T5.",
            "graft pretrain --task chemprot --recipe tapt --out tapt/chemprot",
            "graft pretrain --text corpus/,more.txt.gz --unit document --epochs 3 --out models/field",
            "graft pretrain --config small.json --text corpus/ --steps 20000 --out models/small  # from random weights")
    {
        _terminal = terminal;
        Remarks = "The folder in --out then is a backbone: graft train --backbone DIR. Ctrl+C writes a checkpoint and stops; the same command with --resume goes on bit for bit."
            + " A settings file takes the options' names with '_' for '-', and more; docs/pretrain.md lists them.";
        _options.AddTo(this);
        Add(_json);
        SetAction((parsed, cancellationToken) => Task.FromResult(Run(parsed, cancellationToken)));
    }

    private int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        PretrainSettings settings = _options.Read(parsed);
        ProcessorCores.UseAll();
        return Interruption.Run(
            _terminal, parsed, "pass", () => PretrainDisplay.Run(_terminal, progress => Pretrain.Run(settings, progress, cancellationToken)), Print, cancellationToken);

        void Print(PretrainReport report)
        {
            if (parsed.GetValue(_json))
            {
                JsonOutput.Write(_terminal, report.ToJson());
            }
            else
            {
                PretrainTable.Write(_terminal, report, isFresh: settings.Config is not null);
            }
        }
    }
}
