using System.Text.Json.Nodes;
using Graft.Formats.Foreign;
using Graft.TestKit;
using Xunit;

namespace Graft.Tests.Formats.AdapterHub;

/// <summary>Folders made by hand, with keys and settings as the library writes them, for a BERT of two blocks of width 16.</summary>
public sealed class ReadingTests : IDisposable
{
    private const int W = HubFolder.W;

    private readonly HubFolder _folder = new();

    public static TheoryData<string> RealFiles => ["adapter_transformers_3.1.0a0", "adapters_1.0.1"];

    [Theory, MemberData(nameof(RealFiles))]
    public void Files_of_older_versions_are_read(string version)
    {
        var adapter = Real(version + "_adapter_config.json");
        var head = Real(version + "_head_config.json");
        var name = (string)adapter["name"]!;
        _folder.Write("adapter_config.json", adapter.ToJsonString()).Write("head_config.json", head.ToJsonString())
            .Adapter(Bottleneck(name, 1)).Weights("model_head.safetensors", Head(name, 2));
        using var backbone = TinyBackbones.Create("bert");

        using var read = _folder.Read(backbone);

        Assert.Equal("pfeiffer", read.Method);
        Assert.Equal(16, (int)read.Config["reduction_factor"]!);
        Assert.True((bool)read.Config["norm_before"]!);
        Assert.Equal(name, read.Name);
        Assert.Equal(version.StartsWith("adapters_", StringComparison.Ordinal) ? "bert-base-multilingual-cased" : "hf:google/bigbird-roberta-base", read.BaseModel);
        Assert.Empty(read.UnknownFields);
        Assert.True(read.Keys.IsClean);
        Assert.Equal(8 + 4, read.Keys.Loaded.Count);
        Same($"bert.encoder.layer.1.output.adapters.{name}.adapter_down.0.weight", read, "encoder.layer.1.output.down.weight");
        Assert.Equal(_folder.Values($"heads.{name}.1.weight", "model_head.safetensors"), read.Head!.Weights["hidden.weight"].ToArray<float>());
        Assert.Equal(_folder.Values($"heads.{name}.4.bias", "model_head.safetensors"), read.Head.Weights["bias"].ToArray<float>());
        Assert.Equal((string[])(version.StartsWith("adapters_", StringComparison.Ordinal) ? ["1", "0"] : ["\U0001F44E", "\U0001F44D"]), read.Head.Task.Labels);
    }

    [Fact]
    public void A_file_without_version_means_the_approximate_gelu()
    {
        foreach (var (version, expected) in new[] { ("\"version\": \"2.0.0\"", "gelu"), ("\"type\": \"text_task\"", "gelu_new") })
        {
            _folder.Write("adapter_config.json", $$"""
                { "config": {"mh_adapter": false, "output_adapter": true, "non_linearity": "gelu", "reduction_factor": 8,
                    "invertible_adapter": {"block_type": "nice", "non_linearity": "relu", "reduction_factor": 2} },
                  "hidden_size": 16, "model_type": "bert", "name": "old", {{version}} }
                """).Adapter(Bottleneck("old", 2));
            using var backbone = TinyBackbones.Create("bert");

            using var read = _folder.Read(backbone);

            Assert.Equal(expected, (string?)read.Config["activation"]);
            Assert.Contains(read.Notes, n => n.Contains("invertible", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Keys_of_the_first_versions_are_read_too()
    {
        _folder.Config("""{"mh_adapter": true, "output_adapter": true, "non_linearity": "relu", "reduction_factor": 4}""").Adapter(
            Bottleneck("mood", 4).Select(t => (t.Key.Replace("output.adapters.", "output.layer_text_task_adapters.", StringComparison.Ordinal), t.Shape))
                .Concat(Bottleneck("mood", 4, ".attention.output").Select(t => (t.Key.Replace("output.adapters.", "output.attention_text_task_adapters.", StringComparison.Ordinal), t.Shape))));
        using var backbone = TinyBackbones.Create("bert");

        using var read = _folder.Read(backbone);

        Assert.Equal("houlsby", read.Method);
        Same("bert.encoder.layer.0.attention.output.attention_text_task_adapters.mood.adapter_up.weight", read, "encoder.layer.0.attention.up.weight");
    }

    [Fact]
    public void A_model_without_head_has_keys_without_prefix()
    {
        _folder.Config("""{"architecture": "lora", "r": 2, "attn_matrices": ["k"]}""")
            .Adapter(Lora("mood", 2, ["key"]).Select(t => (t.Key["bert.".Length..], t.Shape)));
        using var backbone = TinyBackbones.Create("bert");

        using var read = _folder.Read(backbone);

        Same("encoder.layer.0.attention.self.key.loras.mood.lora_A", read, "encoder.layer.0.attention.self.key.lora_A");
        Assert.Null(read.Head);
    }

    [Theory]
    [InlineData("adapters.1.0.1", 4)]
    [InlineData("adapters.1.1.0.dev0", 4)]
    [InlineData("adapters.1.1.0", 16)]
    [InlineData("adapters.1.2.0", 16)]
    [InlineData("3.2.1", 16)]
    public void LoRA_of_versions_that_ignored_alpha_is_read_as_it_was_trained(string version, double alpha)
    {
        _folder.Config("""{"architecture": "lora", "r": 4, "alpha": 16}""", version: version).Adapter(Lora("mood", 4, ["query", "value"]));
        using var backbone = TinyBackbones.Create("bert");

        using var read = _folder.Read(backbone);

        Assert.Equal(alpha, (double)read.Config["alpha"]!);
        Assert.Equal(alpha == 4 ? 1 : 0, read.Notes.Count);
    }

    [Theory]
    [InlineData("""{"head_type": "classification", "num_labels": 3, "layers": 1, "activation_function": null, "use_pooler": true, "bias": false, "label2id": {"a": "2", "b": 0, "c": 1}}""", "classification", "pooler", "b,c,a")]
    [InlineData("""{"head_type": "classification", "num_labels": 1, "layers": 1}""", "regression", "first", "")]
    [InlineData("""{"head_type": "multilabel_classification", "num_labels": 3, "layers": 1, "label2id": null}""", "multilabel", "first", "LABEL_0,LABEL_1,LABEL_2")]
    public void Heads_of_one_layer_are_read(string config, string kind, string pooling, string labels)
    {
        var outputs = kind == "regression" ? 1 : 3;
        var bias = !config.Contains("\"bias\": false", StringComparison.Ordinal);
        _folder.Config("""{"architecture": "lora", "r": 4}""").Adapter(Lora("mood", 4, ["query", "value"])).Head(config)
            .Weights("model_head.safetensors", [("heads.mood.1.weight", [outputs, W]), .. bias ? new[] { ("heads.mood.1.bias", new long[] { outputs }) } : []]);
        using var backbone = TinyBackbones.Create("bert");

        using var read = _folder.Read(backbone);

        Assert.Equal((kind, pooling), (read.Head!.Task.Kind, (string)read.Head.Settings["pooling"]!));
        Assert.Equal(labels, string.Join(',', read.Head.Task.Labels));
        Assert.Equal(bias ? _folder.Values("heads.mood.1.bias", "model_head.safetensors") : new float[outputs], read.Head.Weights["bias"].ToArray<float>());
    }

    [Theory]
    [InlineData("bert", "BertForSequenceClassification", "pooler", 1)]
    [InlineData("roberta", "RobertaForSequenceClassification", "first", 2)]
    public void Heads_of_Hugging_Face_s_models_are_read(string type, string model, string pooling, int layers)
    {
        (string, long[])[] tensors = layers == 1
            ? [("classifier.weight", [2, W]), ("classifier.bias", [2])]
            : [("classifier.dense.weight", [W, W]), ("classifier.dense.bias", [W]), ("classifier.out_proj.weight", [2, W]), ("classifier.out_proj.bias", [2])];
        _folder.Config("""{"architecture": "lora", "r": 4}""", type)
            .Adapter(Lora("mood", 4, ["query", "value"]).Select(t => (t.Key.Replace("bert.", type + ".", StringComparison.Ordinal), t.Shape)))
            .Write("head_config.json", $$"""{ "config": null, "model_class": "{{model}}", "name": null, "num_labels": 2, "label2id": {"no": 0, "yes": 1}, "version": "adapters.1.2.0" }""")
            .Weights("model_head.safetensors", tensors);
        using var backbone = TinyBackbones.Create(type);

        using var read = _folder.Read(backbone);

        Assert.Equal((pooling, (long)layers), ((string?)read.Head!.Settings["pooling"], (long)read.Head.Settings["layers"]!));
        Assert.Equal(["no", "yes"], read.Head.Task.Labels);
        Assert.Equal(_folder.Values(tensors[^2].Item1, "model_head.safetensors"), read.Head.Weights["weight"].ToArray<float>());
    }

    public void Dispose() => _folder.Dispose();

    internal static IEnumerable<(string Key, long[] Shape)> Bottleneck(string name, long m, string place = ".output") => Blocks(i => $"bert.encoder.layer.{i}{place}.adapters.{name}.")
        .SelectMany(p => new[]
        {
            (p + "adapter_down.0.weight", new long[] { m, W }), (p + "adapter_down.0.bias", [m]), (p + "adapter_up.weight", [W, m]), (p + "adapter_up.bias", [W]),
        });

    internal static IEnumerable<(string Key, long[] Shape)> Lora(string name, long r, string[] matrices) => matrices
        .SelectMany(m => Blocks(i => $"bert.encoder.layer.{i}.attention.self.{m}.loras.{name}."))
        .SelectMany(p => new[] { (p + "lora_A", new[] { r, W }), (p + "lora_B", [W, r]) });

    internal static IEnumerable<(string Key, long[] Shape)> Head(string name, long outputs) =>
        [($"heads.{name}.1.weight", [W, W]), ($"heads.{name}.1.bias", [W]), ($"heads.{name}.4.weight", [outputs, W]), ($"heads.{name}.4.bias", [outputs])];

    internal static IEnumerable<T> Blocks<T>(Func<int, T> make) => [make(0), make(1)];

    // Only the backbone is another: the tiny one.
    private static JsonObject Real(string name)
    {
        var json = JsonNode.Parse(File.ReadAllText(SharedData.Fixture("adapterhub/" + name)))!.AsObject();
        (json["hidden_size"], json["model_type"]) = (W, "bert");
        return json;
    }

    private void Same(string key, ForeignAdapter read, string path) => Assert.Equal(_folder.Values(key), read.Weights[path].ToArray<float>());
}
