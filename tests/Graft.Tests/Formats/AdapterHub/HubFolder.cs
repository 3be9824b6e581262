using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Foreign;
using Graft.Formats.Foreign.AdapterHub;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Formats.AdapterHub;

/// <summary>A folder as AdapterHub's library writes it, made by hand: settings as JSON, weights as keys and shapes with seeded numbers.</summary>
internal sealed class HubFolder : IDisposable
{
    public const int W = TinyBackbones.Width;

    private readonly TestFolder _folder = new();

    public string Path => _folder.At("adapter");

    public static AdapterHubFormat Format => (AdapterHubFormat)AdapterFormats.Get("adapterhub");

    /// <summary>Writes <c>adapter_config.json</c>.</summary>
    public HubFolder Config(string config, string modelType = "bert", string name = "mood", string version = "adapters.1.2.0", string more = "")
    {
        Write("adapter_config.json", $$"""
            { {{more}} "config": {{config}}, "hidden_size": 16, "model_class": "BertAdapterModel", "model_name": "some/model", "model_type": "{{modelType}}",
              "name": "{{name}}", "version": "{{version}}" }
            """);
        return this;
    }

    /// <summary>Writes <c>head_config.json</c>.</summary>
    public HubFolder Head(string config, string name = "mood", string top = "")
    {
        Write("head_config.json", $$"""
            { "config": {{config}}, "hidden_size": 16, "model_class": "BertAdapterModel", "model_type": "bert", "name": "{{name}}", {{top}} "version": "adapters.1.2.0" }
            """);
        return this;
    }

    public HubFolder Write(string name, string text)
    {
        _folder.Write(System.IO.Path.Combine("adapter", name), text);
        return this;
    }

    /// <summary>Writes a file of weights.</summary>
    public HubFolder Weights(string name, params IEnumerable<(string Key, long[] Shape)> tensors)
    {
        Directory.CreateDirectory(Path);
        using var scope = new TensorScope();
        using var rng = new Rng(3, Device.Cpu);
        SafetensorsWriter.Write(
            System.IO.Path.Combine(Path, name),
            tensors.OrderBy(t => t.Key, StringComparer.Ordinal).Select(t => SafetensorsEntry.From(t.Key, rng.Normal(t.Shape, 0, 0.3))),
            new Dictionary<string, string> { ["format"] = "pt" });
        return this;
    }

    public HubFolder Adapter(params IEnumerable<(string Key, long[] Shape)> tensors) => Weights("adapter.safetensors", tensors);

    /// <summary>Reads the folder as it is.</summary>
    public ForeignAdapter Read(Backbone backbone)
    {
        Assert.True(Format.Recognizes(Path));
        return Format.Read(Path, backbone);
    }

    /// <summary>The number of a key of the file, as the file has it.</summary>
    public float[] Values(string key, string file = "adapter.safetensors")
    {
        using var scope = new TensorScope();
        using var open = SafetensorsFile.Open(System.IO.Path.Combine(Path, file));
        return open.Load(key).ToArray<float>();
    }

    public static JsonObject Json(string text) => JsonNode.Parse(text)!.AsObject();

    /// <summary>Every key of a file with its shape, in ordinal order.</summary>
    public static IEnumerable<string> Keys(string path)
    {
        using var file = SafetensorsFile.Open(path);
        return [.. file.Keys.Order(StringComparer.Ordinal).Select(k => $"{k} [{string.Join(", ", file.Info(k).Shape)}]")];
    }

    public void Dispose() => _folder.Dispose();
}
