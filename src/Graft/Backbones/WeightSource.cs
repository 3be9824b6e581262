using System.Text.Json;
using Graft.Torch;

namespace Graft.Backbones;

/// <summary>The open safetensors files of a model folder, one or several shards; keys are unique over all of them.</summary>
internal sealed class WeightFiles : IDisposable
{
    private readonly List<SafetensorsFile> _files = [];
    private readonly Lazy<string> _fingerprint;
    private IReadOnlyList<(string Key, string FileKey)> _used = [];

    private WeightFiles(string folder)
    {
        Folder = folder;
        _fingerprint = new Lazy<string>(() => Fingerprints.Compute(_used, this));
    }

    public string Folder { get; }

    public Dictionary<string, SafetensorsFile> ByKey { get; } = new(StringComparer.Ordinal);

    public string Fingerprint => _fingerprint.Value;

    public static WeightFiles Open(string folder)
    {
        var files = new WeightFiles(folder);
        try
        {
            foreach (var path in ShardPaths(folder))
            {
                var file = SafetensorsFile.Open(path);
                files._files.Add(file);
                foreach (var key in file.Keys)
                {
                    if (!files.ByKey.TryAdd(key, file))
                    {
                        throw new GraftException($"The weight '{key}' is in two shards of '{folder}'; take the model's files again.");
                    }
                }
            }

            return files;
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    public void Use(IReadOnlyList<(string Key, string FileKey)> used) => _used = used;

    public void Dispose()
    {
        foreach (var file in _files)
        {
            file.Dispose();
        }

        _files.Clear();
    }

    private static IEnumerable<string> ShardPaths(string folder)
    {
        var single = Path.Combine(folder, "model.safetensors");
        if (File.Exists(single))
        {
            return [single];
        }

        var index = Path.Combine(folder, "model.safetensors.index.json");
        if (!File.Exists(index))
        {
            var pickled = Directory.EnumerateFiles(folder, "*.bin").Any();
            throw new GraftException(pickled
                ? $"'{folder}' has only pickled .bin weights, which can run code when they are read; save the model as safetensors in Python (save_pretrained) and point to that folder."
                : $"'{folder}' has no model.safetensors (and no model.safetensors.index.json); take the model's files again.");
        }

        return ShardsOf(index, folder);
    }

    private static IEnumerable<string> ShardsOf(string index, string folder)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllText(index));
            var names = document.RootElement.GetProperty("weight_map").EnumerateObject()
                .Select(p => p.Value.GetString() ?? "").Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
            foreach (var name in names)
            {
                if (name != Path.GetFileName(name) || !File.Exists(Path.Combine(folder, name)))
                {
                    throw new GraftException($"{index} names the shard '{name}', which is not in '{folder}'; take the model's files again.");
                }
            }

            return names.Select(n => Path.Combine(folder, n));
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new GraftException($"{index} is not a sharded index with a 'weight_map'; take the model's files again.", e);
        }
    }
}

/// <summary>
/// Hands a backbone its weights by checkpoint key while it builds itself, and accounts for every one: a weight that is missing or
/// misshapen, or that nobody asked for, is an error that lists all of them.
/// </summary>
public sealed class WeightSource
{
    private readonly Architecture? _architecture;
    private readonly Func<string, long[], Tensor>? _create;
    private readonly Dictionary<string, string> _fileKeys = new(StringComparer.Ordinal);
    private readonly List<(string Key, string FileKey)> _used = [];
    private readonly List<string> _missing = [];
    private readonly List<string> _misshapen = [];

    private WeightSource(DType dtype, Device device, bool pooler) => (DType, Device, Pooler) = (dtype, device, pooler);

    /// <summary>Makes a source that computes weights instead of reading them, for tiny models in tests and random ones in benchmarks.</summary>
    /// <param name="create">The value for a key and shape; called once per weight, in the order of construction.</param>
    /// <param name="dtype">The type of the values.</param>
    /// <param name="device">Where they live.</param>
    /// <param name="pooler">Whether to make a pooler.</param>
    public WeightSource(
        Func<string, long[], Tensor> create, DType dtype = DType.Float32, Device device = default, bool pooler = false)
        : this(dtype, device, pooler) => _create = create;

    private WeightSource(Architecture architecture, WeightFiles files, DType dtype, BackboneOptions options)
        : this(dtype, options.Device ?? Device.Cpu, options.Pooler)
    {
        (_architecture, Files, EncoderOnly) = (architecture, files, options.EncoderOnly);
        foreach (var key in files.ByKey.Keys)
        {
            _fileKeys.TryAdd(Normalize(key, architecture.Prefix), key);
        }
    }

    /// <summary>Zeros of the right shapes that take no memory: one element each, repeated. They can be read and not written.</summary>
    public static WeightSource OfShape() => new((_, shape) => Tensor.Zeros([1]).Expand(shape));

    internal WeightFiles? Files { get; }

    internal DType DType { get; }

    internal Device Device { get; }

    internal static WeightSource Open(string folder, Architecture architecture, BackboneOptions options)
    {
        var files = WeightFiles.Open(folder);
        var dtype = options.DType ?? files.ByKey.Select(p => p.Value.Info(p.Key).DType)
            .FirstOrDefault(t => t is DType.Float32 or DType.Float64 or DType.BFloat16 or DType.Float16, DType.Float32);
        return new WeightSource(architecture, files, dtype, options);
    }

    /// <summary>Whether the pooler of the first token is wanted.</summary>
    internal bool Pooler { get; }

    /// <summary>Whether an encoder-decoder's encoder is wanted alone.</summary>
    internal bool EncoderOnly { get; }

    /// <summary>The weight under <paramref name="key"/> in the wanted type and device.</summary>
    /// <param name="key">The checkpoint key without the head model's prefix.</param>
    /// <param name="shape">The expected shape.</param>
    internal Tensor Take(string key, params long[] shape)
    {
        if (_create is not null)
        {
            using var made = new TensorScope();
            return made.Keep(_create(key, shape).To(DType).To(Device));
        }

        if (!_fileKeys.TryGetValue(key, out var fileKey))
        {
            _missing.Add(key);
            return Tensor.Zeros([0], DType, Device);
        }

        _used.Add((key, fileKey));
        var file = Files!.ByKey[fileKey];
        var found = file.Info(fileKey).Shape;
        if (!found.SequenceEqual(shape))
        {
            _misshapen.Add($"{fileKey} is [{string.Join(", ", found)}], expected [{string.Join(", ", shape)}]");
            return Tensor.Zeros([0], DType, Device);
        }

        using var scope = new TensorScope();
        return scope.Keep(file.Load(fileKey).To(DType).To(Device));
    }

    /// <summary>
    /// Accepts other keys of one weight: files of tied weights name them once, several times, or by any of their names. Copies must be equal.
    /// </summary>
    /// <param name="key">The key that is taken later.</param>
    /// <param name="aliases">The other keys.</param>
    internal void Alias(string key, IReadOnlyList<string> aliases)
    {
        foreach (var alias in aliases.Where(a => _fileKeys.ContainsKey(a)))
        {
            _fileKeys.Remove(alias, out var fileKey);
            if (_fileKeys.TryAdd(key, fileKey!))
            {
                continue;
            }

            var (first, second) = (Files!.ByKey[_fileKeys[key]], Files.ByKey[fileKey!]);
            if (!first.Info(_fileKeys[key]).Shape.SequenceEqual(second.Info(fileKey!).Shape) || !first.Bytes(_fileKeys[key]).SequenceEqual(second.Bytes(fileKey!)))
            {
                _misshapen.Add($"{fileKey} differs from {_fileKeys[key]}, and config.json ties them (tie_word_embeddings)");
            }
        }
    }

    /// <summary>Leaves weights out that the wanted part of the model has not.</summary>
    /// <param name="prefix">What their keys begin with.</param>
    internal void Skip(string prefix)
    {
        foreach (var key in _fileKeys.Keys.Where(k => k.StartsWith(prefix, StringComparison.Ordinal)).ToList())
        {
            _fileKeys.Remove(key);
        }
    }

    /// <summary>Checks that every weight of the folder was used or belongs to a known head, and none was missing.</summary>
    /// <exception cref="GraftException">Otherwise, with every key.</exception>
    internal void CheckAccounted()
    {
        var asked = _used.Select(u => u.FileKey).ToHashSet(StringComparer.Ordinal);
        var unexpected = _fileKeys
            .Where(p => !asked.Contains(p.Value) && !_architecture!.Ignored.Any(i => p.Key.StartsWith(i, StringComparison.Ordinal)))
            .Select(p => p.Value).Order(StringComparer.Ordinal).ToList();
        if (_missing.Count + _misshapen.Count + unexpected.Count > 0)
        {
            var faults = string.Join("; ", new[] { Listed("missing", _missing), Listed("misshapen", _misshapen), Listed("unexpected", unexpected) }
                .Where(f => f.Length > 0));
            throw new GraftException(
                $"The weights in '{Files!.Folder}' do not fit its config.json ({_used.Count - _misshapen.Count} loaded): {faults}; take config and weights from the same model.");
        }

        // The pooler is optional, so it does not count towards the identity of the backbone.
        Files!.Use([.. _used.Where(u => !u.Key.StartsWith("pooler.", StringComparison.Ordinal))]);
    }

    private static string Listed(string what, IReadOnlyList<string> keys) => keys.Count == 0
        ? ""
        : $"{keys.Count} {what}: {string.Join(", ", keys.Take(8))}{(keys.Count > 8 ? ", ..." : "")}";

    /// <summary>Checkpoints with a head prefix the backbone's keys; old TensorFlow exports call norm parameters gamma and beta.</summary>
    private static string Normalize(string key, string prefix)
    {
        var bare = key.StartsWith(prefix, StringComparison.Ordinal) ? key[prefix.Length..] : key;
        return bare.EndsWith("LayerNorm.gamma", StringComparison.Ordinal) ? bare[..^5] + "weight"
            : bare.EndsWith("LayerNorm.beta", StringComparison.Ordinal) ? bare[..^4] + "bias"
            : bare;
    }
}
