using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Foreign.Detection;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Formats.Foreign.AdapterHub;

/// <summary>
/// Folders of the library <c>adapters</c> (AdapterHub): <c>adapter_config.json</c> with <c>adapter.safetensors</c>, and the head as
/// <c>head_config.json</c> with <c>model_head.safetensors</c>; or a fusion of such folders. docs/formats.md says what maps to what.
/// </summary>
public sealed class AdapterHubFormat : AdapterFormat
{
    internal const string FormatName = "adapterhub";

    internal const string WeightsName = "adapter.safetensors";
    private const string PickledName = "pytorch_adapter.bin";

    /// <inheritdoc/>
    public override string Name => FormatName;

    /// <inheritdoc/>
    public override string Summary => "a folder of AdapterHub's adapters library";

    /// <inheritdoc/>
    protected override IReadOnlyList<string> Entries =>
    [
        AdapterConfigFile.Name, WeightsName, HubHead.ConfigName, HubHead.WeightsName, KeptAdapter.FileName, KeptAdapter.HeadName,
        HubFusionPlace.SetupName, HubFusionPlace.ConfigName, HubFusionPlace.WeightsName,
    ];

    /// <inheritdoc/>
    protected override bool Writes(string folder, string entry) => base.Writes(folder, entry)
        || (HubFusionPlace.Names(folder).Contains(entry, StringComparer.Ordinal) && Path.Combine(folder, entry) is var inner && Directory.Exists(inner)
            && Directory.EnumerateFileSystemEntries(inner).All(e => File.Exists(e) && base.Writes(inner, Path.GetFileName(e))));

    /// <inheritdoc/>
    public override bool Recognizes(string folder)
    {
        if (HubFusionPlace.Is(folder))
        {
            return true;
        }

        var keys = AdapterConfigFile.Keys(folder);
        return keys.Contains("config") && keys.Contains("model_type") && !keys.Contains("peft_type");
    }

    /// <inheritdoc/>
    public override string? BaseModel(string folder) => KeptAdapter.Read(folder).Kept?.BaseModel
        ?? ModelNames.ToGraft(StrictJson.Load(HubFusionPlace.Is(folder) ? HubFusionPlace.Of(folder).Config : Path.Combine(folder, AdapterConfigFile.Name)).TextOrNull("model_name"), revision: null);

    /// <inheritdoc/>
    public override ForeignAdapter Read(string folder, Backbone backbone)
    {
        ArgumentNullException.ThrowIfNull(backbone);
        return HubFusionPlace.Is(folder) ? HubFusion.Read(folder, backbone) : ReadSingle(folder, backbone, withHead: true);
    }

    /// <summary>Reads one adapter's folder.</summary>
    internal static ForeignAdapter ReadSingle(string folder, Backbone backbone, bool withHead)
    {
        var path = Path.Combine(folder, AdapterConfigFile.Name);
        var model = HubModel.Of(backbone);
        var top = new AskedFields(StrictJson.Load(path));
        HubFiles.CheckModel(top, backbone);
        var name = HubNames.Check(top, path);
        using var file = SafetensorsFile.Open(AdapterConfigFile.Weights(folder, WeightsName, PickledName));
        var reading = new HubReading(backbone.Sites, top.Text("version")) { HasInvertible = file.Keys.Any(k => k.Contains("invertible", StringComparison.Ordinal)) };
        var (method, set) = HubConfigs.Read(HubPresets.Config(top, path), "config.", reading);
        reading.Keep(top, "");
        var read = PeftMethods.Get(method);
        var config = read.WriteConfig(read.ReadConfig(set, path));
        if (backbone.Config.Decoder is not null)
        {
            // What cannot be written there cannot be read there either.
            _ = HubConfigs.Write(method, config, backbone.Sites);
        }

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
            Origin = FormatName,
            UnknownFields = reading.Unknown,
            Keys = keys,
            Notes = note is null ? reading.Notes : [.. reading.Notes, note],
        };
        try
        {
            return !withHead ? adapter
                : HubFiles.WithHead(adapter, folder, HubConfigs.HasPromptInFront(HubConfigs.Write(method, config, backbone.Sites)), backbone, (kept, folder));
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
        if (adapter.Method == HubFusion.Method)
        {
            HubFusion.Write(folder, adapter, backbone);
        }
        else
        {
            WriteSingle(folder, adapter, backbone);
        }
    }

    /// <summary>Writes one adapter's folder.</summary>
    internal static void WriteSingle(string folder, ForeignAdapter adapter, Backbone backbone)
    {
        var model = HubModel.Of(backbone);
        var config = HubConfigs.Write(adapter.Method, adapter.Config, backbone.Sites);
        var name = HubNames.Of(adapter.Name);
        var tensors = new HubKeys(backbone.Sites, name, model.Prefix).Tensors(adapter.Weights.Select(w => (w.Key, (IReadOnlyList<long>)[.. w.Value.Shape])));
        ForeignWeights.Write(Path.Combine(folder, WeightsName), tensors.Select(t => (t, adapter.Weights)));
        HubFiles.WriteConfig(folder, AdapterConfigFile.Name, config, name, adapter, backbone);
        var head = HubFiles.WriteHead(folder, name, adapter, HubConfigs.HasPromptInFront(config), backbone);
        KeptAdapter.Write(folder, adapter, keepHead: adapter.Head is not null && head.Count == 0, [AdapterConfigFile.Name, WeightsName, .. head]);
    }

    private static void CheckKept(KeptAdapter kept, string method, JsonObject config, Backbone backbone, string folder)
    {
        if (!JsonNode.DeepEquals(HubConfigs.Write(kept.Method, kept.Config, backbone.Sites), HubConfigs.Write(method, config, backbone.Sites)))
        {
            throw HubFiles.KeptDiffers(folder, kept.Method, AdapterConfigFile.Name, method);
        }
    }

    [ModuleInitializer]
    internal static void Register() => AdapterFormats.Register(new AdapterHubFormat());
}
