using System.CommandLine;
using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Sources;
using Graft.Methods.Core;
using Graft.Recipes;
using Graft.Tasks;
using Graft.Torch;

namespace Graft.Cli.Commands;

/// <summary>The options of <c>graft pretrain</c>: each sets one key of a settings file and overrules that file.</summary>
internal sealed class PretrainOptions : SettingOptions
{
    private readonly Option<string[]> _text = new("--text")
    {
        HelpName = "A,B",
        Description = "Text files, gzipped or not, and folders of .txt and .txt.gz, separated by commas.",
    };

    public PretrainOptions()
    {
        Option<string?> backbone = Text("--backbone", "DIR|NAME", "The model to go on with: a folder, or a pulled model: minilm (the default), hf:ORG/NAME.");
        backbone.CompletionSources.Add(_ => ModelSources.List().Select(model => model.Source));
        Text("--config", "FILE", "A config.json of a model that begins with random weights, instead of --backbone.");
        Text("--tokenizer", "DIR", "With --config: a folder with a tokenizer; without, one is made of the texts.");
        Whole("--vocabulary-size", "V", "With --config: the most tokens of a tokenizer that is made; the config's vocab_size by default.");
        Text("--task", "NAME", "A task whose training texts are used, without labels, and its dev texts to judge; instead of --text.")
            .CompletionSources.Add(_ => TaskCatalog.Default().List().Select(task => task.Name));
        Text("--data", "DIR", "A folder to search first for the task's data.");
        Text("--unit", "HOW", "What an item of --text is: line (the default), document, or packed (the default with --config).")
            .CompletionSources.Add("line", "document", "packed");
        Text("--separator", "LINE", "The line that ends a document: <|endoftext|> by default; the empty text for a blank line.");
        Text("--recipe", "NAME", "Published settings: dapt for a field's texts, tapt for a task's.").CompletionSources.Add("dapt", "tapt");
        Text("--method", "NAME", "What trains: full (the default), or another method; what cannot be folded into weights is left beside the model.")
            .CompletionSources.Add(_ => PeftMethods.All.Select(method => method.Name));
        Number("--mask-share", "P", "The share of tokens that is masked or taken out; 0.15 by default.");
        Flag("--whole-words", "Mask all tokens of a word or none.");
        Number("--epochs", "E", "Passes over the texts; the recipe's, or 1, by default.");
        Whole("--steps", "S", "Optimizer steps, instead of epochs.");
        Whole("--batch", "B", "Items of an optimizer step; the recipe's, or 64, by default.");
        Whole("--micro-batch", "M", "The most items of a pass, by which memory is bounded; 16 by default.");
        Number("--lr", "X", "The peak learning rate; the recipe's, or 1e-4 (5e-4 from random weights), by default.");
        Whole("--max-tokens", "T", "The most tokens of an item; 128 by default, 512 with a recipe, at most the model's.");
        Whole("--dev-items", "N", "Items to judge by; 500 by default, at most a hundredth of --text.");
        Whole("--evaluations", "N", "Evaluations on these, spread over the steps; 10 by default.");
        Number("--checkpoint-minutes", "M", "Minutes between checkpoints; 10 by default.");
        Whole("--seed", "S", "The seed of everything random; 0 by default.");
        Text("--precision", "TYPE", "The type of passes: f32 (the default) or bf16, which is faster; the model is float32.").CompletionSources.Add([.. Precisions.Names]);
        Text("--device", "NAME", "cpu (the default), cuda or cuda:1.").CompletionSources.Add("cpu", "cuda");
        Text("--out", "DIR", "The folder that becomes the model.");
        Flag("--resume", "Go on with the run in --out that was interrupted.");
        Flag("--overwrite", "Replace the run that is in --out.");
    }

    /// <summary>Adds the options to a command, in the order of the help page.</summary>
    public void AddTo(Command command) => AddTo(command, behind: key => key == "vocabulary_size" ? _text : null);

    /// <summary>The settings that a command line and its settings file make together.</summary>
    /// <exception cref="GraftException">A setting or the file is at fault.</exception>
    public PretrainSettings Read(ParseResult parsed)
    {
        string[] text = parsed.GetValue(_text) ?? [];
        (JsonObject settings, string where) = Gather(parsed, "graft pretrain", PretrainSettings.Keys, text.Length > 0 ? ["text"] : []);
        if (text.Length > 0)
        {
            settings["text"] = Listed(text);
        }

        return PretrainSettings.Read(StrictJson.From(settings, where));
    }

    /// <inheritdoc/>
    protected override IReadOnlyList<string> Rivals(string key) => key switch
    {
        "text" => ["task", "data"],
        "task" => ["text", "unit", "separator"],
        "backbone" => ["config", "tokenizer", "vocabulary_size", "lowercase"],
        "config" => ["backbone"],
        "tokenizer" => ["vocabulary_size", "lowercase"],
        _ => base.Rivals(key),
    };
}
