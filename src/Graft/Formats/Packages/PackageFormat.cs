using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Foreign;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Formats.Packages;

/// <summary>Graft's own packages as one of the formats that adapters are converted between.</summary>
public sealed class PackageFormat : AdapterFormat
{
    // Settings of another library that Graft does not know stay with the package, so that they can be written back.
    private const string ConvertedFrom = "converted_from";

    /// <inheritdoc/>
    public override string Name => "graft";

    /// <inheritdoc/>
    public override string Summary => "a package of Graft";

    /// <inheritdoc/>
    protected override IReadOnlyList<string> Entries => [AdapterPackage.ManifestName, AdapterPackage.AdapterName, AdapterPackage.HeadName];

    /// <inheritdoc/>
    public override bool Recognizes(string folder) => AdapterPackage.IsPackage(folder);

    /// <inheritdoc/>
    public override string? BaseModel(string folder) => AdapterPackage.Open(folder).Manifest.Backbone.Source;

    /// <inheritdoc/>
    public override ForeignAdapter Read(string folder, Backbone backbone)
    {
        var package = AdapterPackage.Open(folder);
        var manifest = package.Manifest;
        package.CheckFiles();
        using var loaded = package.LoadAdapter(backbone);
        using var alone = Alone(package, loaded, backbone);
        var adapter = alone ?? loaded;
        using var file = SafetensorsFile.Open(package.HeadPath);
        var (weights, keys) = (Tensors(PackageWeights.State(adapter)), PackageWeights.State(adapter).Select(s => s.Key).ToList());
        var head = Tensors(file.Keys.Select(k => (k, file.Load(k))));
        return new ForeignAdapter(adapter.Method.Name, alone is null ? manifest.Config : adapter.Method.WriteConfig(adapter.Config), weights)
        {
            Name = manifest.Task.Name,
            Head = new ForeignHead(manifest.Task, manifest.Head, head),
            BaseModel = manifest.Backbone.Source,
            Fingerprint = manifest.Backbone.Fingerprint,
            MaxTokens = manifest.MaxTokens,
            Training = manifest.Training,
            UnknownFields = manifest.Training[ConvertedFrom]?["unknown_fields"] is JsonObject unknown ? unknown.DeepClone().AsObject() : [],
            Origin = (string?)manifest.Training[ConvertedFrom]?["format"] ?? Name,
            Keys = new KeyReport([.. keys, .. head.Keys], [], [], []),
        };
    }

    /// <summary>A task of several as an adapter of its own; null for a package that is one already.</summary>
    private static Adapter? Alone(AdapterPackage package, Adapter adapter, Backbone backbone) => package.Joint is null || !adapter.Method.SharesAcrossTasks
        ? null
        : adapter.Method.Standalone(adapter, package.Manifest.Task.Name, backbone) ?? throw new GraftException(
            $"The task '{package.Manifest.Task.Name}' of '{package.Folder}' cannot be converted alone, as no other method computes what {adapter.Method.Name} does; keep it in its package.");

    /// <inheritdoc/>
    protected override void Write(string folder, ForeignAdapter adapter, Backbone backbone)
    {
        var head = adapter.Head ?? throw new GraftException(
            $"The adapter '{adapter.Name}' has no head, and a package of Graft answers a task; convert one that was saved with its head, or train a package with 'graft train'.");
        using var module = Attach(adapter, backbone);
        using var headModule = new StoredHead(head.Weights);
        var method = module.Method;
        AdapterPackage.WriteInto(
            folder,
            (adapterFile, headFile) => new PackageManifest(
                adapter.Method, method.WriteConfig(module.Config), head.Task, head.Settings, adapter.MaxTokens,
                new PackageBackbone(
                    backbone.Config.ModelType, backbone.Config.HiddenSize, backbone.Config.Layers, adapter.BaseModel ?? "unnamed", backbone.Fingerprint),
                Training(adapter), PackageManifest.OwnVersions())
            { AdapterFile = adapterFile, HeadFile = headFile },
            module,
            headModule);
    }

    /// <summary>Makes the method's adapter and fills it, every path and shape accounted for.</summary>
    /// <param name="adapter">What to fill it with.</param>
    /// <param name="backbone">The backbone.</param>
    /// <exception cref="GraftException">The method or a setting is unknown, or the weights are not the method's.</exception>
    internal static Adapter Attach(ForeignAdapter adapter, Backbone backbone)
    {
        var method = PeftMethods.Get(adapter.Method);
        using var rng = new Rng(0, Device.Cpu);
        var module = method.Attach(backbone, adapter.Name, method.ReadConfig(adapter.Config, $"the adapter '{adapter.Name}'"), rng);
        try
        {
            var state = PackageWeights.State(module);
            var faults = state.Select(s => s.Key).Except(adapter.Weights.Keys, StringComparer.Ordinal).Select(k => $"'{k}' is missing")
                .Concat(adapter.Weights.Keys.Except(state.Select(s => s.Key), StringComparer.Ordinal).Select(k => $"'{k}' is not the method's"))
                .Concat(state.Where(s => adapter.Weights.TryGetValue(s.Key, out var w) && !w.Shape.SequenceEqual(s.Value.Shape)).Select(s => $"'{s.Key}' has another shape"))
                .ToList();
            if (faults.Count > 0)
            {
                throw new GraftException($"The weights of '{adapter.Name}' are not those of {adapter.Method} with its settings ({Suggest.List(faults)}); take config and weights from the same adapter.");
            }

            using var frozen = Autograd.NoGrad();
            using var scope = new TensorScope();
            state.ForEach(s => s.Value.Copy_(adapter.Weights[s.Key]));
            return module;
        }
        catch
        {
            module.Dispose();
            throw;
        }
    }

    private JsonObject Training(ForeignAdapter adapter)
    {
        var training = adapter.Training.DeepClone().AsObject();
        if (adapter.Origin.Length > 0 && adapter.Origin != Name && adapter.UnknownFields.Count > 0)
        {
            training[ConvertedFrom] = new JsonObject { ["format"] = adapter.Origin, ["unknown_fields"] = adapter.UnknownFields.DeepClone() };
        }

        return training;
    }

    private static Dictionary<string, Tensor> Tensors(IEnumerable<(string Key, Tensor Value)> state)
    {
        using var scope = new TensorScope();
        return state.ToDictionary(s => s.Key, s => s.Value.Detach().To(Device.Cpu).Clone().Unscoped(), StringComparer.Ordinal);
    }

    [ModuleInitializer]
    internal static void Register() => AdapterFormats.Register(new PackageFormat());

    /// <summary>A head's tensors as a module, so that they are written like any.</summary>
    private sealed class StoredHead : Module
    {
        public StoredHead(IReadOnlyDictionary<string, Tensor> weights)
        {
            foreach (var (key, value) in weights.OrderBy(w => w.Key, StringComparer.Ordinal))
            {
                AddParameter(key, value.Clone());
            }
        }
    }
}
