using Graft.Recipes;

namespace Graft.Cli.Display;

/// <summary>What <c>graft pretrain</c> says at its end.</summary>
internal static class PretrainTable
{
    /// <summary>Writes what was learnt, and where the model is, to standard output.</summary>
    /// <param name="terminal">Where to.</param>
    /// <param name="report">What it came to.</param>
    /// <param name="isFresh">Whether the model began with random weights.</param>
    public static void Write(Terminal terminal, PretrainReport report, bool isFresh)
    {
        terminal.Out.WriteLine(
            $"{Amounts.Count(report.Steps)} steps on {Amounts.Count(report.Texts)} texts, {Amounts.Count(report.Tokens)} tokens in {Amounts.Duration(report.Seconds)}"
            + $" ({Amounts.Count((long)report.TokensPerSecond)} tokens/s), {Amounts.Count(report.TrainedParameters)} parameters trained");
        if (report.LossAfter is { } after)
        {
            terminal.Out.WriteLine(
                $"Loss on {Amounts.Count(report.DevTexts)} held-out texts: {report.LossBefore:0.000} before, {after:0.000} after; {report.AccuracyAfter:0.0 %} of what was taken out is restored");
        }

        if (!report.HeadWasPretrained && !isFresh)
        {
            terminal.Out.WriteLine("The model had no head for masked words: one was made, trained along and written.");
        }

        if (report.FoldingDifference > 0)
        {
            terminal.Out.WriteLine($"Folding the adapter into the weights changed hidden states by at most {report.FoldingDifference:G2} (relative).");
        }

        if (report.Adapter is { } adapter)
        {
            terminal.Out.WriteLine($"Adapter: {adapter}, of the model as it was: graft train --start {ShellWord.Quoted(adapter)} ...");
        }

        terminal.Out.WriteLine($"Model: {report.Folder}, a {report.Architecture}: graft train --backbone {ShellWord.Quoted(report.Folder)} ...");
    }
}
