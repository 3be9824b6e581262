using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Foreign.Detection;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Formats.Foreign.AdapterHub;

/// <summary>What reading and writing a folder is made of. Stateless.</summary>
internal static class HubFiles
{
    /// <summary>The version of the library whose files are written.</summary>
    public const string Version = "adapters.1.2.0";

    private const long FewParameters = 1_000_000;

    private static readonly JsonSerializerOptions s_readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>What the keys of a file begin with: nothing in files of a model without head.</summary>
    public static string Prefix(SafetensorsFile file, HubModel model) =>
        file.Keys.Any(k => k.StartsWith(model.Prefix, StringComparison.Ordinal)) ? model.Prefix : "";

    /// <summary>Paths and shapes of a method's parameters; refuses settings of more parameters than the file has numbers.</summary>
    /// <exception cref="GraftException">A setting is wrong, or the file does not fit it.</exception>
    public static IReadOnlyList<(string Path, IReadOnlyList<long> Shape)> Parameters(
        SafetensorsFile file, string method, JsonObject settings, Backbone backbone, string path)
    {
        var known = PeftMethods.Get(method);
        var config = known.ReadConfig(settings, path);
        var (wanted, there) = (known.CountParameters(config, backbone.Sites), file.Keys.Sum(k => file.Info(k).Shape.Aggregate(1L, (a, b) => a * b)));

        // Before anything is allocated: a damaged setting may ask for more memory than there is. Smaller faults are told key by key.
        if (wanted > (4 * there) + FewParameters)
        {
            throw new GraftException($"{path}: 'config' makes a {method} adapter of {wanted} parameters on this backbone, and '{file.FilePath}' has {there}; take config and weights from the same adapter, and its own backbone.");
        }

        using var rng = new Rng(0, Device.Cpu);
        using var adapter = known.Attach(backbone, "shapes", config, rng);
        return
        [
            .. adapter.NamedParameters().Select(p => (p.Path, (IReadOnlyList<long>)[.. p.Parameter.Value.Shape])),
            .. adapter.NamedBuffers().Where(b => b.Buffer.Kind == BufferKind.State).Select(b => (b.Path, (IReadOnlyList<long>)[.. b.Buffer.Value.Shape])),
        ];
    }

    /// <summary>The same tensors by the names that the file has: earlier ones, and without what the library stores twice and a file may store once.</summary>
    public static IReadOnlyList<ForeignTensor> Present(SafetensorsFile file, IReadOnlyList<ForeignTensor> tensors) =>
    [
        .. tensors.Select(t => file.Contains(t.Key) ? t : t with { Key = HubKeys.Legacy(t.Key).FirstOrDefault(file.Contains, t.Key) })
            .Where(t => file.Contains(t.Key) || !HubKeys.IsSecond(t.Key)),
    ];

    /// <summary>The adapter with the folder's head, if it has one.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="folder">The folder that the head lies in.</param>
    /// <param name="promptInFront">Whether the library's head would read a prompt's vector in place of the first token.</param>
    /// <param name="backbone">The backbone.</param>
    /// <param name="kept">What is kept beside the library's files, and the folder that it lies in.</param>
    /// <exception cref="GraftException">The head is of a kind that Graft has not, or its files are damaged or incomplete.</exception>
    public static ForeignAdapter WithHead(ForeignAdapter adapter, string folder, bool promptInFront, Backbone backbone, (KeptAdapter? Kept, string Folder) kept)
    {
        if (kept.Kept is { HasHeadWeights: true, Task: { } task, HeadSettings: { } settings })
        {
            return adapter with { Head = new ForeignHead(task, settings, KeptAdapter.ReadHead(kept.Folder)) };
        }

        if (!File.Exists(Path.Combine(folder, HubHead.ConfigName)))
        {
            return adapter;
        }

        if (backbone.Config.Decoder is not null)
        {
            throw new GraftException(
                $"'{folder}' has a head, and AdapterHub's heads of an encoder-decoder read the decoder, which Graft's do not; remove {HubHead.ConfigName} and the head's weights to read the adapter alone.");
        }

        var head = HubHead.Read(folder, HubModel.Of(backbone), backbone.Config.HiddenSize);
        if (promptInFront)
        {
            throw new GraftException(
                $"'{folder}' has a prompt in front of the text, so that AdapterHub's head reads the prompt's first vector and Graft's the first token; remove {HubHead.ConfigName} and the head's weights to read the adapter alone.");
        }

        using var file = SafetensorsFile.Open(AdapterConfigFile.Weights(folder, HubHead.WeightsName, HubHead.PickledName));
        var (_, weights, keys) = ForeignWeights.Read(file, [], head.Tensors, $"its {HubHead.ConfigName} and this {backbone.Config.ModelType} backbone");
        if (!head.HasBias)
        {
            weights["bias"] = Tensor.Zeros([weights["weight"].Size(0)]).Unscoped();
        }

        return adapter with
        {
            Head = new ForeignHead(kept.Kept?.Task ?? head.Task, kept.Kept?.HeadSettings ?? head.Settings, weights),
            Keys = adapter.Keys with { Loaded = [.. adapter.Keys.Loaded, .. keys.Loaded] },
        };
    }

    /// <summary>Writes the adapter's head where the library has such heads.</summary>
    /// <returns>The files that were written; none without a head or where the library has no such head.</returns>
    public static IReadOnlyList<string> WriteHead(string folder, string name, ForeignAdapter adapter, bool promptInFront, Backbone backbone)
    {
        if (adapter.Head is null || backbone.Config.Decoder is not null || HubHead.Config(adapter.Head, promptInFront) is not { } head)
        {
            return [];
        }

        var parts = HubHead.Flexible(name, (long)head["layers"]!, backbone.Config.HiddenSize, (long)head["num_labels"]!);
        ForeignWeights.Write(Path.Combine(folder, HubHead.WeightsName), parts.Select(t => (t, adapter.Head.Weights)));
        WriteConfig(folder, HubHead.ConfigName, head, name, adapter, backbone);
        return [HubHead.ConfigName, HubHead.WeightsName];
    }

    /// <summary>Refuses an adapter of another model; asks for every field that says which it is for.</summary>
    /// <exception cref="GraftException">It is of another architecture or width.</exception>
    public static void CheckModel(AskedFields top, Backbone backbone)
    {
        var (type, width) = (top.Text("model_type"), top.Whole("hidden_size", backbone.Config.HiddenSize));
        top.Ignore("model_class", "config");
        if (type != backbone.Config.ModelType || width != backbone.Config.HiddenSize)
        {
            throw top.Error("model_type", $"the adapter is for a {type} model of width {width}{(top.Text("model_name") is { } name ? $" ({name})" : "")}, and the backbone is a {backbone.Config.ModelType} model of width {backbone.Config.HiddenSize}; give its own with --backbone.");
        }

        top.Ignore("model_name");
    }

    /// <summary>What is kept is bound to the files by their hashes, so it has to say the same; a difference would be a fault of this library.</summary>
    public static GraftException KeptDiffers(string folder, string method, string fileName, string read) => new(
        $"'{folder}' has settings in {KeptAdapter.FileName} ({method}) that are not those of its {fileName} ({read}); delete the first to read the folder as AdapterHub's alone.");

    /// <summary>Writes a file of settings as the library does: sorted keys, two blanks of indentation.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="fileName">The file's name.</param>
    /// <param name="config">What stands under <c>config</c>.</param>
    /// <param name="name">The adapter's name in the library.</param>
    /// <param name="adapter">The adapter.</param>
    /// <param name="backbone">The backbone.</param>
    /// <param name="fused">The names of the adapters that it fuses, or null.</param>
    public static void WriteConfig(
        string folder, string fileName, JsonObject config, string name, ForeignAdapter adapter, Backbone backbone, IReadOnlyList<string>? fused = null)
    {
        var root = new JsonObject
        {
            ["config"] = config.DeepClone(),
            ["hidden_size"] = backbone.Config.HiddenSize,
            ["model_class"] = HubModel.Of(backbone).ModelClass,
            ["model_name"] = ModelNames.FromGraft(adapter.BaseModel).Name,
            ["model_type"] = backbone.Config.ModelType,
            ["name"] = name,
            ["version"] = Version,
        };
        if (fused is not null)
        {
            root["adapter_names"] = new JsonArray([.. fused.Select(n => (JsonNode?)n)]);
        }

        if (fileName != HubHead.ConfigName && adapter.Origin == AdapterHubFormat.FormatName)
        {
            foreach (var (path, value) in adapter.UnknownFields)
            {
                Put(root, path.Split('.'), value);
            }
        }

        WriteJson(Path.Combine(folder, fileName), Sorted(root));
    }

    /// <summary>Writes JSON with two blanks of indentation.</summary>
    public static void WriteJson(string path, JsonNode? root) => AtomicFile.Write(path, stream => JsonSerializer.Serialize(stream, root, s_readable));

    // A field that Graft does not know goes back to where it was, unless that place is gone or taken.
    private static void Put(JsonNode root, ReadOnlySpan<string> path, JsonNode? value)
    {
        if (path is [var key])
        {
            if (root is JsonObject place && !place.ContainsKey(key))
            {
                place[key] = value?.DeepClone();
            }

            return;
        }

        var inner = root switch
        {
            JsonObject place => place[path[0]],
            JsonArray list when int.TryParse(path[0], out var at) && at < list.Count => list[at],
            _ => null,
        };
        if (inner is not null)
        {
            Put(inner, path[1..], value);
        }
    }

    private static JsonNode? Sorted(JsonNode? node) => node switch
    {
        JsonObject json => new JsonObject(json.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => KeyValuePair.Create(p.Key, Sorted(p.Value)))),
        JsonArray list => new JsonArray([.. list.Select(Sorted)]),
        null => null,
        _ => node.DeepClone(),
    };
}
