using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Foreign.Detection;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Formats.Foreign.AdapterHub;

/// <summary>
/// AdapterFusion: a folder for each fused adapter, and <c>adapter_fusion_config.json</c> with <c>model_adapter_fusion.safetensors</c> for the
/// attention over them. Graft's adapter holds all of it. Stateless.
/// </summary>
internal static class HubFusion
{
    /// <summary>The method's name in Graft.</summary>
    public const string Method = "fusion";

    private const string Adapters = "adapters";
    private const string Held = "shared.adapters.";
    private const int LongestName = 200;

    /// <summary>Reads a fusion with its adapters.</summary>
    /// <exception cref="GraftException">An adapter is missing, or something of it or of the fusion is at fault.</exception>
    public static ForeignAdapter Read(string folder, Backbone backbone)
    {
        HubEncoderDecoder.CheckFusion(backbone);
        var place = HubFusionPlace.Of(folder);
        var path = place.Config;
        var model = HubModel.Of(backbone);
        var top = new AskedFields(StrictJson.Load(path));
        HubFiles.CheckModel(top, backbone);
        var (name, names) = Names(top, place);
        var reading = new HubReading(backbone.Sites, top.Text("version"));
        var fields = new AskedFields(top.Nested("config") ?? throw top.Error("config", "'config' is missing, expected an object; take the adapter's files again."));
        var set = HubFusionSettings.Read(fields);
        reading.Keep(fields, "config.");
        reading.Keep(top, "");
        Dictionary<string, Tensor> weights = new(StringComparer.Ordinal);
        List<ForeignAdapter> children = [];
        try
        {
            foreach (var child in names)
            {
                children.Add(Child(place.Adapter(child), child, backbone));
            }

            set[Adapters] = new JsonArray([.. children.Zip(names, (c, n) => (JsonNode)new JsonObject { ["name"] = n, ["method"] = c.Method, ["set"] = c.Config.DeepClone() })]);
            var config = Normal(set, path);
            var (kept, note) = KeptAdapter.Read(folder);
            if (kept is not null)
            {
                var own = kept.Method == Method ? Normal(kept.Config, Path.Combine(folder, KeptAdapter.FileName)) : null;
                config = own is not null && Hub(own, backbone) == Hub(config, backbone) ? own
                    : throw HubFiles.KeptDiffers(folder, kept.Method, HubFusionPlace.ConfigName, Method);
            }

            using var file = SafetensorsFile.Open(AdapterConfigFile.Weights(place.Folder, HubFusionPlace.WeightsName, HubFusionPlace.PickledName));
            var parameters = HubFiles.Parameters(file, Method, config, backbone, path).Where(p => !p.Path.StartsWith(Held, StringComparison.Ordinal));
            var tensors = new HubKeys(backbone.Sites, name, HubFiles.Prefix(file, model)).Tensors(parameters);
            (weights, _, var keys) = ForeignWeights.Read(file, tensors, [], $"its {HubFusionPlace.ConfigName} and this {backbone.Config.ModelType} backbone");
            var adapter = new ForeignAdapter(Method, config, new Dictionary<string, Tensor>(weights.Concat(Hold(config, children)), StringComparer.Ordinal))
            {
                Name = kept?.Name ?? name,
                BaseModel = kept?.BaseModel ?? ModelNames.ToGraft(top.Text("model_name"), revision: null),
                MaxTokens = kept?.MaxTokens ?? ForeignAdapter.UsualMaxTokens,
                Training = kept?.Training ?? [],
                Origin = AdapterHubFormat.FormatName,
                UnknownFields = new JsonObject(reading.Unknown.Concat(children.Zip(names).SelectMany(c => c.First.UnknownFields.Select(f => KeyValuePair.Create($"{Adapters}.{c.Second}.{f.Key}", f.Value))))
                    .Select(f => KeyValuePair.Create(f.Key, f.Value?.DeepClone()))),
                Keys = keys with { Loaded = [.. keys.Loaded, .. children.SelectMany(c => c.Keys.Loaded)] },
                Notes = [.. reading.Notes, .. children.Zip(names).SelectMany(c => c.First.Notes.Select(n => $"{c.Second}: {n}")), .. note is null ? [] : new[] { note }],
            };
            return HubFiles.WithHead(adapter, place.Head, promptInFront: false, backbone, (kept, folder));
        }
        catch
        {
            foreach (var tensor in weights.Values)
            {
                tensor.Dispose();
            }

            children.ForEach(c => c.Dispose());
            throw;
        }
    }

    /// <summary>Writes a fusion as the library's <c>save_adapter_setup</c> leaves it: one call of <c>load_adapter_setup</c> loads all of it.</summary>
    /// <exception cref="GraftException">An adapter or a setting has no counterpart.</exception>
    public static void Write(string folder, ForeignAdapter adapter, Backbone backbone)
    {
        HubEncoderDecoder.CheckFusion(backbone);
        var config = Normal(adapter.Config, $"the settings of {Method}");
        var children = Children(config, adapter);
        var names = children.ConvertAll(c => c.Name);
        var name = string.Join(',', names);
        if (names.Distinct(StringComparer.Ordinal).Count() < names.Count || name.Length > LongestName)
        {
            throw new GraftException($"AdapterHub's folder of the fusion would be called '{name}', which has a name twice or is longer than {LongestName} characters; train the fusion over packages with short, different names.");
        }

        List<string> files = [HubFusionPlace.SetupName];
        foreach (var child in children)
        {
            AdapterHubFormat.WriteSingle(Directory.CreateDirectory(Path.Combine(folder, child.Name)).FullName, child, backbone);
            files.AddRange([$"{child.Name}/{AdapterConfigFile.Name}", $"{child.Name}/{AdapterHubFormat.WeightsName}"]);
        }

        var own = Directory.CreateDirectory(Path.Combine(folder, name)).FullName;
        var parameters = adapter.Weights.Where(w => !w.Key.StartsWith(Held, StringComparison.Ordinal)).Select(w => (w.Key, (IReadOnlyList<long>)[.. w.Value.Shape]));
        ForeignWeights.Write(
            Path.Combine(own, HubFusionPlace.WeightsName),
            new HubKeys(backbone.Sites, name, HubModel.Of(backbone).Prefix).Tensors(parameters).Select(t => (t, adapter.Weights)));
        HubFiles.WriteConfig(
            own, HubFusionPlace.ConfigName, HubFusionSettings.Write(config), name, adapter with { UnknownFields = Unknown(adapter, f => !IsChild(f), 0) }, backbone, names);
        var head = HubFiles.WriteHead(own, name, adapter, promptInFront: false, backbone);
        HubFusionPlace.WriteSetup(folder, names, head.Count > 0 ? name : null);
        files.AddRange([.. new[] { HubFusionPlace.ConfigName, HubFusionPlace.WeightsName }.Concat(head).Select(f => $"{name}/{f}")]);
        KeptAdapter.Write(folder, adapter, keepHead: adapter.Head is not null && head.Count == 0, files);
    }

    private static (string Name, IReadOnlyList<string> Fused) Names(AskedFields top, HubFusionPlace place)
    {
        var name = HubNames.Check(top, place.Config);
        var names = top.Texts("adapter_names", name.Split(','));
        return names.Count == 0 || names.Distinct(StringComparer.Ordinal).Count() < names.Count
            ? throw top.Error("adapter_names", "'adapter_names' is empty or has a name twice, expected the fused adapters; take the adapter's files again.")
            : place.Fused is { } fused && !fused.SequenceEqual(names)
            ? throw top.Error("adapter_names", $"'adapter_names' are not the adapters of {HubFusionPlace.SetupName}; take both files from the same fusion.")
            : (name, names);
    }

    private static ForeignAdapter Child(string folder, string name, Backbone backbone)
    {
        var child = AdapterHubFormat.ReadSingle(folder, backbone, withHead: false);
        if (HubNames.Of(child.Name) == name)
        {
            return child;
        }

        child.Dispose();
        throw new GraftException($"'{folder}' holds the adapter '{child.Name}', expected '{name}', which the fusion is over; take the adapters' folders from the same model.");
    }

    // The settings with every value written, and each adapter's with its own.
    private static JsonObject Normal(JsonObject set, string where)
    {
        var method = PeftMethods.Get(Method);
        var config = method.WriteConfig(method.ReadConfig(set, where));
        return config[Adapters] is JsonArray { Count: > 0 } ? config
            : throw new GraftException($"{where}: a fusion without its adapters has no counterpart in AdapterHub; convert a trained package.");
    }

    // All of it as the library would have it, to compare.
    private static string Hub(JsonObject config, Backbone backbone) => new JsonArray(
    [
        HubFusionSettings.Write(config),
        .. Described(config).Select(d => (JsonNode)new JsonArray(HubNames.Of(d.Name), HubConfigs.Write(d.Method, d.Set, backbone.Sites))),
    ]).ToJsonString();

    private static IEnumerable<(string Name, string Method, JsonObject Set)> Described(JsonObject config) =>
        config[Adapters]!.AsArray().Select(a => ((string)a!["name"]!, (string)a["method"]!, a["set"]!.AsObject()));

    private static IEnumerable<KeyValuePair<string, Tensor>> Hold(JsonObject config, IEnumerable<ForeignAdapter> children) =>
        Described(config).Zip(children).SelectMany(c => c.Second.Weights.Select(w => KeyValuePair.Create($"{Held}{c.First.Name}.{w.Key}", w.Value)));

    // The fused adapters as the library has them; the tensors stay the fusion's.
    private static List<ForeignAdapter> Children(JsonObject config, ForeignAdapter adapter)
    {
        var described = Described(config).ToList();

        // A name with a full stop may begin with another's.
        var held = adapter.Weights.Where(w => w.Key.StartsWith(Held, StringComparison.Ordinal)).ToLookup(w => described.Select(d => $"{Held}{d.Name}.")
            .Where(p => w.Key.StartsWith(p, StringComparison.Ordinal)).MaxBy(p => p.Length), StringComparer.Ordinal);
        return described.ConvertAll(d =>
        {
            var (prefix, name) = ($"{Held}{d.Name}.", HubNames.Of(d.Name));
            return new ForeignAdapter(d.Method, d.Set.DeepClone().AsObject(), held[prefix].ToDictionary(w => w.Key[prefix.Length..], w => w.Value, StringComparer.Ordinal))
            {
                Name = name,
                BaseModel = adapter.BaseModel,
                MaxTokens = adapter.MaxTokens,
                Origin = adapter.Origin,
                UnknownFields = Unknown(adapter, f => f.StartsWith($"{Adapters}.{name}.", StringComparison.Ordinal), $"{Adapters}.{name}.".Length),
            };
        });
    }

    private static bool IsChild(string field) => field.StartsWith(Adapters + ".", StringComparison.Ordinal);

    private static JsonObject Unknown(ForeignAdapter adapter, Func<string, bool> isOwn, int prefix) =>
        new(adapter.UnknownFields.Where(f => isOwn(f.Key)).Select(f => KeyValuePair.Create(f.Key[prefix..], f.Value?.DeepClone())));
}
