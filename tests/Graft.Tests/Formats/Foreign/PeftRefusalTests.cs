using System.Text.Json.Nodes;
using Graft.Formats.Foreign.Detection;
using Graft.Formats.Foreign.Peft;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Formats.Foreign;

public sealed class PeftRefusalTests : IDisposable
{
    private const string Lora = """{"peft_type": "LORA", "r": 2, "target_modules": ["query", "value"], "task_type": "FEATURE_EXTRACTION"}""";

    private readonly TestFolder _folder = new();

    [Theory]
    [InlineData("peft_type", "\"LOHA\"", "LOHA")]
    [InlineData("alora_invocation_tokens", "[1, 2]", "alora_invocation_tokens")]
    [InlineData("layer_replication", "[[0, 1]]", "layer_replication")]
    [InlineData("megatron_config", """{"x": 1}""", "megatron_config")]
    [InlineData("target_parameters", "[\"a\"]", "target_parameters")]
    [InlineData("trainable_token_indices", "[3]", "trainable_token_indices")]
    [InlineData("use_qalora", "true", "use_qalora")]
    [InlineData("fan_in_fan_out", "true", "fan_in_fan_out")]
    [InlineData("init_lora_weights", "\"pissa_niter_4\"", "path_initial_model_for_weight_conversion")]
    [InlineData("init_lora_weights", "\"olora\"", "path_initial_model_for_weight_conversion")]
    [InlineData("bias", "\"some\"", "none, all and lora_only")]
    [InlineData("r", "0", "at least 1")]
    [InlineData("r", "900000000", "rank")]
    [InlineData("r", "30000", "parameters")]
    [InlineData("lora_alpha", "-1", "alpha")]
    [InlineData("lora_dropout", "1.5", "probability")]
    [InlineData("target_modules", "[\"q_proj\"]", "no such linear map")]
    [InlineData("target_modules", "\".*(?=query)\"", "linear time")]
    [InlineData("target_modules", "\"(\"", "linear time")]
    [InlineData("target_modules", "7", "target_modules")]
    [InlineData("rank_pattern", """{"(": 2}""", "rank_pattern")]
    [InlineData("task_type", "\"TOKEN_CLS\"", "TOKEN_CLS")]
    [InlineData("task_type", "\"SEQ_CLS\"", "has no head")]
    [InlineData("modules_to_save", "[\"classifier\"]", "has no head")]
    [InlineData("use_dora", "true", "missing")]
    [InlineData("bias", "\"lora_only\"", "set it to none")]
    [InlineData("layers_to_transform", "[0]", "unexpected")]
    public void A_value_that_graft_cannot_honour_is_one_sentence(string field, string value, string named)
    {
        using var backbone = TinyBackbones.Create("bert");
        var config = JsonNode.Parse(Lora)!.AsObject();
        config[field] = JsonNode.Parse(value);
        ForeignPackages.WritePeft(_folder.At("a"), config.ToJsonString(), [.. ForeignPackages.LoraKeys(2)]);

        var fault = Assert.Throws<GraftException>(() => new PeftFormat().Read(_folder.At("a"), backbone));

        Assert.Contains(named, fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', fault.Message);
    }

    [Fact]
    public void Prefixes_of_an_encoder_decoder_are_refused_both_ways()
    {
        using var backbone = TinyBackbones.Create("t5");
        ForeignPackages.Save(_folder.At("a"), backbone, "prefix-tuning", """{"length": 3, "flat": true, "shift_positions": true}""");
        ForeignPackages.WritePeft(
            _folder.At("b"), """{"peft_type": "PREFIX_TUNING", "task_type": "SEQ_2_SEQ_LM", "num_virtual_tokens": 3}""", ("prompt_embeddings", [3, 64]));

        var written = Assert.Throws<GraftException>(() => ForeignPackages.Convert(_folder.At("a"), _folder.At("c"), "peft", backbone));
        var read = Assert.Throws<GraftException>(() => new PeftFormat().Read(_folder.At("b"), backbone));

        Assert.Contains("the decoder alone", written.Message, StringComparison.Ordinal);
        Assert.Contains("the decoder of an encoder-decoder alone", read.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("init_lora_weights", "\"gaussian\"")]
    [InlineData("init_lora_weights", "false")]
    [InlineData("eva_config", """{"rho": 2.0}""")]
    [InlineData("loftq_config", """{"loftq_bits": 4}""")]
    [InlineData("layer_replication", "[]")]
    [InlineData("runtime_config", """{"ephemeral_gpu_offload": false}""")]
    [InlineData("target_modules", "\".*\\\\.(query|value)\"")]
    [InlineData("layers_to_transform", "[0, 1]")]
    [InlineData("task_type", "\"CAUSAL_LM\"")]
    public void A_value_that_changes_nothing_is_read(string field, string value)
    {
        using var backbone = TinyBackbones.Create("bert");
        var config = JsonNode.Parse(Lora)!.AsObject();
        config[field] = JsonNode.Parse(value);
        ForeignPackages.WritePeft(_folder.At("a"), config.ToJsonString(), [.. ForeignPackages.LoraKeys(2)]);

        using var adapter = new PeftFormat().Read(_folder.At("a"), backbone);

        Assert.Equal(8, adapter.Weights.Count);
    }

    [Fact]
    public void Every_key_is_accounted_for()
    {
        using var backbone = TinyBackbones.Create("bert");
        var keys = ForeignPackages.LoraKeys(2).ToList();
        keys[0] = ("base_model.model.stray.weight", [3]);
        keys[1] = (keys[1].Key, [16, 5]);
        ForeignPackages.WritePeft(_folder.At("a"), Lora, [.. keys]);

        var fault = Assert.Throws<GraftException>(() => new PeftFormat().Read(_folder.At("a"), backbone));

        Assert.Contains("6 loaded", fault.Message, StringComparison.Ordinal);
        Assert.Contains("1 missing: base_model.model.encoder.layer.0.attention.self.query.lora_A.weight", fault.Message, StringComparison.Ordinal);
        Assert.Contains("1 unexpected: base_model.model.stray.weight", fault.Message, StringComparison.Ordinal);
        Assert.Contains("1 misshapen: base_model.model.encoder.layer.0.attention.self.query.lora_B.weight is [16, 5], expected [16, 2]", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(3, 16, "unexpected")]
    [InlineData(1, 16, "missing")]
    [InlineData(2, 24, "misshapen")]
    public void An_adapter_of_another_backbone_does_not_load(int layers, int width, string fault)
    {
        using var backbone = TinyBackbones.Create("bert");
        ForeignPackages.WritePeft(_folder.At("a"), Lora, [.. ForeignPackages.LoraKeys(2, layers, width)]);

        Assert.Contains(fault, Assert.Throws<GraftException>(() => new PeftFormat().Read(_folder.At("a"), backbone)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_adapter_of_the_same_shape_but_another_backbone_does_not_load_when_graft_wrote_it()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var other = TinyBackbones.Create("bert");
        using (var scope = new TensorScope())
        {
            other.Parameters().First().Value.Add_(1.0);
        }

        ForeignPackages.Save(_folder.At("a"), backbone, "lora");
        ForeignPackages.Convert(_folder.At("a"), _folder.At("b"), "peft", backbone);

        var fault = Assert.Throws<GraftException>(() => new PeftFormat().Read(_folder.At("b"), other));

        Assert.Contains("another", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("lora", """{"gate": "masked"}""", "gate")]
    [InlineData("ia3", """{"gate": "padded"}""", "gate")]
    [InlineData("prefix-tuning", """{"length": 2, "flat": true}""", "shift_positions=true")]
    [InlineData("prefix-tuning", """{"length": 2, "flat": true, "shift_positions": true, "gate": "masked"}""", "gate")]
    [InlineData("prefix-tuning", """{"length": 2, "flat": true, "shift_positions": true, "leave_out": [0]}""", "leave_out")]
    [InlineData("prompt-tuning", """{"length": 2}""", "as_words=true")]
    [InlineData("prompt-tuning", """{"length": 2, "as_words": true, "placement": "after_first"}""", "placement=prefix")]
    [InlineData("ln-tuning", """{"biases": false}""", "biases=true")]
    [InlineData("pfeiffer", "{}", "no method")]
    [InlineData("bitfit", "{}", "no method")]
    public void What_peft_cannot_compute_is_not_written(string method, string settings, string named)
    {
        using var backbone = TinyBackbones.Create("bert");
        ForeignPackages.Save(_folder.At("a"), backbone, method, settings);

        var fault = Assert.Throws<GraftException>(() => ForeignPackages.Convert(_folder.At("a"), _folder.At("b"), "peft", backbone));

        Assert.Contains(named, fault.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder.At("b")));
    }

    [Theory]
    [InlineData("\"method\": \"lora\"", "\"method\": \"full\"", "delete that file")]
    [InlineData("\"task\": {", "\"task\": null, \"training\": {}, \"head\": {", "")]
    [InlineData("\"rank\": 8", "\"rank\": 9", "misshapen")]
    public void What_is_kept_is_checked_like_anything_else(string from, string to, string named)
    {
        using var backbone = TinyBackbones.Create("bert");
        ForeignPackages.Save(_folder.At("a"), backbone, "lora");
        ForeignPackages.Convert(_folder.At("a"), _folder.At("b"), "peft", backbone);
        var kept = _folder.At("b", "graft_kept.json");
        var text = File.ReadAllText(kept);
        Assert.Contains(from, text, StringComparison.Ordinal);
        File.WriteAllText(kept, text.Replace(from, to, StringComparison.Ordinal));

        Assert.Contains(named, Assert.Throws<GraftException>(() => new PeftFormat().Read(_folder.At("b"), backbone)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_prompts_head_reads_another_position_in_peft()
    {
        using var backbone = TinyBackbones.Create("bert");
        ForeignPackages.WritePeft(
            _folder.At("a"), """{"peft_type": "PROMPT_TUNING", "task_type": "SEQ_CLS", "num_virtual_tokens": 2, "token_dim": 16}""",
            ("prompt_embeddings", [2, 16]), ("base_model.classifier.weight", [2, 16]), ("base_model.classifier.bias", [2]));

        Assert.Contains("virtual token", Assert.Throws<GraftException>(() => new PeftFormat().Read(_folder.At("a"), backbone)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pickle_is_refused_with_the_lines_that_convert_it()
    {
        using var backbone = TinyBackbones.Create("bert");
        _folder.Write("a/adapter_config.json", Lora);
        _folder.Write("a/adapter_model.bin", "x");

        var fault = Assert.Throws<GraftException>(() => new PeftFormat().Read(_folder.At("a"), backbone));

        Assert.Contains("torch.load(\"adapter_model.bin\"", fault.Message, StringComparison.Ordinal);
        Assert.Contains("save_file", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../a")]
    [InlineData("/etc")]
    [InlineData("..")]
    [InlineData(".hidden")]
    [InlineData("a\\b")]
    [InlineData("a\0b")]
    [InlineData("")]
    public void A_name_is_no_path(string name)
    {
        Directory.CreateDirectory(_folder.At("x"));

        Assert.Contains("no name of an adapter", Assert.Throws<GraftException>(() => AdapterFolders.Find(_folder.At("x"), name)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Formats_are_told_apart_also_in_sub_folders()
    {
        using var backbone = TinyBackbones.Create("bert");
        ForeignPackages.Save(_folder.At("own"), backbone, "lora");
        ForeignPackages.WritePeft(_folder.At("many", "first"), Lora, [.. ForeignPackages.LoraKeys(2)]);
        _folder.Write("none/readme.txt", "x");

        Assert.Equal("graft", AdapterFolders.Find(_folder.At("own")).Format.Name);
        Assert.Equal(("peft", "first"), (AdapterFolders.Find(_folder.At("many")).Format.Name, AdapterFolders.Find(_folder.At("many")).Name));
        ForeignPackages.WritePeft(_folder.At("many", "second"), Lora, [.. ForeignPackages.LoraKeys(2)]);
        Assert.Contains("first", Assert.Throws<GraftException>(() => AdapterFolders.Find(_folder.At("many"))).Message, StringComparison.Ordinal);
        Assert.Equal("second", AdapterFolders.Find(_folder.At("many"), "second").Name);
        Assert.Contains("no adapter", Assert.Throws<GraftException>(() => AdapterFolders.Find(_folder.At("none"))).Message, StringComparison.Ordinal);
        Assert.Contains("no folder", Assert.Throws<GraftException>(() => AdapterFolders.Find(_folder.At("nowhere"))).Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();
}
