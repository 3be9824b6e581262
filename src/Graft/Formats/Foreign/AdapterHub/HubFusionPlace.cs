using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Formats.Foreign.Detection;
using Graft.Torch;

namespace Graft.Formats.Foreign.AdapterHub;

/// <summary>
/// Where the files of a fusion lie. The library's <c>save_adapter_setup</c> leaves <c>adapter_setup.json</c>, a sub-folder for each adapter and
/// one, <c>a,b</c>, for the fusion; its <c>save_adapter_fusion</c> leaves the last alone, with the adapters in it or beside it. Immutable.
/// </summary>
/// <param name="Folder">The folder of the fusion's own files.</param>
/// <param name="Head">The folder of its head, if it has one.</param>
/// <param name="Fused">The names of the adapters as the setup has them; null without a setup.</param>
internal sealed record HubFusionPlace(string Folder, string Head, IReadOnlyList<string>? Fused)
{
    public const string SetupName = "adapter_setup.json";
    public const string ConfigName = "adapter_fusion_config.json";
    public const string WeightsName = "model_adapter_fusion.safetensors";
    public const string PickledName = "pytorch_model_adapter_fusion.bin";

    private const string Fuse = "Fuse";
    private const string Single = "single";

    /// <summary>The fusion's settings.</summary>
    public string Config => Path.Combine(Folder, ConfigName);

    /// <summary>Whether a folder is a fusion, good or bad; another composition of adapters is none.</summary>
    public static bool Is(string folder) => !File.Exists(Path.Combine(folder, AdapterConfigFile.Name))
        && (File.Exists(Path.Combine(folder, ConfigName)) || (File.Exists(Path.Combine(folder, SetupName)) && IsFuse(Path.Combine(folder, SetupName))));

    /// <summary>The place of a folder's fusion.</summary>
    /// <exception cref="GraftException">Its <c>adapter_setup.json</c> is damaged or of another kind, or has a path for a name.</exception>
    public static HubFusionPlace Of(string folder)
    {
        if (File.Exists(Path.Combine(folder, ConfigName)))
        {
            return new HubFusionPlace(folder, folder, Fused: null);
        }

        var path = Path.Combine(folder, SetupName);
        var setup = StrictJson.Load(path);
        var fused = Read(setup, path);
        var own = Path.Combine(folder, string.Join(',', fused));
        if (!File.Exists(Path.Combine(own, ConfigName)))
        {
            throw new GraftException($"'{folder}' has no '{Path.GetFileName(own)}' with {ConfigName} for the fusion of its {SetupName}; save it there with save_adapter_fusion, or take the folder again.");
        }

        return new HubFusionPlace(own, File.Exists(Path.Combine(own, HubHead.ConfigName)) ? own : HeadFolder(setup, folder) ?? own, fused);
    }

    /// <summary>The names of the sub-folders that belong to a folder's setup; none where it has no sound one.</summary>
    public static IReadOnlyList<string> Names(string folder)
    {
        var path = Path.Combine(folder, SetupName);
        try
        {
            return File.Exists(path) && IsFuse(path) && Read(StrictJson.Load(path), path) is var fused ? [.. fused, string.Join(',', fused)] : [];
        }
        catch (GraftException)
        {
            // What belongs to a damaged setup cannot be told, so that nothing does.
            return [];
        }
    }

    /// <summary>The folder of one of the adapters: in the fusion's folder, or beside it.</summary>
    /// <exception cref="GraftException">It is in neither, or the name is a path.</exception>
    public string Adapter(string name)
    {
        AdapterFolders.CheckName(name);
        var beside = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(Folder))) ?? Folder;
        return new[] { Folder, beside }.Select(f => Path.Combine(f, name)).FirstOrDefault(f => File.Exists(Path.Combine(f, AdapterConfigFile.Name))) ?? throw new GraftException(
            $"'{Folder}' fuses the adapter '{name}', and neither in it nor beside it is a folder '{name}' with {AdapterConfigFile.Name}; save every fused adapter there with save_adapter.");
    }

    /// <summary>Writes <c>adapter_setup.json</c>.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="fused">The names of the adapters.</param>
    /// <param name="head">The name of the head's sub-folder, or null without a head.</param>
    public static void WriteSetup(string folder, IReadOnlyList<string> fused, string? head) => HubFiles.WriteJson(
        Path.Combine(folder, SetupName),
        new JsonObject
        {
            ["adapter_setup"] = new JsonObject
            {
                ["type"] = Fuse,
                ["children"] = new JsonArray([.. fused.Select(name => (JsonNode)new JsonObject { ["type"] = Single, ["children"] = new JsonArray(name) })]),
            },
            ["head_setup"] = head,
            ["version"] = HubFiles.Version,
        });

    // A file that cannot be read may be a fusion's: reading it says what is wrong.
    private static bool IsFuse(string path)
    {
        try
        {
            return StrictJson.Load(path).Nested("adapter_setup")?.TextOrNull("type") is null or Fuse;
        }
        catch (GraftException)
        {
            return true;
        }
    }

    private static List<string> Read(StrictObject setup, string path)
    {
        var block = setup.Nested("adapter_setup");
        if (block?.TextOrNull("type") != Fuse)
        {
            throw setup.Error("adapter_setup", $"'adapter_setup' is {block?.TextOrNull("type") ?? "missing"}, expected a {Fuse} of adapters; name one adapter's sub-folder.");
        }

        List<string> fused = [];
        foreach (var (_, key, child) in block.Items("children"))
        {
            if (child?.TextOrNull("type") != Single || child.TextList("children") is not [var name])
            {
                throw block.Error(key, $"the fusion has a composition of adapters in it, or an adapter without name, and Graft fuses single adapters; take a fusion of adapters.");
            }

            fused.Add(Checked(name, path));
        }

        return fused.Count > 0 ? fused : throw block.Error("children", "the fusion has no adapters; take the folder again.");
    }

    private static string? HeadFolder(StrictObject setup, string folder) => setup.Raw("head_setup")?.ValueKind switch
    {
        null or JsonValueKind.False => null,
        JsonValueKind.True => folder,
        JsonValueKind.String => Path.Combine(folder, Checked(setup.Text("head_setup"), Path.Combine(folder, SetupName))),
        _ => throw setup.Error("head_setup", "'head_setup' has several heads, and Graft reads one; put its name there."),
    };

    private static string Checked(string name, string path)
    {
        try
        {
            return AdapterFolders.CheckName(name);
        }
        catch (GraftException e)
        {
            throw new GraftException($"{path}: {e.Message}", e);
        }
    }
}
