using System.Security.Cryptography;
using System.Text;
using Graft.Formats.Sources;
using Graft.Tasks;
using Graft.Tasks.Corpora;
using Graft.Torch;

namespace Graft.Recipes.Pretraining;

/// <summary>The texts of a pretraining, found and not yet read. Immutable.</summary>
internal sealed class PretrainTexts
{
    private const int UsualDevItems = 500;
    private const int DevOfItems = 100;

    private readonly PretrainSettings _settings;
    private readonly TaskData? _task;

    /// <summary>Finds the texts, so that what is not there is told before a model is loaded.</summary>
    /// <param name="settings">The settings.</param>
    /// <exception cref="GraftException">A file, folder or task is not there or at fault.</exception>
    public PretrainTexts(PretrainSettings settings)
    {
        _settings = settings;
        _task = settings.Task is { } task ? PublishedSplit.Of(TaskCatalog.Resolve(task, settings.Data), settings.Split, settings.SplitSeed) : null;
        Files = _task is null ? TextFiles.Find(settings.Text) : [.. _task.Train.Concat(_task.Dev).Select(e => e.File).Distinct(StringComparer.Ordinal)];
    }

    /// <summary>The files.</summary>
    public IReadOnlyList<string> Files { get; }

    /// <summary>The texts to make a tokenizer of: those that are trained on.</summary>
    public IEnumerable<string> Plain() => _task is null
        ? TextFiles.Read(Files, _settings.Items == TextUnit.Line ? TextUnit.Line : TextUnit.Document, _settings.Separator).Select(t => t.Text)
        : _task.Train.SelectMany(e => e.Pair is null ? new[] { e.Text } : [e.Text, e.Pair]);

    /// <summary>What identifies the texts, and how they become items.</summary>
    /// <param name="model">The folder of the model, whose tokenizer is used.</param>
    /// <param name="maxTokens">The most tokens of an item.</param>
    public string Identity(string model, int maxTokens)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Add($"{_settings.Items} {_settings.Separator} {maxTokens}");
        foreach (var file in _task is null ? Files : [])
        {
            Add(Guarded(file));
        }

        if (_task is not null)
        {
            Add(RowHash.Of(_task.Train));
            Add(RowHash.Of(_task.Dev));
        }

        foreach (var name in Directory.EnumerateFiles(model).Where(f => !f.EndsWith(".safetensors", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            // The files of a tokenizer; a config says nothing of tokens.
            if (Path.GetFileName(name) is "tokenizer.json" or "vocab.txt" or "vocab.json" or "merges.txt" or "spiece.model" or "tokenizer_config.json")
            {
                Add(Guarded(name));
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());

        void Add(string part) => hash.AppendData(Encoding.UTF8.GetBytes(part + "\n"));

        static string Guarded(string file)
        {
            try
            {
                return FileHash.Sha256(file);
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
            {
                throw new GraftException($"{file}: cannot be read ({fault.Message.TrimEnd('.')}); check the path and its permissions.", fault);
            }
        }
    }

    /// <summary>The texts as tokens: those that were made before, or made now.</summary>
    /// <param name="path">Where they are kept.</param>
    /// <param name="identity">What identifies them.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="maxTokens">The most tokens of an item.</param>
    /// <param name="corruption">How they will be spoilt.</param>
    /// <param name="progress">Told the number of texts read.</param>
    /// <param name="cancellation">Stops between texts.</param>
    public TokenCorpus Open(
        string path, string identity, Text.Tokenizer tokenizer, int maxTokens, ICorruption corruption, Action<long> progress, CancellationToken cancellation)
    {
        if (TokenCorpus.Open(path, identity) is { } made)
        {
            return made;
        }

        // A file that holds training rows and dev rows counts twice, so that an item's file says which it is of.
        var numbers = Files.Index().ToDictionary(f => f.Item, f => f.Index, StringComparer.Ordinal);
        CorpusText Of(Example example, int behind) => new(example.Text, example.Pair, behind + numbers[example.File], example.Line);
        var texts = _task is null
            ? TextFiles.Read(Files, _settings.Items, _settings.Separator)
            : _task.Train.Select(e => Of(e, 0)).Concat(_task.Dev.Select(e => Of(e, Files.Count)));
        new TokenCorpusWriter(tokenizer, _settings.Items, maxTokens, corruption).Write(path, identity, texts, _task is null ? Files : [.. Files, .. Files], progress, cancellation);
        return TokenCorpus.Open(path, identity) ?? throw new GraftException($"The tokens '{path}' cannot be read back; look at the disk, and go on with --resume.");
    }

    /// <summary>The items to train on and those to judge on: of a task its dev rows, else a seeded draw.</summary>
    /// <param name="corpus">The texts as tokens.</param>
    /// <exception cref="GraftException">Too few are left to train on.</exception>
    public (IReadOnlyList<int> Train, IReadOnlyList<int> Dev) Split(TokenCorpus corpus)
    {
        var all = Enumerable.Range(0, corpus.Count).ToList();
        if (_task is not null)
        {
            var (train, rest) = (all.FindAll(i => corpus.FileNumber(i) < Files.Count), all.FindAll(i => corpus.FileNumber(i) >= Files.Count));
            return train.Count == 0 ? throw new GraftException("No training text of the task has a token that can be taken out; choose a backbone of its language.") : (train, [.. SeededOrder.Permutation(rest.Count, 0, "dev texts").Take(_settings.DevItems ?? UsualDevItems).Order().Select(i => rest[i])]);
        }

        var count = _settings.DevItems ?? Math.Min(UsualDevItems, corpus.Count / DevOfItems);
        if (count > corpus.Count / 2)
        {
            throw new GraftException($"dev_items is {count}, and there are {corpus.Count} items in all, of which at most half are held out; give --dev-items {corpus.Count / 2} or fewer.");
        }

        var dev = SeededOrder.Permutation(corpus.Count, 0, "dev texts").Take(count).ToHashSet();
        return (all.FindAll(i => !dev.Contains(i)), all.FindAll(dev.Contains));
    }
}
