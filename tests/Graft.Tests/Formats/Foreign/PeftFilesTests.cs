using Graft.Backbones.Sites;
using System.Globalization;
using System.Text.Json.Nodes;
using Graft.Formats.Foreign;
using Graft.Formats.Foreign.Peft;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Formats.Foreign;

/// <summary>Keys, shapes and fields of HF PEFT's files: as its versions have written them, and as Graft writes them.</summary>
public sealed class PeftFilesTests : IDisposable
{
    private readonly TestFolder _folder = new();

    [Theory]
    [InlineData("bert", "pooler", 1, "base_model.model.bert.encoder.layer.0.attention.self.query.lora_A.weight", "base_model.model.classifier.weight base_model.model.classifier.bias")]
    [InlineData("bert", "first", 2, "base_model.model.bert.encoder.layer.1.attention.self.value.lora_B.weight", "base_model.model.bert.pooler.dense.weight base_model.model.classifier.bias")]
    [InlineData("bert", "mean", 1, "base_model.model.encoder.layer.0.attention.self.query.lora_A.weight", "")]
    [InlineData(
        "roberta", "first", 2, "base_model.model.roberta.encoder.layer.0.attention.self.query.lora_A.weight",
        "base_model.model.classifier.dense.weight base_model.model.classifier.dense.bias base_model.model.classifier.out_proj.weight base_model.model.classifier.out_proj.bias")]
    [InlineData("roberta", "pooler", 1, "base_model.model.encoder.layer.0.attention.self.query.lora_A.weight", "")]
    public void Keys_are_those_of_the_hugging_face_class(string architecture, string pooling, int layers, string key, string head)
    {
        using var backbone = TinyBackbones.Create(architecture);
        ForeignPackages.Save(
            _folder.At("a"), backbone, "lora", head: new PooledHeadConfig(TaskKind.Classification, 3, Enum.Parse<Pooling>(pooling, ignoreCase: true), Layers: layers));
        ForeignPackages.Convert(_folder.At("a"), _folder.At("b"), "peft", backbone);

        using var file = SafetensorsFile.Open(_folder.At("b", "adapter_model.safetensors"));
        var config = JsonNode.Parse(File.ReadAllText(_folder.At("b", "adapter_config.json")))!;

        Assert.Contains(key, file.Keys);
        Assert.All(head.Split(' ', StringSplitOptions.RemoveEmptyEntries), k => Assert.Contains(k, file.Keys));
        Assert.Equal("pt", file.Metadata["format"]);
        Assert.Equal(head.Length > 0 ? "SEQ_CLS" : "FEATURE_EXTRACTION", (string?)config["task_type"]);
        Assert.Equal(head.Length > 0, config["modules_to_save"] is not null);
        Assert.Equal(head.Length == 0, File.Exists(_folder.At("b", KeptAdapter.HeadName)));
    }

    [Theory]
    [InlineData("lora", """{"lora_bias": true, "bias": "adapted"}""", "query.lora_B.bias [16]; query.base_layer.bias [16]")]
    [InlineData("lora", """{"bias": "all"}""", "query.base_layer.bias [16]; output.LayerNorm.bias [16]; output.dense.bias [16]")]
    [InlineData("dora", "{}", "query.lora_magnitude_vector [16]; query.lora_A.weight [8, 16]; query.lora_B.weight [16, 8]")]
    [InlineData("ia3", "{}", "key.ia3_l [16, 1]; value.ia3_l [16, 1]; layer.0.output.dense.ia3_l [1, 32]")]
    [InlineData("vera", """{"rank": 4}""", "base_model.vera_A [4, 16]; base_model.vera_B [16, 4]; query.vera_lambda_d [4]; query.vera_lambda_b [16]")]
    [InlineData("adalora", """{"initial_rank": 4, "target_rank": 2}""", "query.lora_A [4, 16]; query.lora_B [16, 4]; query.lora_E [4, 1]")]
    [InlineData("ln-tuning", "{}", "embeddings.LayerNorm.ln_tuning_layers.weight [16]; layer.0.output.LayerNorm.ln_tuning_layers.bias [16]")]
    [InlineData("prefix-tuning", """{"length": 3, "flat": true, "shift_positions": true}""", "prompt_embeddings [3, 64]")]
    [InlineData("prompt-tuning", """{"length": 4, "as_words": true}""", "prompt_embeddings [4, 16]")]
    [InlineData("p-tuning", """{"length": 4}""", "prompt_embeddings [4, 16]")]
    public void Tensors_have_pefts_names_and_shapes(string method, string settings, string expected)
    {
        using var backbone = TinyBackbones.Create("bert");
        ForeignPackages.Save(_folder.At("a"), backbone, method, settings);
        ForeignPackages.Convert(_folder.At("a"), _folder.At("b"), "peft", backbone);

        using var file = SafetensorsFile.Open(_folder.At("b", "adapter_model.safetensors"));
        string[] found = [.. file.Keys.Select(k => $"{k} [{string.Join(", ", file.Info(k).Shape)}]")];

        Assert.All(expected.Split("; "), e => Assert.Contains(found, f => f == e || f.EndsWith("." + e, StringComparison.Ordinal)));
        Assert.DoesNotContain(found, f => f.Contains("modules_to_save", StringComparison.Ordinal));
    }

    [Fact]
    public void Prefixes_are_stored_layer_by_layer_keys_first()
    {
        using var backbone = TinyBackbones.Create("bert");
        ForeignPackages.Save(_folder.At("a"), backbone, "p-tuning-v2", """{"length": 3}""");
        ForeignPackages.Convert(_folder.At("a"), _folder.At("b"), "peft", backbone);

        using var own = SafetensorsFile.Open(_folder.At("a", "adapter.safetensors"));
        using var file = SafetensorsFile.Open(_folder.At("b", "adapter_model.safetensors"));
        using var scope = new TensorScope();
        var prefix = file.Load("prompt_embeddings");

        TensorAssert.BitwiseEqual(own.Load("encoder.layer.0.attention.self.keys"), prefix.Narrow(1, 0, 16));
        TensorAssert.BitwiseEqual(own.Load("encoder.layer.0.attention.self.values"), prefix.Narrow(1, 16, 16));
        TensorAssert.BitwiseEqual(own.Load("encoder.layer.1.attention.self.values"), prefix.Narrow(1, 48, 16));
    }

    [Fact]
    public void The_configuration_is_what_peft_writes()
    {
        using var backbone = TinyBackbones.Create("bert");
        ForeignPackages.Save(
            _folder.At("a"), backbone, "lora", """{"rank": 4, "alpha": 8, "dropout": 0.1, "rank_pattern": {"value": 2}}""",
            new PooledHeadConfig(TaskKind.Classification, 3, Pooling.Pooler));
        ForeignPackages.Convert(_folder.At("a"), _folder.At("b"), "peft", backbone);

        const string Expected = """
            {
              "alpha_pattern": {},
              "auto_mapping": null,
              "base_model_name_or_path": "acme/tiny",
              "bias": "none",
              "fan_in_fan_out": false,
              "inference_mode": true,
              "init_lora_weights": true,
              "layers_pattern": null,
              "layers_to_transform": null,
              "loftq_config": {},
              "lora_alpha": 8,
              "lora_dropout": 0.1,
              "megatron_config": null,
              "megatron_core": "megatron.core",
              "modules_to_save": [
                "classifier",
                "score"
              ],
              "peft_type": "LORA",
              "r": 4,
              "rank_pattern": {
                "value": 2
              },
              "revision": "v1",
              "target_modules": [
                "query",
                "value"
              ],
              "task_type": "SEQ_CLS"
            }
            """;
        Assert.Equal(Expected.ReplaceLineEndings("\n"), File.ReadAllText(_folder.At("b", "adapter_config.json")));
    }

    [Fact]
    public void A_published_bert_adapter_is_read_and_written_with_its_own_keys()
    {
        using var backbone = HollowBackbones.BertBase();
        (string Key, long[] Shape)[] published = [.. File.ReadLines(SharedData.Fixture("peft/lora-bert-2025.keys.txt")).Select(line => line.Split(' ', 3))
            .Select(p => (p[0], p[2].Trim('[', ']').Split(',').Select(n => long.Parse(n, CultureInfo.InvariantCulture)).ToArray()))];
        var config = File.ReadAllText(SharedData.Fixture("peft/lora-bert-2025.json"));
        Write(_folder.At("a"), config, published);

        using var adapter = new PeftFormat().Read(_folder.At("a"), backbone);
        new PeftFormat().Save(_folder.At("b"), adapter, backbone);

        Assert.Equal("lora", adapter.Method);
        Assert.Equal(12 * 2 * 8 * 2 * 768, adapter.Elements);
        Assert.Equal(["LABEL_0", "LABEL_1"], adapter.Head!.Task.Labels);
        Assert.Equal("pooler", (string?)adapter.Head.Settings["pooling"]);
        Assert.Equal("bert-base-uncased", adapter.BaseModel);
        Assert.Equal(published.Length, adapter.Keys.Loaded.Count);
        Assert.Empty(adapter.UnknownFields);
        using var before = SafetensorsFile.Open(_folder.At("a", "adapter_model.safetensors"));
        using var after = SafetensorsFile.Open(_folder.At("b", "adapter_model.safetensors"));
        Assert.Equal(before.Keys.Order(StringComparer.Ordinal), after.Keys.Order(StringComparer.Ordinal));
        Assert.All(before.Keys, k => Assert.True(before.Bytes(k).SequenceEqual(after.Bytes(k)), k));
        var original = JsonNode.Parse(config)!.AsObject();
        Assert.All(JsonNode.Parse(File.ReadAllText(_folder.At("b", "adapter_config.json")))!.AsObject(), f => Assert.True(JsonNode.DeepEquals(original[f.Key], f.Value), f.Key));
    }

    [Theory]
    [InlineData("lora-lmflow-2023.json", 8, 32)]
    [InlineData("lora-llama2-2023.json", 8, 16)]
    [InlineData("lora-vikhr-2025.json", 32, 64)]
    [InlineData("lora-flan-t5-0.18.1.json", 16, 32)]
    [InlineData("lora-bert-2025.json", 8, 32)]
    public void Configurations_of_older_and_newer_versions_are_read(string fixture, int rank, double alpha)
    {
        using var backbone = TinyBackbones.Create("bert");
        var config = JsonNode.Parse(File.ReadAllText(SharedData.Fixture("peft/" + fixture)))!.AsObject();

        // Another model's modules cannot be found in a BERT; all else stays as published.
        config["target_modules"] = new JsonArray("query", "value");
        config["task_type"] = null;
        config["modules_to_save"] = null;
        config["a_field_of_the_future"] = new JsonObject { ["x"] = 1 };
        Write(_folder.At("a"), config.ToJsonString(), [.. ForeignPackages.LoraKeys(rank)]);

        using var adapter = new PeftFormat().Read(_folder.At("a"), backbone);
        new PeftFormat().Save(_folder.At("b"), adapter, backbone);

        Assert.Equal((double)rank, adapter.Config["rank"]!.GetValue<double>());
        Assert.Equal(alpha, adapter.Config["alpha"]!.GetValue<double>());
        Assert.Equal(["a_field_of_the_future"], adapter.UnknownFields.Select(f => f.Key));
        Assert.Contains("a_field_of_the_future", File.ReadAllText(_folder.At("b", "adapter_config.json")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_published_adapter_of_flan_t5_is_read_as_it_stands()
    {
        using var backbone = TinyBackbones.Create("t5-v1.1");
        var maps = backbone.Sites.Linear(SiteRole.Query | SiteRole.Key | SiteRole.Value | SiteRole.AttentionOut).ToList();
        var keys = maps.SelectMany(m => new (string, long[])[]
        {
            ($"base_model.model.{m.Path}.lora_A.weight", [16, m.In]), ($"base_model.model.{m.Path}.lora_B.weight", [m.Out, 16]),
        });
        Write(_folder.At("a"), File.ReadAllText(SharedData.Fixture("peft/lora-flan-t5-0.18.1.json")), [.. keys]);

        using var adapter = new PeftFormat().Read(_folder.At("a"), backbone);

        Assert.Equal(24, maps.Count);
        Assert.Equal("query, key, value, attention_out", adapter.Config["targets"]!.GetValue<string>());
        Assert.Equal("hf:google/flan-t5-base", adapter.BaseModel);
        Assert.Null(adapter.Head);
    }

    [Fact]
    public void Patterns_that_match_nothing_are_told_and_left_out()
    {
        using var backbone = TinyBackbones.Create("bert");
        Write(
            _folder.At("a"), """{"peft_type": "LORA", "r": 2, "target_modules": ["query", "value"], "rank_pattern": {"query": 2, "k_proj": 8}}""",
            [.. ForeignPackages.LoraKeys(2)]);

        using var adapter = new PeftFormat().Read(_folder.At("a"), backbone);

        Assert.Contains("rank_pattern has 'k_proj', which matches no adapted map; it is left out.", adapter.Notes);
    }

    [Theory]
    [InlineData("", 1)]
    [InlineData("\"peft_version\": \"0.18.0\", ", 0)]
    public void Patterns_that_versions_read_differently_are_told(string version, int notes)
    {
        using var backbone = TinyBackbones.Create("bert");
        var config = "{" + version + """
            "peft_type": "LORA", "r": 2, "target_modules": ["query", "value"], "rank_pattern": {"self.query": 2}, "alpha_pattern": {"query": 3}}
            """;
        Write(_folder.At("a"), config, [.. ForeignPackages.LoraKeys(2)]);

        using var adapter = new PeftFormat().Read(_folder.At("a"), backbone);

        Assert.Equal(notes, adapter.Notes.Count);
    }

    [Fact]
    public void Patterns_are_written_so_that_every_version_reads_the_same()
    {
        using var backbone = TinyBackbones.Create("bert", layers: 1);
        ForeignPackages.Save(_folder.At("a"), backbone, "lora", """{"rank_pattern": {"self.query": 2}, "alpha_pattern": {"query": 3}}""");
        ForeignPackages.Convert(_folder.At("a"), _folder.At("b"), "peft", backbone);
        var config = JsonNode.Parse(File.ReadAllText(_folder.At("b", "adapter_config.json")))!;

        Assert.Equal("""{"layer.0.attention.self.query":2}""", config["rank_pattern"]!.ToJsonString());
        Assert.Equal("""{"layer.0.attention.self.query":3}""", config["alpha_pattern"]!.ToJsonString());
    }

    [Fact]
    public void The_documented_ia3_configuration_is_read()
    {
        using var backbone = TinyBackbones.Create("bert");
        Write(_folder.At("a"), File.ReadAllText(SharedData.Fixture("peft/ia3-bert-docs.json")), [.. Enumerable.Range(0, 2).SelectMany(l => new (string, long[])[]
        {
            ($"base_model.model.encoder.layer.{l}.attention.self.key.ia3_l", [16, 1]),
            ($"base_model.model.encoder.layer.{l}.attention.self.value.ia3_l", [16, 1]),
            ($"base_model.model.encoder.layer.{l}.attention.output.dense.ia3_l", [1, 16]),
            ($"base_model.model.encoder.layer.{l}.output.dense.ia3_l", [1, 32]),
        })]);

        using var adapter = new PeftFormat().Read(_folder.At("a"), backbone);

        Assert.Equal("key, value", (string?)adapter.Config["targets"]);
        Assert.Equal("attention_out, feed_forward_out", (string?)adapter.Config["input_targets"]);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"targets": "key, value, feed_forward_in", "input_targets": "feed_forward_out"}""")]
    [InlineData("""{"targets": "none"}""")]
    public void The_feed_forward_modules_are_among_the_targets(string settings)
    {
        using var backbone = TinyBackbones.Create("bert", layers: 12);
        ForeignPackages.Save(_folder.At("a"), backbone, "ia3", settings);
        ForeignPackages.Convert(_folder.At("a"), _folder.At("b"), "peft", backbone);
        var config = JsonNode.Parse(File.ReadAllText(_folder.At("b", "adapter_config.json")))!;

        // PEFT refuses to load anything else.
        Assert.Subset(config["target_modules"]!.AsArray().Select(n => (string)n!).ToHashSet(), config["feedforward_modules"]!.AsArray().Select(n => (string)n!).ToHashSet());
    }

    [Fact]
    public void Pruned_adalora_comes_back_with_zeros_in_place_of_what_was_left_out()
    {
        using var backbone = TinyBackbones.Create("bert", layers: 1);
        const string Config = """
            {"peft_type": "ADALORA", "init_r": 3, "target_r": 2, "lora_alpha": 6, "target_modules": ["query"], "total_step": 10,
             "rank_pattern": {"model.encoder.layer.0.attention.self.query.lora_E": [true, false, true]}}
            """;
        const string Query = "base_model.model.encoder.layer.0.attention.self.query.";
        Write(_folder.At("a"), Config, [(Query + "lora_A", [2, 16]), (Query + "lora_B", [16, 2]), (Query + "lora_E", [2, 1])]);

        using var adapter = new PeftFormat().Read(_folder.At("a"), backbone);
        using var file = SafetensorsFile.Open(_folder.At("a", "adapter_model.safetensors"));
        using var scope = new TensorScope();

        const string Own = "encoder.layer.0.attention.self.query.";
        Assert.Equal([3, 16], adapter.Weights[Own + "lora_A"].Shape.ToArray());
        TensorAssert.BitwiseEqual(file.Load(Query + "lora_E").Narrow(0, 1, 1), adapter.Weights[Own + "lora_E"].Narrow(0, 2, 1));
        TensorAssert.BitwiseEqual(file.Load(Query + "lora_B").Narrow(1, 0, 1), adapter.Weights[Own + "lora_B"].Narrow(1, 0, 1));
        Assert.Equal(0f, adapter.Weights[Own + "lora_E"].ToArray<float>()[1]);
    }

    public void Dispose() => _folder.Dispose();

    private static void Write(string folder, string config, (string Key, long[] Shape)[] tensors) => ForeignPackages.WritePeft(folder, config, tensors);
}
