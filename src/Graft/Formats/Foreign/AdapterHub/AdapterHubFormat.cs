using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Foreign.Detection;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Formats.Foreign.AdapterHub;

/// <summary>
/// Folders of the library <c>adapters</c> (AdapterHub): <c>adapter_config.json</c> with <c>adapter.safetensors</c>, and the head as
/// <c>head_config.json</c> with <c>model_head.safetensors</c>. docs/formats.md says what maps to what.
/// </summary>
public sealed class AdapterHubFormat : AdapterFormat
{
    internal const string FormatName = "adapterhub";

    private const string WeightsName = "adapter.safetensors";
    private const string PickledName = "pytorch_adapter.bin";

    /// <inheritdoc/>
    public override string Name => FormatName;

    /// <inheritdoc/>
    public override string Summary => "a folder of AdapterHub's adapters library";

    /// <inheritdoc/>
    protected override IReadOnlyList<string> Entries =>
        [AdapterConfigFile.Name, WeightsName, HubHead.ConfigName, HubHead.WeightsName, KeptAdapter.FileName, KeptAdapter.HeadName];

    /// <inheritdoc/>
    public override bool Recognizes(string folder)
    {
        var keys = AdapterConfigFile.Keys(folder);
        return keys.Contains("config") && keys.Contains("model_type") && !keys.Contains("peft_type");
    }

    /// <inheritdoc/>
    public override string? BaseModel(string folder) => KeptAdapter.Read(folder).Kept?.BaseModel
        ?? ModelNames.ToGraft(StrictJson.Load(Path.Combine(folder, AdapterConfigFile.Name)).TextOrNull("model_name"), revision: null);

    /// <inheritdoc/>
    public override ForeignAdapter Read(string folder, Backbone backbone)
    {
        ArgumentNullException.ThrowIfNull(backbone);
        var path = Path.Combine(folder, AdapterConfigFile.Name);
        var model = HubModel.Of(backbone);
        var top = new AskedFields(StrictJson.Load(path));
        CheckModel(top, backbone);
        var name = HubNames.Check(top, path);
        using var file = SafetensorsFile.Open(AdapterConfigFile.Weights(folder, WeightsName, PickledName));
        var reading = new HubReading(backbone.Sites, top.Text("version")) { HasInvertible = file.Keys.Any(k => k.Contains("invertible", StringComparison.Ordinal)) };
        var (method, set) = HubConfigs.Read(HubPresets.Config(top, path), "config.", reading);
        reading.Keep(top, "");
        var read = PeftMethods.Get(method);
        var config = read.WriteConfig(read.ReadConfig(set, path));
        var (kept, note) = KeptAdapter.Read(folder, backbone);
        if (kept is not null)
        {
            CheckKept(kept, method, config, backbone, folder);
            (method, config) = (kept.Method, kept.Config);
        }

        var tensors = HubFiles.Present(file, new HubKeys(backbone.Sites, name, HubFiles.Prefix(file, model)).Tensors(HubFiles.Parameters(file, method, config, backbone, path)));
        var (weights, _, keys) = ForeignWeights.Read(file, tensors, [], $"its {AdapterConfigFile.Name} and this {backbone.Config.ModelType} backbone");
        var adapter = new ForeignAdapter(method, config, weights)
        {
            Name = kept?.Name ?? name,
            BaseModel = kept?.BaseModel ?? ModelNames.ToGraft(top.Text("model_name"), revision: null),
            Fingerprint = kept?.Fingerprint,
            MaxTokens = kept?.MaxTokens ?? ForeignAdapter.UsualMaxTokens,
            Training = kept?.Training ?? [],
            Origin = Name,
            UnknownFields = reading.Unknown,
            Keys = keys,
            Notes = note is null ? reading.Notes : [.. reading.Notes, note],
        };
        try
        {
            return HubFiles.WithHead(adapter, folder, model, backbone, kept);
        }
        catch
        {
            adapter.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    protected override void Write(string folder, ForeignAdapter adapter, Backbone backbone)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        ArgumentNullException.ThrowIfNull(backbone);
        var model = HubModel.Of(backbone);
        var config = HubConfigs.Write(adapter.Method, adapter.Config, backbone.Sites);
        var name = HubNames.Of(adapter.Name);
        var tensors = new HubKeys(backbone.Sites, name, model.Prefix).Tensors(adapter.Weights.Select(w => (w.Key, (IReadOnlyList<long>)[.. w.Value.Shape])));
        ForeignWeights.Write(Path.Combine(folder, WeightsName), tensors.Select(t => (t, adapter.Weights)));
        HubFiles.WriteConfig(folder, AdapterConfigFile.Name, config, name, model, adapter, backbone);
        List<string> files = [AdapterConfigFile.Name, WeightsName];
        var head = adapter.Head is null ? null : HubHead.Config(adapter.Head, HubConfigs.HasPromptInFront(config));
        if (head is not null)
        {
            var parts = HubHead.Flexible(name, (long)head["layers"]!, backbone.Config.HiddenSize, (long)head["num_labels"]!);
            ForeignWeights.Write(Path.Combine(folder, HubHead.WeightsName), parts.Select(t => (t, adapter.Head!.Weights)));
            HubFiles.WriteConfig(folder, HubHead.ConfigName, head, name, model, adapter, backbone);
            files.AddRange([HubHead.ConfigName, HubHead.WeightsName]);
        }

        KeptAdapter.Write(folder, adapter, keepHead: adapter.Head is not null && head is null, files);
    }

    private static void CheckModel(AskedFields top, Backbone backbone)
    {
        var (type, width) = (top.Text("model_type"), top.Whole("hidden_size", backbone.Config.HiddenSize));
        top.Ignore("model_class", "config");
        if (type != backbone.Config.ModelType || width != backbone.Config.HiddenSize)
        {
            throw top.Error("model_type", $"the adapter is for a {type} model of width {width}{(top.Text("model_name") is { } name ? $" ({name})" : "")}, and the backbone is a {backbone.Config.ModelType} model of width {backbone.Config.HiddenSize}; give its own with --backbone.");
        }

        top.Ignore("model_name");
    }

    // What is kept is bound to the files by their hashes, so it has to say the same; a difference would be a fault of this library.
    private static void CheckKept(KeptAdapter kept, string method, JsonObject config, Backbone backbone, string folder)
    {
        if (!JsonNode.DeepEquals(HubConfigs.Write(kept.Method, kept.Config, backbone.Sites), HubConfigs.Write(method, config, backbone.Sites)))
        {
            throw new GraftException($"'{folder}' has settings in {KeptAdapter.FileName} ({kept.Method}) that are not those of its {AdapterConfigFile.Name} ({method}); delete the first to read the folder as AdapterHub's alone.");
        }
    }

    [ModuleInitializer]
    internal static void Register() => AdapterFormats.Register(new AdapterHubFormat());
}
