using System.CommandLine;
using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Sources;
using Graft.Methods.Core;
using Graft.Recipes;
using Graft.Tasks;
using Graft.Torch;

namespace Graft.Cli.Commands;

/// <summary>The options of <c>graft train</c>: each sets one key of a recipe and overrules the recipe file.</summary>
internal sealed class TrainOptions : SettingOptions
{
    private readonly Option<string[]> _tasks = new("--tasks", "--task")
    {
        HelpName = "A,B",
        Description = "Names from 'graft tasks', or task files (NAME.task.json), separated by commas.",
    };

    public TrainOptions()
    {
        Option<string?> backbone = Text("--backbone", "DIR|NAME", "A model folder, or a pulled model: minilm (the default), hf:ORG/NAME.");
        backbone.CompletionSources.Add(_ => ModelSources.List().Select(model => model.Source));
        _tasks.CompletionSources.Add(_ => TaskCatalog.Default().List().Select(task => task.Name));
        Text("--data", "DIR", "A folder to search first for the tasks' data.");
        Option<string?> method = Text("--method", "NAME", "The tuning method; lora by default. 'graft methods' lists them.");
        method.CompletionSources.Add(_ => PeftMethods.All.Select(each => each.Name));
        Text("--start", "PACKAGE", "Begin at the adapter of a package: of another task, or of a pretraining.");
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
        Text("--precision", "TYPE", "The frozen weights as f32 (the default) or bf16.").CompletionSources.Add([.. Precisions.Names]);
        Text("--device", "NAME", "cpu (the default), cuda or cuda:1.").CompletionSources.Add("cpu", "cuda");
        Text("--out", "DIR", "The folder for packages, logs and checkpoints.");
        Flag("--baselines", "Compare with the majority class and with a linear probe on frozen features.");
        Flag("--resume", "Go on with the run in --out that was interrupted.");
        Flag("--overwrite", "Replace the run that is in --out.");
    }

    /// <summary>Adds the options to a command, in the order of the help page.</summary>
    public void AddTo(Command command)
    {
        AddTo(command, behind: key => key == "backbone" ? _tasks : null);
    }

    /// <summary>Adds some of the options to another command that trains.</summary>
    /// <param name="command">The command.</param>
    /// <param name="keys">Their keys, in the order of the help page.</param>
    public void AddTo(Command command, IReadOnlyList<string> keys)
    {
        foreach (string key in keys)
        {
            command.Add(Plain.Single(plain => plain.Key == key).Option);
        }
    }

    /// <summary>The settings of a command that has some of the options.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="keys">The options' keys.</param>
    public JsonObject Given(ParseResult parsed, IReadOnlyList<string> keys) => new(Plain
        .Where(plain => keys.Contains(plain.Key) && parsed.GetResult(plain.Option) is { Implicit: false })
        .Select(plain => KeyValuePair.Create(plain.Key, plain.Value(parsed))));

    /// <summary>The settings that a command line and its recipe file make together.</summary>
    /// <exception cref="GraftException">A setting or the file is at fault.</exception>
    public TrainSettings Read(ParseResult parsed)
    {
        (JsonObject settings, string where) = Gather(parsed, "graft train", TrainSettings.Keys);
        if (parsed.GetValue(_tasks) is { Length: > 0 } tasks)
        {
            settings["tasks"] = Listed(tasks);
        }

        return TrainSettings.Read(StrictJson.From(settings, where));
    }
}
