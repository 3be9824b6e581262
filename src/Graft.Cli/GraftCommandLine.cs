using System.CommandLine;
using System.CommandLine.Help;
using System.Reflection;
using Graft.Cli.Commands;
using Graft.Torch;
using Spectre.Console;

namespace Graft.Cli;

/// <summary>Parses a command line, runs its command and turns every outcome into an exit code.</summary>
internal static class GraftCommandLine
{
    private static readonly Option<bool> s_verbose = new("--verbose")
    {
        Description = "Show the stack trace of a fault.",
        Recursive = true,
    };

    /// <summary>The version without the commit that an informational version may carry.</summary>
    public static string Version { get; } =
        typeof(GraftCommandLine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    /// <summary>Builds the tree of commands; <paramref name="terminal"/> receives what they write.</summary>
    public static RootCommand Build(Terminal terminal)
    {
        var root = new RootCommand("Tunes one frozen pretrained language model for many tasks.");
        root.Options.Clear();
        root.Add(new HelpOption("--help", "-h", "-?") { Description = "Show this page.", Action = new HelpPage(terminal) });
        root.Add(new VersionOption("--version") { Description = "Show the version.", Action = new VersionLine(terminal) });
        root.Add(s_verbose);
        root.Add(new PullCommand(terminal));
        root.Add(new TasksCommand(terminal));
        root.Add(new DataCommand(terminal));
        root.Add(new MethodsCommand(terminal));
        root.Add(new TrainCommand(terminal));
        root.Add(new AdaptCommand(terminal));
        root.Add(new PretrainCommand(terminal));
        root.Add(new CompareCommand(terminal));
        root.Add(new EvalCommand(terminal));
        root.Add(new PredictCommand(terminal));
        root.Add(new InspectCommand(terminal));
        root.Add(new MergeCommand(terminal));
        root.Add(new ConvertCommand(terminal));
        root.Add(new ReportCommand(terminal));
        root.Add(new DoctorCommand(terminal));
        root.Add(new CompletionCommand(terminal));
        root.SetAction(_ => new HelpPage(terminal).Show(root));
        return root;
    }

    /// <summary>Runs one command line.</summary>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static async Task<int> RunAsync(IReadOnlyList<string> args, Terminal terminal, CancellationToken cancellationToken)
    {
        ParseResult parsed = Build(terminal).Parse(args);
        terminal.Verbose = parsed.GetValue(s_verbose);
        try
        {
            if (parsed.Action is not (HelpPage or VersionLine) && ParseFailure.Describe(parsed) is { } failure)
            {
                throw new GraftException(failure);
            }

            var configuration = new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
                Output = terminal.Out,
                Error = terminal.Notes.Profile.Out.Writer,
            };
            return await parsed.InvokeAsync(configuration, cancellationToken);
        }
        catch (GraftException exception)
        {
            return Report(terminal, "error", exception, exception.Message, ExitCode.BadInput);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            terminal.Note("graft: stopped.");
            return ExitCode.Interrupted;
        }
        catch (IOException) when (BrokenPipe(terminal))
        {
            return ExitCode.Success;
        }
#pragma warning disable CA1031 // The one place where any fault becomes an exit code.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            string hint = terminal.Verbose ? "" : " (--verbose shows where)";
            return Report(terminal, "fault", exception, exception.Message + hint, ExitCode.Fault);
        }
    }

    private static int Report(Terminal terminal, string kind, Exception exception, string message, int exitCode)
    {
        terminal.Notes.MarkupInterpolated($"[bold red]graft: {kind}:[/] ");
        terminal.Note(message);
        if (terminal.Verbose)
        {
            terminal.Note(exception.ToString());
        }

        return exitCode;
    }

    // `graft methods | head -1` closes our standard output early; that is no fault.
    private static bool BrokenPipe(Terminal terminal)
    {
        try
        {
            terminal.Out.Flush();
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    private sealed class VersionLine(Terminal terminal) : System.CommandLine.Invocation.SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            terminal.Out.WriteLine($"graft {Version}");
            return ExitCode.Success;
        }
    }
}
