using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Sources;
using Graft.Methods.Core;
using Graft.Text.Making;
using Graft.Torch;
using Tokenizer = Graft.Text.Tokenizer;

namespace Graft.Recipes.Pretraining;

/// <summary>
/// A model with random weights as a Hugging Face folder, <c>start</c> in the run's: what pretraining then goes on with as with any other, and what its
/// result can be compared with. Stateless.
/// </summary>
internal static class FreshModel
{
    /// <summary>The folder in the run's.</summary>
    public const string FolderName = "start";

    private const int TextsToldAtOnce = 1000;
    private const int Placeholders = 100;

    private static readonly JsonSerializerOptions s_readable = new() { WriteIndented = true };

    /// <summary>Finds what is wrong with config, tokenizer and method before texts are read for hours.</summary>
    /// <param name="settings">The settings, which name a config.</param>
    /// <param name="method">The method.</param>
    /// <param name="config">Its settings.</param>
    /// <exception cref="GraftException">One of them is at fault, or the program that makes a tokenizer is missing.</exception>
    public static void Check(PretrainSettings settings, PeftMethod method, PeftConfig config)
    {
        var fields = Config(settings.Config!);
        var given = settings.Tokenizer is { } folder ? Tokenizer.Load(RequireFolder(folder)) : null;
        fields["vocab_size"] = given is null ? Size(settings, fields) : Math.Max(given.VocabularySize, Whole(fields, "vocab_size") ?? 0);
        using var shape = Backbone.OfShape(fields, settings.Config!);
        PretrainCheck.Method(shape, method, given is null ? config : method.Resolve(config, given), settings.Config!, isFresh: true);
        PretrainCheck.Masking(settings, shape);
        if (given is not null)
        {
            PretrainCheck.Corruption(settings, shape, given);
        }
        else if (shape.MaskedHead is null)
        {
            SentencePieceTrainer.Require();
            if (shape.Config.VocabularySize <= Placeholders + SentencePieceTrainer.Special)
            {
                throw new GraftException(
                    $"A vocabulary of {shape.Config.VocabularySize} has no room for text beside T5's {Placeholders} placeholders and {SentencePieceTrainer.Special} special tokens; give a larger --vocabulary-size.");
            }
        }
        else if (shape.Config.ModelType != "bert")
        {
            throw new GraftException(
                $"Graft makes tokenizers for bert (WordPiece) and t5 (Unigram), and '{settings.Config}' is of model_type '{shape.Config.ModelType}'; give --tokenizer with a folder that has one.");
        }
    }

    /// <summary>Makes the folder; that of a run that is resumed stays.</summary>
    /// <param name="settings">The settings, which name a config.</param>
    /// <param name="texts">The texts.</param>
    /// <param name="run">The run.</param>
    /// <param name="progress">Told how many texts were read.</param>
    /// <param name="cancellation">Stops between texts.</param>
    /// <returns>The folder.</returns>
    /// <exception cref="GraftException">The config or the tokenizer is at fault, or the folder cannot be written.</exception>
    public static string Make(PretrainSettings settings, PretrainTexts texts, RunFolder run, Action<PretrainProgress>? progress, CancellationToken cancellation)
    {
        var folder = Path.Combine(run.Root, FolderName);
        if (settings.Resume && Directory.Exists(folder))
        {
            return folder;
        }

        var config = Config(settings.Config!);
        AtomicFolder.Replace(folder, place =>
        {
            if (settings.Tokenizer is { } tokenizer)
            {
                Copy(tokenizer, place);
            }
            else
            {
                Train(place, config, settings, texts, progress, cancellation);
            }

            // A table may have more rows than there are tokens, never fewer; that of a tokenizer made for it has as many.
            var made = Tokenizer.Load(place);
            var rows = settings.Tokenizer is null ? made.VocabularySize : Math.Max(made.VocabularySize, Whole(config, "vocab_size") ?? 0);
            config["vocab_size"] = rows;
            config["pad_token_id"] = made.PadId ?? 0;
            if (Writes(config))
            {
                config["decoder_start_token_id"] ??= made.PadId ?? 0;
            }

            AtomicFile.Write(Path.Combine(place, ModelFolder.Config), stream => JsonSerializer.Serialize(stream, config, s_readable));
            using var rng = new Rng(settings.Seed, Device.Cpu);
            using var scope = new TensorScope();
            using var backbone = Backbone.Fresh(place, rng);
            SafetensorsWriter.Write(
                Path.Combine(place, ModelFolder.Weights), backbone.NamedParameters().Select(p => SafetensorsEntry.From(p.Path, p.Parameter.Value)),
                new Dictionary<string, string>(StringComparer.Ordinal) { ["format"] = "pt" });
        });
        return folder;
    }

    private static JsonObject Config(string place)
    {
        var path = Directory.Exists(place) ? Path.Combine(place, ModelFolder.Config) : place;
        _ = StrictJson.Load(path);
        return JsonNode.Parse(File.ReadAllText(path))!.AsObject();
    }

    private static void Copy(string from, string to)
    {
        var files = ModelFolder.TokenizerFiles.Where(name => File.Exists(Path.Combine(from, name))).ToList();
        files.ForEach(name => File.Copy(Path.Combine(from, name), Path.Combine(to, name)));
    }

    private static string RequireFolder(string tokenizer) => Directory.Exists(tokenizer)
        ? tokenizer
        : throw new GraftException($"There is no folder '{tokenizer}'; give --tokenizer a folder with tokenizer.json, vocab.txt or spiece.model.");

    private static int Size(PretrainSettings settings, JsonObject config) => settings.VocabularySize ?? Whole(config, "vocab_size")
        ?? throw new GraftException($"'{settings.Config}' has no vocab_size; add it, or give --vocabulary-size.");

    private static void Train(
        string place, JsonObject config, PretrainSettings settings, PretrainTexts texts, Action<PretrainProgress>? progress, CancellationToken cancellation)
    {
        var size = Size(settings, config);
        var read = 0L;
        var told = texts.Plain().Select(text =>
        {
            if (++read % TextsToldAtOnce == 0)
            {
                cancellation.ThrowIfCancellationRequested();
                progress?.Invoke(new PretrainProgress(PretrainPhase.Tokenizer, 0, 0, double.NaN, null, 0, null, read));
            }

            return text;
        });
        if (!Writes(config))
        {
            var counts = new WordCounts(settings.Lowercase);
            foreach (var text in told)
            {
                counts.Add(text);
            }

            var tokens = WordPieceTrainer.Train(counts.Counts, size, cancellation: cancellation);
            WordPieceFiles.Write(place, tokens, settings.Lowercase, Whole(config, "max_position_embeddings") ?? 512);
            return;
        }

        SentencePieceTrainer.Train(place, told, size - Placeholders, settings.Seed, cancellation);
        var written = new JsonObject { ["tokenizer_class"] = "T5Tokenizer", ["extra_ids"] = Placeholders };
        AtomicFile.Write(Path.Combine(place, "tokenizer_config.json"), stream => JsonSerializer.Serialize(stream, written, s_readable));
    }

    private static bool Writes(JsonObject config) => (string?)config["model_type"] is "t5" or "mt5";

    private static int? Whole(JsonObject config, string key) => config[key] is JsonValue value && value.TryGetValue<int>(out var number) ? number : null;
}
