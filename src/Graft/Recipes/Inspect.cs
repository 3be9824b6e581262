using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Packages;
using Graft.Tasks.Heads;
using Graft.Text;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>What was inspected.</summary>
public enum InspectedKind
{
    /// <summary>A package that training wrote.</summary>
    Package,

    /// <summary>A Hugging Face model folder.</summary>
    Backbone,

    /// <summary>A safetensors file.</summary>
    Weights,
}

/// <summary>A tensor in a file.</summary>
/// <param name="File">The file's name.</param>
/// <param name="Key">Its key.</param>
/// <param name="DType">Its element type.</param>
/// <param name="Shape">Its sizes.</param>
public sealed record InspectedTensor(string File, string Key, DType DType, IReadOnlyList<long> Shape)
{
    /// <summary>The number of its elements.</summary>
    public long Count => Shape.Aggregate(1L, (product, size) => product * size);
}

/// <summary>What a package, a backbone folder or a safetensors file holds, and whether it is healthy.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Path">Where it is.</param>
/// <param name="Facts">What it says of itself: the manifest, the backbone's settings and fingerprint, or the file's metadata.</param>
/// <param name="Tensors">The tensors, by file and key.</param>
/// <param name="Bytes">The bytes of each file.</param>
/// <param name="Faults">What is wrong with it, a sentence each; empty when it is healthy: all keys readable, all numbers finite.</param>
public sealed record InspectReport(
    InspectedKind Kind, string Path, JsonObject Facts, IReadOnlyList<InspectedTensor> Tensors, IReadOnlyDictionary<string, long> Bytes,
    IReadOnlyList<string> Faults)
{
    /// <summary>The number of elements of all tensors.</summary>
    public long Elements => Tensors.Sum(t => t.Count);

    /// <summary>The report as JSON.</summary>
    public JsonObject ToJson() => new()
    {
        ["kind"] = Kind.ToString().ToLowerInvariant(),
        ["path"] = Path,
        ["facts"] = Facts.DeepClone(),
        ["elements"] = Elements,
        ["bytes"] = new JsonObject(Bytes.Select(b => KeyValuePair.Create(b.Key, (JsonNode?)b.Value))),
        ["tensors"] = new JsonArray([.. Tensors.Select(t => (JsonNode)new JsonObject
        {
            ["file"] = t.File,
            ["key"] = t.Key,
            ["dtype"] = t.DType.ToString().ToLowerInvariant(),
            ["shape"] = new JsonArray([.. t.Shape.Select(s => (JsonNode?)s)]),
        })]),
        ["faults"] = new JsonArray([.. Faults.Select(f => (JsonNode?)f)]),
    };
}

/// <summary>Looks into packages, backbone folders and safetensors files: what <c>graft inspect</c> does. Stateless.</summary>
public static class Inspect
{
    /// <summary>Reads everything and checks that it is healthy.</summary>
    /// <param name="path">A package's folder, a backbone's folder, or a safetensors file.</param>
    /// <exception cref="GraftException">The path is none of these, or its manifest or settings cannot be read.</exception>
    public static InspectReport Run(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (File.Exists(path))
        {
            return Weights(path);
        }

        if (!Directory.Exists(path))
        {
            throw new GraftException($"There is no file or folder '{path}'; name a package, a backbone folder or a .safetensors file.");
        }

        return AdapterPackage.IsPackage(path) ? Package(path)
            : File.Exists(Path.Combine(path, "config.json")) ? Model(path)
            : throw new GraftException(
                $"'{path}' is neither a package (no {AdapterPackage.ManifestName}) nor a backbone folder (no config.json); name one of these or a .safetensors file.");
    }

    private static InspectReport Package(string path)
    {
        var look = new Look();
        var package = AdapterPackage.Open(path);
        look.Try(() => TaskModelPackage.Head(package));
        look.Try(() => package.Method().ReadConfig(package.Manifest.Config, Path.Combine(path, AdapterPackage.ManifestName)));
        look.Try(package.CheckFiles);
        look.File(Path.Combine(path, AdapterPackage.AdapterName));
        look.File(Path.Combine(path, AdapterPackage.HeadName));
        look.Size(Path.Combine(path, AdapterPackage.ManifestName));
        return look.Report(InspectedKind.Package, path, package.Manifest.ToJson());
    }

    private static InspectReport Model(string path)
    {
        var look = new Look();
        foreach (var file in Directory.EnumerateFiles(path, "*.safetensors").Order(StringComparer.Ordinal))
        {
            look.File(file);
        }

        var facts = new JsonObject();
        look.Try(() =>
        {
            using var backbone = Backbone.Load(path);
            var config = backbone.Config;
            facts["model_type"] = config.ModelType;
            facts["hidden_size"] = config.HiddenSize;
            facts["layers"] = config.Layers;
            facts["heads"] = config.Heads;
            facts["feed_forward_size"] = config.FeedForwardSize;
            facts["vocabulary_size"] = config.VocabularySize;
            facts["max_tokens"] = config.MaxTokens;
            facts["parameters"] = backbone.ParameterCount;
            facts["fingerprint"] = backbone.Fingerprint;
        });
        look.Try(() => facts["tokens"] = Tokenizer.Load(path).VocabularySize);
        return look.Report(InspectedKind.Backbone, path, facts);
    }

    private static InspectReport Weights(string path)
    {
        var look = new Look();
        var metadata = look.File(path);
        if (metadata is null)
        {
            throw new GraftException(look.Faults[0]);
        }

        return look.Report(
            InspectedKind.Weights, path, new JsonObject { ["metadata"] = new JsonObject(metadata.Select(m => KeyValuePair.Create(m.Key, (JsonNode?)m.Value))) });
    }

    /// <summary>What has been seen so far.</summary>
    private sealed class Look
    {
        private readonly List<InspectedTensor> _tensors = [];
        private readonly Dictionary<string, long> _bytes = new(StringComparer.Ordinal);

        public List<string> Faults { get; } = [];

        public void Try(Action read)
        {
            try
            {
                read();
            }
            catch (GraftException e)
            {
                Faults.Add(e.Message);
            }
        }

        public void Size(string path) => _bytes[Path.GetFileName(path)] = new FileInfo(path).Length;

        /// <summary>Reads every tensor of a file; returns its metadata, or null when the file cannot be opened.</summary>
        public IReadOnlyDictionary<string, string>? File(string path)
        {
            IReadOnlyDictionary<string, string>? metadata = null;
            var name = Path.GetFileName(path);
            Try(() =>
            {
                using var file = SafetensorsFile.Open(path);
                Size(path);
                metadata = file.Metadata;
                foreach (var key in file.Keys.Order(StringComparer.Ordinal))
                {
                    using var scope = new TensorScope();
                    var info = file.Info(key);
                    _tensors.Add(new InspectedTensor(name, key, info.DType, info.Shape));
                    if (info.DType.IsFloating() && !file.Load(key).AllFinite())
                    {
                        Faults.Add($"{name}: '{key}' holds numbers that are not finite; train it again, with a lower learning rate.");
                    }
                }
            });
            return metadata;
        }

        public InspectReport Report(InspectedKind kind, string path, JsonObject facts) => new(kind, path, facts, _tensors, _bytes, Faults);
    }
}
