using System.Text.Json.Nodes;
using Graft.Formats.Foreign;
using Graft.Formats.Foreign.AdapterHub;
using Graft.Formats.Packages;
using Graft.Methods.Core;
using Graft.Tasks.Heads;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Formats.AdapterHub;

/// <summary>Folders made by hand, one method each, with keys and settings as the library writes them.</summary>
public sealed class ReadingMethodsTests : IDisposable
{
    private const int W = HubFolder.W;

    private readonly HubFolder _folder = new();

    [Fact]
    public void Gates_are_read_as_the_library_averages_them()
    {
        _folder.Config("""{"architecture": "lora", "r": 4, "alpha": 16, "use_gating": true}""", version: "adapters.1.0.0").Adapter(
            ReadingTests.Lora("mood", 4, ["query", "value"]).Concat(new[] { "query", "value" }.SelectMany(m => ReadingTests.Blocks(i => ($"bert.encoder.layer.{i}.attention.self.{m}.loras.mood.gate", new long[] { 1, W })))
                .SelectMany(g => new[] { (g.Item1 + ".weight", g.Item2), (g.Item1 + ".bias", [1L]) })));
        using var backbone = TinyBackbones.Create("bert");

        using var read = _folder.Read(backbone);

        Assert.Equal("padded", (string?)read.Config["gate"]);
        Assert.Equal(16, (double)read.Config["alpha"]!);
        Same("bert.encoder.layer.1.attention.self.value.loras.mood.gate.weight", read, "encoder.layer.1.attention.self.value.gate.weight");
    }

    [Fact]
    public void IA3_is_read_with_outputs_scaled()
    {
        _folder.Config("\"ia3\"").Adapter(
            new[] { ("attention.self.key", W), ("attention.self.value", W), ("intermediate.dense", 2 * W) }
                .SelectMany(m => ReadingTests.Blocks(i => ($"bert.encoder.layer.{i}.{m.Item1}.loras.mood.lora_B", new long[] { m.Item2, 1 }))));
        using var backbone = TinyBackbones.Create("bert");

        using var read = _folder.Read(backbone);

        Assert.Equal("ia3", read.Method);
        Assert.Equal(("key, value, feed_forward_in", "none"), ((string?)read.Config["targets"], (string?)read.Config["input_targets"]));
        Same("bert.encoder.layer.0.intermediate.dense.loras.mood.lora_B", read, "encoder.layer.0.intermediate.dense.scale");
    }

    [Theory]
    [InlineData("unipelt", "unipelt")]
    [InlineData("mam", "mam")]
    [InlineData("pfeiffer", "pfeiffer")]
    [InlineData("houlsby", "houlsby")]
    [InlineData("scaled_parallel", "parallel")]
    [InlineData("prefix_tuning", "prefix-tuning")]
    [InlineData("prompt_tuning", "prompt-tuning")]
    [InlineData("lora", "lora")]
    [InlineData("ia3", "ia3")]
    public void A_configuration_by_its_name_is_read_and_written_back(string name, string method)
    {
        using var backbone = TinyBackbones.Create("bert");
        var reading = new HubReading(backbone.Sites, "adapters.1.2.0");

        var read = HubConfigs.Read(HubPresets.Get(name, "the test"), "config.", reading);

        Assert.Equal(method, read.Method);
        Assert.Empty(reading.Unknown);
        var written = HubConfigs.Write(read.Method, read.Set, backbone.Sites);
        var again = HubConfigs.Read(StrictJson.From(written, "the test"), "config.", reading);
        Assert.Equal(method, again.Method);
        Assert.True(JsonNode.DeepEquals(written, HubConfigs.Write(again.Method, again.Set, backbone.Sites)));
    }

    [Fact]
    public void UniPELT_is_read_with_every_part_under_its_own_keys()
    {
        const string Pool = "bert.prefix_tuning.prefix_tunings.mood.self_prefix.";
        var gates = ReadingTests.Blocks(i => $"bert.encoder.layer.{i}.").SelectMany(p => new[]
        {
            p + "attention.self.query.loras.mood.gate", p + "attention.self.value.loras.mood.gate",
            p + "attention.self.prefix_tuning.prefix_gates.mood", p + "output.adapters.mood.gate",
        }).SelectMany(g => new[] { (g + ".weight", new long[] { 1, W }), (g + ".bias", [1L]) });
        _folder.Config("\"unipelt\"").Adapter(gates.Concat(ReadingTests.Lora("mood", 8, ["query", "value"])).Concat(ReadingTests.Bottleneck("mood", 1)).Concat(
        [
            (Pool + "wte.weight", [10, W]), (Pool + "control_trans.0.weight", [512, W]), (Pool + "control_trans.0.bias", [512]),
            (Pool + "control_trans.2.weight", [2 * 2 * W, 512]), (Pool + "control_trans.2.bias", [2 * 2 * W]),
        ])).Head("""{"head_type": "classification", "num_labels": 2, "layers": 2, "activation_function": "tanh"}""").Weights("model_head.safetensors", ReadingTests.Head("mood", 2));
        using var backbone = TinyBackbones.Create("bert");

        using var read = _folder.Read(backbone);

        Assert.Equal("unipelt", read.Method);
        Assert.Equal("padded", (string?)read.Config["gate"]);
        Assert.Equal(16 + 8 + 8 + 5 + 4, read.Keys.Loaded.Count);
        Same(Pool + "control_trans.2.weight", read, "shared.prefix.encoder.mlp.2.weight");
        Same("bert.encoder.layer.1.attention.self.prefix_tuning.prefix_gates.mood.weight", read, "encoder.layer.1.attention.self.gate.weight");
        Same("bert.encoder.layer.1.output.adapters.mood.gate.bias", read, "encoder.layer.1.output.gate.bias");

        // A package of it predicts what the folder's own weights predict, and nothing is lost on the way back.
        AdapterFormats.Get("graft").Save(_folder.Path + "-package", read, backbone);
        using var package = TaskModelPackage.Load(_folder.Path + "-package", backbone);
        using var adapter = PackageFormat.Attach(read, backbone);
        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(3, 6, 4);
        TensorAssert.BitwiseEqual(Hidden(adapter), Hidden(package.Adapter));
        using var stored = AdapterFormats.Get("graft").Read(_folder.Path + "-package", backbone);
        HubFolder.Format.Save(_folder.Path + "-again", stored, backbone);

        Tensor Hidden(Adapter one) => new AdaptedModel(backbone).Forward(batch, one).Output.LastHiddenState;
    }

    [Fact]
    public void A_flat_prefix_is_one_list_of_positions_layers_keys_and_values()
    {
        const string Key = "roberta.prefix_tuning.prefix_tunings.mood.self_prefix.control_trans";
        _folder.Config("""{"architecture": "prefix_tuning", "flat": true, "prefix_length": 3}""", "roberta").Adapter((Key, [3 * 2 * 2 * W]));
        using var backbone = TinyBackbones.Create("roberta");

        using var read = _folder.Read(backbone);

        var numbers = _folder.Values(Key);
        foreach (var (path, slice) in new[] { ("encoder.layer.0.attention.self.keys", 0), ("encoder.layer.0.attention.self.values", 1), ("encoder.layer.1.attention.self.values", 3) })
        {
            Assert.Equal([.. Enumerable.Range(0, 3).SelectMany(p => numbers.Skip(((p * 4) + slice) * W).Take(W))], read.Weights[path].ToArray<float>());
        }
    }

    [Fact]
    public void A_prompt_is_read_and_its_head_is_not_where_it_would_read_the_prompt()
    {
        const string Key = "bert.prompt_tuning.prompt_tunings.mood.prompt_embedding.weight";
        using var backbone = TinyBackbones.Create("bert");
        foreach (var combine in new[] { "prefix", "prefix_after_bos" })
        {
            _folder.Config($$"""{"architecture": "prompt_tuning", "prompt_length": 5, "combine": "{{combine}}"}""").Adapter((Key, [5, W]))
                .Head("""{"head_type": "classification", "num_labels": 2, "layers": 2, "activation_function": "tanh"}""").Weights("model_head.safetensors", ReadingTests.Head("mood", 2));
            if (combine == "prefix")
            {
                var error = Assert.Throws<Torch.GraftException>(() => _folder.Read(backbone));
                Assert.Contains("prompt's first vector", error.Message, StringComparison.Ordinal);
                continue;
            }

            using var read = _folder.Read(backbone);
            Same(Key, read, "embeddings.prompt");
            Assert.NotNull(read.Head);
        }
    }

    [Fact]
    public void Compacter_is_read_with_its_shared_rule()
    {
        const string Shared = "bert.shared_parameters.mood.phm_rule";
        _folder.Config("""
            {"mh_adapter": false, "output_adapter": true, "original_ln_before": true, "non_linearity": "gelu", "reduction_factor": 4, "phm_layer": true, "phm_dim": 2}
            """).Adapter(ReadingTests.Blocks(i => $"bert.encoder.layer.{i}.output.adapters.mood.").SelectMany(p => new[]
            {
                (p + "adapter_down.0.W_left", new long[] { 2, W / 2, 1 }), (p + "adapter_down.0.W_right", [2, 1, 2]), (p + "adapter_down.0.b", [4]),
                (p + "adapter_up.W_left", [2, 2, 1]), (p + "adapter_up.W_right", [2, 1, W / 2]), (p + "adapter_up.b", [W]),
            }).Append((Shared, [2, 2, 2])));
        using var backbone = TinyBackbones.Create("bert");

        using var read = _folder.Read(backbone);

        Assert.Equal("compacter", read.Method);
        Same(Shared, read, "shared.phm_rule.weight");
        Same("bert.encoder.layer.1.output.adapters.mood.adapter_up.W_right", read, "encoder.layer.1.output.up.right");
        Same("bert.encoder.layer.1.output.adapters.mood.adapter_up.b", read, "encoder.layer.1.output.up.bias");
    }

    [Fact]
    public void A_norm_of_the_adapter_s_own_may_be_stored_once_or_twice()
    {
        foreach (var twice in new[] { false, true })
        {
            _folder.Config("""{"mh_adapter": false, "output_adapter": true, "non_linearity": "relu", "reduction_factor": 4, "ln_before": true, "leave_out": [0]}""").Adapter(
                ReadingTests.Bottleneck("mood", 4).Where(t => t.Key.Contains("layer.1.", StringComparison.Ordinal)).Select(t => (t.Key.Replace("down.0", "down.1", StringComparison.Ordinal), t.Shape))
                    .Concat(Norm("adapter_down.0")).Concat(twice ? Norm("adapter_norm_before") : []));
            using var backbone = TinyBackbones.Create("bert");

            using var read = _folder.Read(backbone);

            Same("bert.encoder.layer.1.output.adapters.mood.adapter_down.0.weight", read, "encoder.layer.1.output.norm_before.weight");
            Same("bert.encoder.layer.1.output.adapters.mood.adapter_down.1.weight", read, "encoder.layer.1.output.down.weight");
        }

        static (string, long[])[] Norm(string name) =>
            [($"bert.encoder.layer.1.output.adapters.mood.{name}.weight", [W]), ($"bert.encoder.layer.1.output.adapters.mood.{name}.bias", [W])];
    }

    public void Dispose() => _folder.Dispose();

    private void Same(string key, ForeignAdapter read, string path) => Assert.Equal(_folder.Values(key), read.Weights[path].ToArray<float>());
}
