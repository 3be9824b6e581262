using System.CommandLine;
using System.CommandLine.Parsing;

namespace Graft.Cli;

/// <summary>Turns what the parser objects to into one sentence with a remedy.</summary>
internal static class ParseFailure
{
    /// <summary>The sentence for the first objection, or null when the command line is in order.</summary>
    public static string? Describe(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        if (StrayOption(parsed) is { } option)
        {
            IEnumerable<string> known = OptionsOf(parsed.CommandResult).SelectMany(o => o.Aliases.Append(o.Name)).Where(name => name.StartsWith("--", StringComparison.Ordinal));
            return $"{Path(parsed)} has no option '{option}'{Remedy(option, known, parsed)}";
        }

        if (parsed.Errors.Count == 0)
        {
            return null;
        }

        if (parsed.UnmatchedTokens.Count > 0)
        {
            string word = parsed.UnmatchedTokens[0];
            return command.Subcommands.Count > 0
                ? $"{Path(parsed)} has no command '{word}'{Remedy(word, command.Subcommands.Select(c => c.Name), parsed)}"
                : $"{Path(parsed)} does not take '{word}' here; see '{Path(parsed)} --help'.";
        }

        ParseError error = parsed.Errors[0];
        return error.SymbolResult switch
        {
            OptionResult { Tokens.Count: 0 } result => $"{result.Option.Name} needs a value, as in '{result.Option.Name} {result.Option.HelpName ?? "VALUE"}'.",
            OptionResult result when IsConversion(error) =>
                $"{result.Option.Name} does not take '{result.Tokens[0].Value}'; it expects {Kind(result.Option.ValueType)}.",
            ArgumentResult result when result.Tokens.Count == 0 => $"{Path(parsed)} needs {result.Argument.HelpName ?? result.Argument.Name}; see '{Path(parsed)} --help'.",
            CommandResult result when result.Command.Subcommands.Count > 0 =>
                $"{Path(parsed)} needs one of its commands ({string.Join(", ", result.Command.Subcommands.Select(c => c.Name))}); see '{Path(parsed)} --help'.",
            CommandResult result when result.Command.Arguments.Count > 0 =>
                $"{Path(parsed)} needs {result.Command.Arguments[0].HelpName ?? result.Command.Arguments[0].Name}; see '{Path(parsed)} --help'.",
            _ => error.Message,
        };
    }

    // A word like --epoch is no option of the command, so the parser hands it to a free argument or leaves it over.
    private static string? StrayOption(ParseResult parsed)
    {
        int end = parsed.Tokens.TakeWhile(token => token.Type != TokenType.DoubleDash).Count();
        var before = parsed.Tokens.Take(end).Select(token => token.Value).ToHashSet(StringComparer.Ordinal);
        IEnumerable<string> free = parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(result => result.Tokens).Select(token => token.Value);
        return free.Concat(parsed.UnmatchedTokens).FirstOrDefault(word => word.Length > 1 && word[0] == '-' && !char.IsAsciiDigit(word[1]) && before.Contains(word));
    }

    private static IEnumerable<Option> OptionsOf(CommandResult result) =>
        result.Command.Options.Concat(result.Parent is CommandResult parent ? OptionsOf(parent).Where(option => option.Recursive) : []);

    private static string Remedy(string word, IEnumerable<string> known, ParseResult parsed) =>
        Suggest.Nearest(word, known) is { } nearest ? $"; did you mean '{nearest}'?" : $"; see '{Path(parsed)} --help'.";

    private static string Path(ParseResult parsed)
    {
        var names = new List<string>();
        for (CommandResult? result = parsed.CommandResult; result is not null; result = result.Parent as CommandResult)
        {
            names.Insert(0, result.Command is RootCommand ? "graft" : result.Command.Name);
        }

        return string.Join(' ', names);
    }

    private static bool IsConversion(ParseError error) => error.Message.StartsWith("Cannot parse argument", StringComparison.Ordinal);

    private static string Kind(Type type)
    {
        Type plain = Nullable.GetUnderlyingType(type) ?? type;
        return plain == typeof(int) || plain == typeof(long) ? "a whole number"
            : plain == typeof(double) || plain == typeof(float) ? "a number such as 0.001 or 1e-3"
            : plain == typeof(bool) ? "true or false"
            : "another value";
    }
}
