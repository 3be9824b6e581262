using System.CommandLine;
using System.Globalization;
using Graft.Recipes;

namespace Graft.Cli.Commands;

/// <summary><c>graft merge PACKAGE DST</c>: folds a package into its backbone and writes a plain Hugging Face model folder.</summary>
internal sealed class MergeCommand : CommandWithExamples
{
    private readonly Terminal _terminal;
    private readonly Argument<string> _package = new("PACKAGE") { Description = "A package that training wrote." };
    private readonly Argument<string> _destination = new("DST") { Description = "The model folder to write; a new one." };
    private readonly Option<string?> _backbone = new("--backbone") { HelpName = "DIR|NAME", Description = "The backbone; the one that the package names by default." };

    private readonly Option<double> _tolerance = new("--tolerance")
    {
        HelpName = "X",
        Description = "The largest relative difference of a logit that is accepted; 0.0001 by default.",
        DefaultValueFactory = _ => 1e-4,
    };

    private readonly Option<bool> _json = JsonOutput.Option();

    public MergeCommand(Terminal terminal)
        : base(
            "merge",
            "Fold a package into its backbone: a plain model folder that any Hugging Face reader loads.",
            "graft merge runs/reviews/sentiment-yelp merged/sentiment-yelp")
    {
        _terminal = terminal;
        Remarks = "The folder's head-package/ holds the head as a package on the merged model. A head that averages over tokens, which is"
            + " the default, is in no Hugging Face class, so that it is there alone.";
        Add(_package);
        Add(_destination);
        Add(_backbone);
        Add(_tolerance);
        Add(_json);
        SetAction(parsed => Run(
            Merge.Run(parsed.GetRequiredValue(_package), parsed.GetRequiredValue(_destination), parsed.GetValue(_backbone), parsed.GetValue(_tolerance)),
            parsed.GetValue(_json)));
    }

    private int Run(MergeReport report, bool json)
    {
        if (json)
        {
            JsonOutput.Write(_terminal, report.ToJson());
            return ExitCode.Success;
        }

        _terminal.Out.WriteLine($"{report.Folder}  {report.Architecture}{(report.HeadInModel ? "" : ", without the head, which no class of that library has")}");
        _terminal.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"Logits of {report.Probes} seeded rows differ by at most {report.MaxAbsoluteDifference:0.0e+0}, {report.MaxRelativeDifference:0.0e+0} relative (tolerance {report.Tolerance:0.0e+0})."));
        _terminal.Out.WriteLine($"graft predict {report.HeadPackage} --backbone {report.Folder} \"...\"");
        return ExitCode.Success;
    }
}
