using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Torch;

namespace Graft.Cli.Commands;

/// <summary>Options that each set one key of a settings file, and overrule the file that the command line may name.</summary>
internal abstract class SettingOptions
{
    private readonly Argument<string?> _file = new("RECIPE.json")
    {
        Description = "A file with the same settings; the command line overrules it.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string[]> _set = new("--set")
    {
        HelpName = "KEY=VALUE",
        Description = "A setting of the method, such as rank=8; may be repeated. 'graft methods NAME' lists them.",
    };

    private readonly List<(Option Option, Func<ParseResult, JsonNode?> Value, string Key)> _plain = [];

    /// <summary>The options of one value, in the order of the help page.</summary>
    protected IReadOnlyList<(Option Option, Func<ParseResult, JsonNode?> Value, string Key)> Plain => _plain;

    /// <summary>Adds the options to a command, in the order of the help page.</summary>
    /// <param name="command">The command.</param>
    /// <param name="behind">An option of its own kind that stands behind that of a key; null for none.</param>
    protected void AddTo(Command command, Func<string, Option?> behind)
    {
        command.Add(_file);
        foreach ((Option option, _, string key) in _plain)
        {
            command.Add(option);
            if (behind(key) is { } other)
            {
                command.Add(other);
            }

            if (key == "method")
            {
                command.Add(_set);
            }
        }
    }

    /// <summary>What a command line and its settings file say together, and the name that messages use for it.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="command">The command, for messages where there is no file.</param>
    /// <param name="keys">Every key that a file may have.</param>
    /// <param name="others">The keys that options of another kind set.</param>
    /// <exception cref="GraftException">The file is at fault.</exception>
    protected (JsonObject Settings, string Where) Gather(
        ParseResult parsed, string command, IReadOnlyList<string> keys, params IReadOnlyList<string> others)
    {
        var settings = new JsonObject();
        string where = command;
        if (parsed.GetValue(_file) is { } recipe)
        {
            where = recipe;
            StrictObject file = StrictJson.Load(recipe);
            file.Allow([.. keys]);
            foreach (string key in file.Keys)
            {
                settings[key] = file.Raw(key) is { } value ? JsonNode.Parse(value.GetRawText()) : null;
            }
        }

        // What the file says of these goes first, so that rivals that are both on the command line are told.
        var given = _plain.Where(p => parsed.GetResult(p.Option) is { Implicit: false }).ToList();
        foreach (string rival in given.Select(g => g.Key).Concat(others).SelectMany(Rivals))
        {
            settings.Remove(rival);
        }

        foreach ((_, Func<ParseResult, JsonNode?> value, string key) in given)
        {
            settings[key] = value(parsed);
        }

        OverruleMethodSettings(settings, parsed.GetValue(_set) ?? []);
        return (settings, where);
    }

    /// <summary>The names in lists that are separated by commas.</summary>
    /// <param name="lists">The lists.</param>
    protected static JsonArray Listed(string[] lists) => [.. lists
        .SelectMany(list => list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        .Select(name => (JsonNode)name)];

    /// <summary>The keys of a file that an option overrules beside its own: --steps overrules epochs, and the other way round.</summary>
    /// <param name="key">The option's key.</param>
    protected virtual IReadOnlyList<string> Rivals(string key) => key switch
    {
        "steps" => ["epochs"],
        "epochs" => ["steps"],
        _ => [],
    };

    private static void OverruleMethodSettings(JsonObject settings, string[] pairs)
    {
        if (pairs.Length == 0)
        {
            return;
        }

        JsonObject set = settings["set"] as JsonObject ?? [];
        foreach (string pair in pairs)
        {
            int equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                throw new GraftException($"--set does not take '{pair}'; write KEY=VALUE, as in --set rank=8.");
            }

            set[pair[..equals]] = Value(pair[(equals + 1)..]);
        }

        settings["set"] = set;
    }

    // What reads as JSON (a number, true, null, a quoted text, a list) is that; everything else is text.
    private static JsonNode? Value(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return text;
        }
    }

    protected Option<string?> Text(string name, string helpName, string description) => One<string?>(name, helpName, description, value => value);

    protected void Whole(string name, string helpName, string description) => One<long>(name, helpName, description, value => value);

    protected void Number(string name, string helpName, string description) => One<double>(name, helpName, description, value => value);

    protected void Flag(string name, string description) => One<bool>(name, null, description, value => value);

    private Option<T> One<T>(string name, string? helpName, string description, Func<T?, JsonNode?> toJson)
    {
        var option = new Option<T>(name) { HelpName = helpName, Description = description };
        _plain.Add((option, parsed => toJson(parsed.GetValue(option)), name[2..].Replace('-', '_')));
        return option;
    }
}
