using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Foreign;
using Graft.Formats.Foreign.Detection;
using Graft.Formats.Packages;
using Graft.Formats.Sources;
using Graft.Tasks.Heads;
using Graft.Text;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>What was inspected.</summary>
public enum InspectedKind
{
    /// <summary>A package that training wrote.</summary>
    Package,

    /// <summary>An adapter in another library's form.</summary>
    Adapter,

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
/// <param name="Norm">The Euclidean norm of its elements; null where they are no floating numbers, or not finite.</param>
/// <param name="Largest">The largest magnitude of an element; null likewise.</param>
public sealed record InspectedTensor(string File, string Key, DType DType, IReadOnlyList<long> Shape, double? Norm = null, double? Largest = null)
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
/// <param name="Remarks">What is unusual and may be right: tensors of zeros alone, very large numbers, a sentence each.</param>
public sealed record InspectReport(
    InspectedKind Kind, string Path, JsonObject Facts, IReadOnlyList<InspectedTensor> Tensors, IReadOnlyDictionary<string, long> Bytes,
    IReadOnlyList<string> Faults, IReadOnlyList<string> Remarks)
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
            ["norm"] = t.Norm,
            ["largest"] = t.Largest,
        })]),
        ["faults"] = new JsonArray([.. Faults.Select(f => (JsonNode?)f)]),
        ["remarks"] = new JsonArray([.. Remarks.Select(r => (JsonNode?)r)]),
    };
}

/// <summary>Looks into packages, adapters of other libraries, backbone folders and safetensors files: what <c>graft inspect</c> does. Stateless.</summary>
public static class Inspect
{
    /// <summary>Reads everything and checks that it is healthy.</summary>
    /// <param name="path">A package's folder, another library's adapter, a backbone's folder, or a safetensors file.</param>
    /// <param name="backbone">
    /// The backbone that another library's adapter is for; null for the one that its folder names, if it is here.
    /// </param>
    /// <exception cref="GraftException">The path is none of these, or its manifest or settings cannot be read.</exception>
    public static InspectReport Run(string path, string? backbone = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (File.Exists(path))
        {
            return Weights(path);
        }

        if (PackagePlace.Parse(path).Task is not null)
        {
            return Package(path);
        }

        if (!Directory.Exists(path))
        {
            throw new GraftException($"There is no file or folder '{path}'; name a package, a backbone folder or a .safetensors file.");
        }

        return JointPackage.IsJoint(path) ? Joint(path)
            : AdapterPackage.IsPackage(path) ? Package(path)
            : AdapterFolders.FormatOf(path) is { } format ? Foreign(path, format, backbone)
            : File.Exists(Path.Combine(path, "config.json")) ? Model(path)
            : throw new GraftException(
                $"'{path}' is neither a package (no {AdapterPackage.ManifestName}) nor another library's adapter (no adapter_config.json) nor a backbone folder (no config.json); name one of these or a .safetensors file.");
    }

    private static InspectReport Package(string path)
    {
        var look = new Look();
        var package = AdapterPackage.Open(path);
        if (package.HasTask)
        {
            look.Try(() => TaskModelPackage.Head(package));
        }

        look.Try(() => package.Method().ReadConfig(package.Manifest.Config, package.ManifestPath));
        look.Try(package.CheckFiles);
        if (package.Joint is not null)
        {
            look.File(Path.Combine(package.Folder, AdapterPackage.AdapterName));
        }

        look.Task(package);
        var facts = package.Manifest.ToJson();
        look.Try(() => MethodFacts.Add(
            facts, package.Method(), package.Method().ReadConfig(package.Manifest.Config, package.ManifestPath),
            package.Joint is null ? [package.AdapterPath] : [Path.Combine(package.Folder, AdapterPackage.AdapterName), package.AdapterPath]));
        return look.Report(InspectedKind.Package, path, facts);
    }

    private static InspectReport Joint(string path)
    {
        var look = new Look();
        var joint = JointPackage.Open(path);
        look.Try(joint.CheckShared);
        look.File(Path.Combine(path, AdapterPackage.AdapterName));
        look.Size(Path.Combine(path, AdapterPackage.ManifestName));
        var facts = joint.Manifest.ToJson();
        var tasks = new JsonObject();
        foreach (var package in joint.Tasks.Select(joint.Task))
        {
            look.Try(() => TaskModelPackage.Head(package));
            look.Try(() => package.Method().ReadConfig(package.Manifest.Config, package.ManifestPath));
            look.Try(package.CheckFiles);
            look.Task(package);
            tasks[package.Manifest.Task.Name] = new JsonObject
            {
                ["kind"] = package.Manifest.Task.Kind,
                ["labels"] = package.Manifest.Task.Labels.Count,
                ["parameters"] = package.Manifest.AdapterFile.Parameters,
                ["head_parameters"] = package.Manifest.HeadFile.Parameters,
                ["dev"] = package.Manifest.Training["dev"]?.DeepClone(),
            };
        }

        facts["tasks"] = tasks;
        look.Try(() =>
        {
            var method = AdapterPackage.Method(path, joint.Manifest.Method);
            MethodFacts.Add(
                facts, method, method.ReadConfig(joint.Manifest.Config, Path.Combine(path, AdapterPackage.ManifestName)),
                joint.Tasks.Select(t => joint.Task(t).AdapterPath).Prepend(Path.Combine(path, AdapterPackage.AdapterName)));
        });
        return look.Report(InspectedKind.Package, path, facts);
    }

    // Keys and settings of another library mean something beside the backbone's sites alone.
    private static InspectReport Foreign(string path, AdapterFormat format, string? source)
    {
        var look = new Look();

        // A fusion has its adapters in sub-folders.
        foreach (var file in Directory.EnumerateFiles(path, "*.safetensors", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            look.File(file, Path.GetRelativePath(path, file));
        }

        var facts = new JsonObject { ["format"] = format.Name };
        look.Try(() =>
        {
            facts["base_model"] = format.BaseModel(path);
            if ((source ?? Known((string?)facts["base_model"])) is not { } name)
            {
                look.Remarks.Add("Its backbone is not on this machine, so that method and keys are not read; name it with --backbone.");
                return;
            }

            using var backbone = Backbone.Load(ModelSources.Resolve(name));
            using var adapter = format.Read(path, backbone);
            facts["backbone"] = name;
            facts["name"] = adapter.Name;
            facts["method"] = adapter.Method;
            facts["config"] = adapter.Config.DeepClone();
            facts["parameters"] = adapter.Elements;
            facts["labels"] = adapter.Head is { } head ? new JsonArray([.. head.Task.Labels.Select(l => (JsonNode?)l)]) : null;
            facts["unknown_fields"] = adapter.UnknownFields.DeepClone();
            look.Remarks.AddRange(adapter.Notes);
        });
        return look.Report(InspectedKind.Adapter, path, facts);
    }

    private static string? Known(string? model) => model is null ? null
        : Directory.Exists(model) ? model
        : ModelSources.List().FirstOrDefault(m => m.Source == model || m.Source == "hf:" + model)?.Source;

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
            if (config.MaxTokens < int.MaxValue)
            {
                facts["max_tokens"] = config.MaxTokens;
            }

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
        private const int Large = 1000;
        private readonly List<InspectedTensor> _tensors = [];
        private readonly Dictionary<string, long> _bytes = new(StringComparer.Ordinal);

        public List<string> Faults { get; } = [];

        public List<string> Remarks { get; } = [];

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

        public void Size(string path, string? name = null) => _bytes[name ?? Path.GetFileName(path)] = new FileInfo(path).Length;

        /// <summary>Reads the files that are a task's alone, shown by their place in the package.</summary>
        public void Task(AdapterPackage package)
        {
            foreach (var file in new[] { package.AdapterPath, package.HeadPath })
            {
                File(file, Path.GetRelativePath(package.Folder, file));
            }

            Size(package.ManifestPath, Path.GetRelativePath(package.Folder, package.ManifestPath));
        }

        /// <summary>Reads every tensor of a file, shown by its name or another; returns its metadata, or null when the file cannot be opened.</summary>
        public IReadOnlyDictionary<string, string>? File(string path, string? name = null)
        {
            IReadOnlyDictionary<string, string>? metadata = null;
            name ??= Path.GetFileName(path);
            Try(() =>
            {
                using var file = SafetensorsFile.Open(path);
                Size(path, name);
                metadata = file.Metadata;
                foreach (var key in file.Keys.Order(StringComparer.Ordinal))
                {
                    using var scope = new TensorScope();
                    var info = file.Info(key);
                    _tensors.Add(Tensor(file, name, key, file.Info(key)));
                }
            });
            return metadata;
        }

        public InspectReport Report(InspectedKind kind, string path, JsonObject facts)
        {
            var zeros = _tensors.Where(t => t.Largest == 0 && t.Count > 0).ToList();
            if (zeros.Count > 0)
            {
                Remarks.Add($"{zeros.Count} of {_tensors.Count} tensors hold zeros alone, such as '{zeros[0].Key}': right for what began at zero and was not trained.");
            }

            var large = _tensors.Where(t => t.Largest > Large).ToList();
            if (large.Count > 0)
            {
                Remarks.Add($"{large.Count} of {_tensors.Count} tensors hold numbers beyond {Large}, such as {large[0].Largest:G3} in '{large[0].Key}': training may have gone astray.");
            }

            return new InspectReport(kind, path, facts, _tensors, _bytes, Faults, Remarks);
        }

        private InspectedTensor Tensor(SafetensorsFile file, string name, string key, TensorInfo info)
        {
            using var scope = new TensorScope();
            var tensor = new InspectedTensor(name, key, info.DType, info.Shape);
            if (!info.DType.IsFloating() || tensor.Count == 0)
            {
                return tensor;
            }

            var values = file.Load(key);
            if (!values.AllFinite())
            {
                Faults.Add($"{name}: '{key}' holds numbers that are not finite; train it again, with a lower learning rate.");
                return tensor;
            }

            var exact = values.To(DType.Float64);
            return tensor with { Norm = exact.Norm().ToDouble(), Largest = exact.Abs().Max().ToDouble() };
        }
    }
}
