using System.Globalization;
using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Backbones;

/// <summary>Model folders on disk: what loads, and what each fault says.</summary>
public sealed class BackboneFolderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("graft-backbone-").FullName;

    public static TheoryData<string> Names => TinyBackbones.Names;

    public void Dispose() => Directory.CreateDirectory(_folder).Delete(recursive: true);

    [Theory, MemberData(nameof(Names))]
    public void A_folder_with_one_file_loads_to_the_same_bits(string name) => LoadsToTheSameBits(name, e => Write("model.safetensors", e));

    [Theory, MemberData(nameof(Names))]
    public void A_sharded_folder_with_a_head_model_s_prefix_and_old_norm_names_loads_to_the_same_bits(string name) =>
        LoadsToTheSameBits(name, entries =>
        {
            var renamed = entries.Select(e => (Key: $"{name}.{Old(e.Key)}", e.Value)).ToList();
            renamed.Add(("classifier.weight", entries[0].Value));
            var map = new JsonObject();
            for (var shard = 0; shard < 3; shard++)
            {
                var file = string.Create(CultureInfo.InvariantCulture, $"model-0000{shard + 1}-of-00003.safetensors");
                var part = renamed.Where((_, i) => i % 3 == shard).ToList();
                Write(file, part);
                part.ForEach(p => map[p.Key] = file);
            }

            File.WriteAllText(Path.Combine(_folder, "model.safetensors.index.json"), new JsonObject { ["weight_map"] = map }.ToJsonString());
        });

    [Fact]
    public void The_fingerprint_changes_with_any_weight_and_not_with_head_weights()
    {
        using var tiny = TinyBackbones.Create("bert");
        WriteConfig("bert");
        using var scope = new TensorScope();
        var weights = Weights(tiny);
        Write("model.safetensors", weights);
        var plain = Fingerprint();

        Write("model.safetensors", [.. weights, ("cls.predictions.bias", Tensor.Ones([3]))]);
        Assert.Equal(plain, Fingerprint());

        weights[5].Value.View(-1).Select(0, 0).Add_(1e-3);
        Write("model.safetensors", weights);
        Assert.NotEqual(plain, Fingerprint());
    }

    [Fact]
    public void The_type_of_the_weights_is_a_choice()
    {
        using var tiny = TinyBackbones.Create("bert");
        WriteConfig("bert");
        using var scope = new TensorScope();
        Write("model.safetensors", Weights(tiny));

        using var half = Backbone.Load(_folder, new BackboneOptions(DType.BFloat16));
        var batch = TinyBackbones.Batch(1, 6, 4);

        Assert.Equal(DType.BFloat16, half.Forward(batch).LastHiddenState.DType);
        TensorAssert.Close(tiny.Forward(batch).LastHiddenState, half.Forward(batch).LastHiddenState, 0.05, 0.1);
    }

    [Fact]
    public void Loading_and_disposing_leaves_no_tensor_alive()
    {
        var before = LeakCheck.Settled();
        using (var tiny = TinyBackbones.Create("bert"))
        {
            WriteConfig("bert");
            using var scope = new TensorScope();
            Write("model.safetensors", Weights(tiny));
        }

        Backbone.Load(_folder).Dispose();

        Assert.Equal(before, LiveTensors.Count);
    }

    [Fact]
    public void A_missing_folder_is_one_sentence() =>
        Fails(() => Directory.Delete(_folder), "does not exist", "graft pull minilm");

    [Fact]
    public void A_folder_without_config_is_one_sentence() => Fails(() => { }, "has no config.json");

    [Fact]
    public void A_config_that_is_not_json_is_one_sentence() =>
        Fails(() => File.WriteAllText(Path.Combine(_folder, "config.json"), "{\"model_type\": "), "config.json", "not valid JSON");

    [Fact]
    public void An_unsupported_architecture_names_the_supported_ones() =>
        Fails(() => WriteConfig("llama"), "'llama'", "bert, mt5, roberta, t5");

    [Fact]
    public void A_config_without_a_field_names_it() => Fails(() => WriteConfig("bert", c => c.Remove("hidden_size")), "'hidden_size'");

    [Fact]
    public void A_config_with_a_wrong_value_names_it() =>
        Fails(() => WriteConfig("bert", c => c["num_hidden_layers"] = "two"), "'num_hidden_layers'", "\"two\"", "whole number");

    [Fact]
    public void An_unsupported_activation_names_the_supported_ones() =>
        Fails(() => WriteConfig("bert", c => c["hidden_act"] = "snake"), "'snake'", "gelu");

    [Fact]
    public void Relative_positions_are_refused() =>
        Fails(() => WriteConfig("bert", c => c["position_embedding_type"] = "relative_key"), "position_embedding_type", "absolute");

    [Fact]
    public void A_folder_with_pickled_weights_only_is_refused_with_the_remedy() => Fails(
        () =>
        {
            WriteConfig("bert");
            File.WriteAllText(Path.Combine(_folder, "pytorch_model.bin"), "x");
        },
        "pickled", "safetensors");

    [Fact]
    public void A_missing_weight_is_named() => FailsWithWeights(w => [.. w.Where(p => !p.Key.EndsWith("1.output.dense.bias", StringComparison.Ordinal))], "1 missing: encoder.layer.1.output.dense.bias");

    [Fact]
    public void A_misshapen_weight_is_named_with_both_shapes() => FailsWithWeights(
        w => [.. w.Select(p => p.Key == "embeddings.LayerNorm.bias" ? (p.Key, Tensor.Zeros([17])) : p)],
        "1 misshapen: embeddings.LayerNorm.bias is [17], expected [16]");

    [Fact]
    public void An_unexpected_weight_is_named() =>
        FailsWithWeights(w => [.. w, ("encoder.layer.2.output.dense.bias", Tensor.Zeros([16]))], "1 unexpected: encoder.layer.2.output.dense.bias");

    [Fact]
    public void A_shard_that_is_not_there_is_named() => Fails(
        () =>
        {
            WriteConfig("bert");
            File.WriteAllText(Path.Combine(_folder, "model.safetensors.index.json"), """{"weight_map": {"a": "../secret.safetensors"}}""");
        },
        "../secret.safetensors");

    [Fact]
    public void A_truncated_file_is_one_sentence() => Fails(
        () =>
        {
            using var tiny = TinyBackbones.Create("bert");
            WriteConfig("bert");
            using var scope = new TensorScope();
            Write("model.safetensors", Weights(tiny));
            using var file = File.OpenWrite(Path.Combine(_folder, "model.safetensors"));
            file.SetLength(file.Length / 2);
        },
        "model.safetensors");

    private void LoadsToTheSameBits(string name, Action<List<(string Key, Tensor Value)>> write)
    {
        using var tiny = TinyBackbones.Create(name);
        WriteConfig(name);
        using var scope = new TensorScope();
        write(Weights(tiny));

        using var loaded = Backbone.Load(_folder);
        var batch = TinyBackbones.Batch(1, 6, 4);

        TensorAssert.BitwiseEqual(tiny.Forward(batch).LastHiddenState, loaded.Forward(batch).LastHiddenState);
        Assert.Equal(tiny.Fingerprint, loaded.Fingerprint);
    }

    private string Fingerprint()
    {
        using var backbone = Backbone.Load(_folder);
        return backbone.Fingerprint;
    }

    private void FailsWithWeights(Func<List<(string Key, Tensor Value)>, List<(string Key, Tensor Value)>> change, params string[] expected) => Fails(
        () =>
        {
            using var tiny = TinyBackbones.Create("bert");
            WriteConfig("bert");
            using var scope = new TensorScope();
            Write("model.safetensors", change(Weights(tiny)));
        },
        expected);

    private void Fails(Action arrange, params string[] expected)
    {
        arrange();

        var before = LeakCheck.Settled();
        var error = Assert.Throws<GraftException>(() => Backbone.Load(_folder));

        Assert.All(expected, e => Assert.Contains(e, error.Message, StringComparison.Ordinal));
        Assert.DoesNotContain('\n', error.Message);
        Assert.Equal(before, LiveTensors.Count);
    }

    private void WriteConfig(string modelType, Action<JsonObject>? change = null)
    {
        var config = new JsonObject
        {
            ["model_type"] = modelType,
            ["hidden_size"] = TinyBackbones.Width,
            ["num_hidden_layers"] = 2,
            ["num_attention_heads"] = 4,
            ["intermediate_size"] = 32,
            ["vocab_size"] = TinyBackbones.Vocabulary,
            ["max_position_embeddings"] = 32,
            ["type_vocab_size"] = modelType == "roberta" ? 1 : 2,
            ["layer_norm_eps"] = 1e-12,
            ["pad_token_id"] = modelType == "roberta" ? TinyBackbones.PadId : 0,
        };
        change?.Invoke(config);
        File.WriteAllText(Path.Combine(_folder, "config.json"), config.ToJsonString());
    }

    private void Write(string file, List<(string Key, Tensor Value)> weights) =>
        SafetensorsWriter.Write(Path.Combine(_folder, file), weights.Select(w => SafetensorsEntry.From(w.Key, w.Value)));

    private static List<(string Key, Tensor Value)> Weights(Backbone backbone) =>
        [.. backbone.NamedParameters().Select(p => (p.Path, p.Parameter.Value.Clone()))];

    private static string Old(string key) => key.Contains("LayerNorm", StringComparison.Ordinal)
        ? key.Replace("LayerNorm.weight", "LayerNorm.gamma", StringComparison.Ordinal).Replace("LayerNorm.bias", "LayerNorm.beta", StringComparison.Ordinal)
        : key;
}
