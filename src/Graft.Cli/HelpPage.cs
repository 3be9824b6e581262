using System.CommandLine;
using System.CommandLine.Invocation;
using Spectre.Console;

namespace Graft.Cli;

/// <summary>Writes the help page of a command: what it does, how to call it, its options, examples.</summary>
internal sealed class HelpPage(Terminal terminal) : SynchronousCommandLineAction
{
    private const int Indent = 2;

    public override int Invoke(ParseResult parseResult) => Show(parseResult.CommandResult.Command);

    /// <summary>Writes the page of <paramref name="command"/> to standard output.</summary>
    public int Show(Command command)
    {
        string path = Path(command);
        terminal.Data.MarkupInterpolated($"[bold]{path}[/]  {command.Description ?? ""}");
        terminal.Out.WriteLine();

        Heading("Usage");
        terminal.Out.WriteLine($"  {path}{Usage(command)}");

        IReadOnlyList<(string, string)> commands = [.. command.Subcommands.Select(c => (c.Name, c.Description ?? ""))];
        IReadOnlyList<(string, string)> arguments = [.. command.Arguments.Select(a => (Label(a), a.Description ?? ""))];
        IReadOnlyList<(string, string)> options = [.. Options(command).Select(o => (Label(o), o.Description ?? ""))];
        int width = commands.Concat(arguments).Concat(options).Max(row => row.Item1.Length) + 2;
        Rows("Commands", commands, width);
        Rows("Arguments", arguments, width);
        Rows("Options", options, width);

        if (command is CommandWithExamples { Examples.Count: > 0 } documented)
        {
            Heading(documented.Examples.Count == 1 ? "Example" : "Examples");
            foreach (string example in documented.Examples)
            {
                terminal.Out.WriteLine($"  {example}");
            }

            if (documented.Remarks.Length > 0)
            {
                terminal.Out.WriteLine();
                Wrapped("", documented.Remarks, 0);
            }
        }
        else if (command is RootCommand)
        {
            Heading("Begin");
            terminal.Out.WriteLine("  graft doctor                    # is everything in place?");
            terminal.Out.WriteLine("  graft COMMAND --help            # options and examples of one command");
        }

        return ExitCode.Success;
    }

    private static string Path(Command command) => command switch
    {
        RootCommand => "graft",
        _ when command.Parents.OfType<Command>().FirstOrDefault() is { } parent => $"{Path(parent)} {command.Name}",
        _ => command.Name,
    };

    private static string Usage(Command command)
    {
        string arguments = string.Concat(command.Arguments.Select(a => " " + Label(a)));
        string subcommand = command.Subcommands.Count == 0 ? "" : command.Action is null || command is RootCommand ? " COMMAND" : " [COMMAND]";
        return $"{subcommand}{arguments} [options]";
    }

    private static IEnumerable<Option> Options(Command command)
    {
        IEnumerable<Option> inherited = command.Parents.OfType<Command>().SelectMany(p => Options(p)).Where(o => o.Recursive);
        return command.Options.Concat(inherited).Where(o => !o.Hidden).OrderBy(o => o.Recursive);
    }

    private static string Label(Option option) =>
        string.Join(", ", option.Aliases.Where(alias => alias is not "-?").Prepend(option.Name).OrderBy(name => name.Length))
        + (option.ValueType == typeof(bool) || option.Arity.MaximumNumberOfValues == 0 ? "" : " " + (option.HelpName ?? "VALUE"));

    private static string Label(Argument argument)
    {
        string name = argument.HelpName ?? argument.Name;
        return argument.Arity.MinimumNumberOfValues == 0 ? $"[{name}]" : name;
    }

    private void Heading(string text)
    {
        terminal.Out.WriteLine();
        terminal.Data.MarkupLineInterpolated($"[bold]{text}[/]");
    }

    private void Rows(string heading, IReadOnlyList<(string Label, string Text)> rows, int width)
    {
        if (rows.Count == 0)
        {
            return;
        }

        Heading(heading);
        foreach ((string label, string text) in rows)
        {
            Wrapped(new string(' ', Indent) + label.PadRight(width), text, Indent + width);
        }
    }

    private void Wrapped(string first, string text, int indent)
    {
        int width = Math.Max(40, Math.Min(100, terminal.Data.Profile.Width) - indent);
        string lead = first;
        foreach (string line in Lines(text, width))
        {
            terminal.Out.WriteLine((lead + line).TrimEnd());
            lead = new string(' ', indent);
        }
    }

    private static IEnumerable<string> Lines(string text, int width)
    {
        string line = "";
        foreach (string word in text.Split(' '))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > width)
            {
                yield return line;
                line = "";
            }

            line = line.Length == 0 ? word : $"{line} {word}";
        }

        yield return line;
    }
}
