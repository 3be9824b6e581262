using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Formats.Sources;
using Graft.Methods.Core;
using Graft.Recipes;
using Graft.Tasks;
using Graft.Torch;

namespace Graft.Cli.Commands;

/// <summary>The options of <c>graft train</c>: each sets one key of a recipe and overrules the recipe file.</summary>
internal sealed class TrainOptions
{
    private readonly Argument<string?> _recipe = new("RECIPE.json")
    {
        Description = "A file with the same settings; the command line overrules it.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string[]> _tasks = new("--tasks")
    {
        HelpName = "A,B",
        Description = "Names from 'graft tasks', or task files (NAME.task.json), separated by commas.",
    };

    private readonly Option<string[]> _set = new("--set")
    {
        HelpName = "KEY=VALUE",
        Description = "A setting of the method, such as rank=8; may be repeated. 'graft methods NAME' lists them.",
    };

    private readonly List<(Option Option, Func<ParseResult, JsonNode?> Value, string Key)> _plain = [];

    public TrainOptions()
    {
        Option<string?> backbone = Text("--backbone", "DIR|NAME", "A model folder, or a pulled model: minilm (the default), hf:ORG/NAME.");
        backbone.CompletionSources.Add(_ => ModelSources.List().Select(model => model.Source));
        _tasks.CompletionSources.Add(_ => TaskCatalog.Default().List().Select(task => task.Name));
        Text("--data", "DIR", "A folder to search first for the tasks' data.");
        Option<string?> method = Text("--method", "NAME", "The tuning method; lora by default. 'graft methods' lists them.");
        method.CompletionSources.Add(_ => PeftMethods.All.Select(each => each.Name));
        Flag("--share", "Train one adapter for all tasks, a head for each; methods made for several tasks do so by themselves.");
        Text("--sampling", "HOW", "How tasks that share an adapter are drawn: proportional (the default), uniform, temperature.")
            .CompletionSources.Add("proportional", "uniform", "temperature");
        Text("--head", "KIND", "What answers: text that the decoder writes (T5's default), or pooled states of the encoder.")
            .CompletionSources.Add("text", "pooled");
        Text("--head-pooling", "HOW", "What the head reads: mean of the tokens (the default), first token, or pooler.")
            .CompletionSources.Add("mean", "first", "pooler");
        Whole("--head-layers", "N", "The head's linear maps: 1 (the default), or 2 with a tanh between them.");
        Whole("--examples", "N", "Training rows to draw from each task; all by default.");
        Number("--epochs", "E", "Passes over the rows; 5 by default.");
        Whole("--steps", "S", "Optimizer steps, instead of epochs.");
        Whole("--batch", "B", "Rows of an optimizer step; 16 by default.");
        Number("--lr", "X", "The peak learning rate; the method's own by default.");
        Whole("--seed", "S", "The seed of everything random; 0 by default.");
        Whole("--max-tokens", "T", "The longest row in tokens; 256 by default, at most the model's.");
        Text("--precision", "TYPE", "The frozen weights as f32 (the default) or bf16.").CompletionSources.Add("f32", "bf16");
        Text("--device", "NAME", "cpu (the default), cuda or cuda:1.").CompletionSources.Add("cpu", "cuda");
        Text("--out", "DIR", "The folder for packages, logs and checkpoints.");
        Flag("--baselines", "Compare with the majority class and with a linear probe on frozen features.");
        Flag("--resume", "Go on with the run in --out that was interrupted.");
        Flag("--overwrite", "Replace the run that is in --out.");
    }

    /// <summary>Adds the options to a command, in the order of the help page.</summary>
    public void AddTo(Command command)
    {
        command.Add(_recipe);
        foreach ((Option option, _, string key) in _plain)
        {
            command.Add(option);
            if (key == "backbone")
            {
                command.Add(_tasks);
            }

            if (key == "method")
            {
                command.Add(_set);
            }
        }
    }

    /// <summary>Adds some of the options to another command that trains.</summary>
    /// <param name="command">The command.</param>
    /// <param name="keys">Their keys, in the order of the help page.</param>
    public void AddTo(Command command, IReadOnlyList<string> keys)
    {
        foreach (string key in keys)
        {
            command.Add(_plain.Single(plain => plain.Key == key).Option);
        }
    }

    /// <summary>The settings of a command that has some of the options.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="keys">The options' keys.</param>
    public JsonObject Given(ParseResult parsed, IReadOnlyList<string> keys) => new(_plain
        .Where(plain => keys.Contains(plain.Key) && parsed.GetResult(plain.Option) is { Implicit: false })
        .Select(plain => KeyValuePair.Create(plain.Key, plain.Value(parsed))));

    /// <summary>The settings that a command line and its recipe file make together.</summary>
    /// <exception cref="GraftException">A setting or the file is at fault.</exception>
    public TrainSettings Read(ParseResult parsed)
    {
        var settings = new JsonObject();
        string where = "graft train";
        if (parsed.GetValue(_recipe) is { } recipe)
        {
            where = recipe;
            StrictObject file = StrictJson.Load(recipe);
            file.Allow([.. TrainSettings.Keys]);
            foreach (string key in file.Keys)
            {
                settings[key] = file.Raw(key) is { } value ? JsonNode.Parse(value.GetRawText()) : null;
            }
        }

        foreach ((Option option, Func<ParseResult, JsonNode?> value, string key) in _plain)
        {
            if (parsed.GetResult(option) is { Implicit: false })
            {
                settings[key] = value(parsed);
                DropRival(settings, key);
            }
        }

        if (parsed.GetValue(_tasks) is { Length: > 0 } tasks)
        {
            settings["tasks"] = new JsonArray([.. tasks
                .SelectMany(list => list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
                .Select(name => (JsonNode)name)]);
        }

        OverruleMethodSettings(settings, parsed.GetValue(_set) ?? []);
        return TrainSettings.Read(StrictJson.From(settings, where));
    }

    // --steps on the command line overrules epochs in the file, and the other way round.
    private static void DropRival(JsonObject settings, string key)
    {
        if (key is "steps" or "epochs")
        {
            settings.Remove(key == "steps" ? "epochs" : "steps");
        }
    }

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

    private Option<string?> Text(string name, string helpName, string description) => Plain<string?>(name, helpName, description, value => value);

    private void Whole(string name, string helpName, string description) => Plain<long>(name, helpName, description, value => value);

    private void Number(string name, string helpName, string description) => Plain<double>(name, helpName, description, value => value);

    private void Flag(string name, string description) => Plain<bool>(name, null, description, value => value);

    private Option<T> Plain<T>(string name, string? helpName, string description, Func<T?, JsonNode?> toJson)
    {
        var option = new Option<T>(name) { HelpName = helpName, Description = description };
        _plain.Add((option, parsed => toJson(parsed.GetValue(option)), name[2..].Replace('-', '_')));
        return option;
    }
}
