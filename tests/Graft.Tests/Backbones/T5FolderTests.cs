using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Backbones;

/// <summary>Folders of T5, v1.1 and mT5: settings, names of weights, tied ones, and what each fault says.</summary>
public sealed class T5FolderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("graft-t5-").FullName;

    public static TheoryData<string> Models => TinyBackbones.TextToText;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, MemberData(nameof(Models))]
    public void A_folder_loads_to_the_same_bits(string name) => LoadsToTheSameBits(name, weights => weights);

    [Theory, MemberData(nameof(Models))]
    public void A_folder_of_a_classifier_loads_without_its_head(string name) => LoadsToTheSameBits(
        name, weights => [.. weights.Select(w => ("transformer." + w.Key, w.Value)), ("classification_head.dense.weight", Tensor.Ones([2]))]);

    [Theory, MemberData(nameof(Models))]
    public void Tied_weights_may_stand_there_again_or_under_another_name(string name)
    {
        string[] names = name == "t5" ? ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight"] : ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"];
        LoadsToTheSameBits(name, weights => [.. weights, .. names.Select(n => (n, weights.Single(w => w.Key == "shared.weight").Value))]);
        LoadsToTheSameBits(name, weights => [.. weights.Select(w => w.Key == "shared.weight" ? (names[^1], w.Value) : w)]);
    }

    [Fact]
    public void A_table_of_positions_that_old_files_have_and_nobody_reads_is_passed_over() => LoadsToTheSameBits(
        "t5", weights => [.. weights, ("decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight", Tensor.Ones([8, 4]))]);

    [Fact]
    public void Tied_weights_that_differ_are_refused()
    {
        using var scope = new TensorScope();
        using var tiny = TinyBackbones.Create("t5");
        Write("t5", [.. Weights(tiny), ("lm_head.weight", Tensor.Ones([TinyBackbones.Vocabulary, TinyBackbones.Width]))]);

        Fails("lm_head.weight differs from shared.weight", "tie_word_embeddings");
    }

    [Fact]
    public void A_missing_weight_is_named()
    {
        using var scope = new TensorScope();
        using var tiny = TinyBackbones.Create("t5-v1.1");
        Write("t5-v1.1", [.. Weights(tiny).Where(w => w.Key != "lm_head.weight")]);

        Fails("1 missing: lm_head.weight");
    }

    [Fact]
    public void Faulty_settings_are_named()
    {
        Write("t5", [], c => c["feed_forward_proj"] = "gated-snake");
        Fails("'feed_forward_proj' is 'gated-snake'", "gated-gelu");
        Write("t5", [], c => c["relative_attention_num_buckets"] = 2);
        Fails("relative_attention_num_buckets is 2");
        Write("t5", [], c => c.Remove("d_ff"));
        Fails("'d_ff'");
        Write("t5", [], c => c["tie_word_embeddings"] = "yes");
        Fails("'tie_word_embeddings'", "true or false");
    }

    [Fact]
    public void Settings_that_a_file_leaves_out_are_those_of_its_architecture()
    {
        Write("t5", [], c => Clear(c, "t5"));
        using var plain = Backbone.OfShape(_folder);
        Write("t5", [], c => Clear(c, "mt5"));
        using var multilingual = Backbone.OfShape(_folder);

        Assert.Equal((64, new DecoderConfig(2, 0, 1, 0)), (plain.Config.HeadSize, plain.Config.Decoder!));
        Assert.DoesNotContain(plain.Sites.All, s => s.Path is "lm_head.weight" or "encoder.block.0.layer.1.DenseReluDense.wi_0");
        Assert.Contains(multilingual.Sites.All, s => s.Path == "lm_head.weight");
        Assert.Contains(multilingual.Sites.All, s => s.Path == "encoder.block.0.layer.1.DenseReluDense.wi_0");

        static void Clear(JsonObject config, string modelType)
        {
            foreach (var key in new[] { "d_kv", "feed_forward_proj", "tie_word_embeddings", "num_decoder_layers", "dropout_rate", "decoder_start_token_id", "eos_token_id", "pad_token_id", "layer_norm_epsilon" })
            {
                config.Remove(key);
            }

            config["model_type"] = modelType;
        }
    }

    [Fact]
    public void Weights_in_bfloat16_are_close_to_those_in_float32()
    {
        using var scope = new TensorScope();
        using var tiny = TinyBackbones.Create("t5-v1.1");
        Write("t5-v1.1", Weights(tiny));
        using var half = Backbone.Load(_folder, new BackboneOptions(DType.BFloat16));
        var batch = TinyBackbones.Whole(tiny, TinyBackbones.Batch(1, 6, 4));

        var logits = half.Forward(batch).Logits!;

        Assert.Equal(DType.BFloat16, logits.DType);
        TensorAssert.Close(tiny.Forward(batch).Logits!, logits, 0.05, 0.15);
    }

    [Fact]
    public void States_of_all_layers_begin_with_the_embeddings_and_end_with_the_last_state()
    {
        using var scope = new TensorScope();
        using var tiny = TinyBackbones.Create("t5");
        var batch = TinyBackbones.Batch(1, 6, 4);

        var output = tiny.Forward(batch, allHiddenStates: true);

        Assert.Equal(3, output.HiddenStates!.Count);
        TensorAssert.BitwiseEqual(F.Embedding(tiny.NamedParameters().Single(p => p.Path == "shared.weight").Parameter, batch.InputIds), output.HiddenStates[0]);
        TensorAssert.BitwiseEqual(output.LastHiddenState, output.HiddenStates[^1]);
    }

    [Fact]
    public void Dropout_acts_in_training_alone_and_by_its_seed()
    {
        using var scope = new TensorScope();
        using var tiny = TinyBackbones.Create("t5", dropout: 0.3);
        var batch = TinyBackbones.Whole(tiny, TinyBackbones.Batch(1, 6, 4));
        var model = new Graft.Methods.Core.AdaptedModel(tiny);

        TensorAssert.BitwiseEqual(Train(1), Train(1));
        TensorAssert.Differs(Train(1), Train(2));
        TensorAssert.BitwiseEqual(tiny.Forward(batch).Logits!, model.Forward(batch, adapter: null).Output.Logits!);

        Tensor Train(int seed)
        {
            using var rng = new Rng(seed, Device.Cpu);
            return model.Forward(batch, adapter: null, training: true, rng).Output.Logits!;
        }
    }

    private void LoadsToTheSameBits(string name, Func<List<(string Key, Tensor Value)>, List<(string Key, Tensor Value)>> change)
    {
        using var scope = new TensorScope();
        using var tiny = TinyBackbones.Create(name);
        Write(name, change(Weights(tiny)));
        var batch = TinyBackbones.Whole(tiny, TinyBackbones.Batch(1, 6, 4));

        using var loaded = Backbone.Load(_folder);

        TensorAssert.BitwiseEqual(tiny.Forward(batch).Logits!, loaded.Forward(batch).Logits!);
        Assert.Equal(tiny.Fingerprint, loaded.Fingerprint);
        Assert.Equal(tiny.Config, loaded.Config);
    }

    private void Fails(params string[] expected)
    {
        var before = LeakCheck.Settled();
        var error = Assert.Throws<GraftException>(() => Backbone.Load(_folder));

        Assert.All(expected, e => Assert.Contains(e, error.Message, StringComparison.Ordinal));
        Assert.Equal(before, LiveTensors.Count);
    }

    private void Write(string name, List<(string Key, Tensor Value)> weights, Action<JsonObject>? change = null)
    {
        var gated = name == "t5-v1.1";
        var config = new JsonObject
        {
            ["model_type"] = "t5",
            ["d_model"] = TinyBackbones.Width,
            ["d_kv"] = gated ? 6 : 4,
            ["d_ff"] = 32,
            ["num_layers"] = 2,
            ["num_decoder_layers"] = 2,
            ["num_heads"] = 4,
            ["vocab_size"] = TinyBackbones.Vocabulary,
            ["relative_attention_num_buckets"] = 8,
            ["relative_attention_max_distance"] = 16,
            ["dropout_rate"] = 0,
            ["layer_norm_epsilon"] = 1e-6,
            ["feed_forward_proj"] = gated ? "gated-gelu" : "relu",
            ["tie_word_embeddings"] = !gated,
            ["decoder_start_token_id"] = 0,
            ["eos_token_id"] = TinyBackbones.PadId,
            ["pad_token_id"] = 0,
        };
        change?.Invoke(config);
        File.WriteAllText(Path.Combine(_folder, "config.json"), config.ToJsonString());
        SafetensorsWriter.Write(Path.Combine(_folder, "model.safetensors"), weights.Select(w => SafetensorsEntry.From(w.Key, w.Value)));
    }

    private static List<(string Key, Tensor Value)> Weights(Backbone backbone) =>
        [.. backbone.NamedParameters().Select(p => (p.Path, p.Parameter.Value.Clone()))];
}
