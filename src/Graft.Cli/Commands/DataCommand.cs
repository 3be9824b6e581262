namespace Graft.Cli.Commands;

/// <summary><c>graft data</c>: checks and splits the data of tasks.</summary>
internal sealed class DataCommand : CommandWithExamples
{
    public DataCommand(Terminal terminal)
        : base(
            "data",
            "Check and split data of tasks.",
            "graft data check ~/data",
            "graft data split --tasks rte,mrpc --data ~/data --out splits")
    {
        Add(new DataCheckCommand(terminal));
        Add(new DataSplitCommand(terminal));
    }
}
