using Graft.Formats.Foreign.Detection;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Formats.AdapterHub;

public sealed class StrictnessTests : IDisposable
{
    private const string SeqBn = """{"mh_adapter": false, "output_adapter": true, "non_linearity": "relu", "reduction_factor": 4}""";

    private readonly HubFolder _folder = new();

    [Fact]
    public void Missing_unexpected_and_misshapen_keys_are_all_listed()
    {
        var tensors = ReadingTests.Bottleneck("mood", 4).ToList();
        (tensors[0], tensors[1]) = ((tensors[0].Key, [3, 5]), ("bert.encoder.layer.0.output.adapters.other.adapter_down.0.bias", [4]));
        _folder.Config(SeqBn).Adapter(tensors);

        Refused(
            "6 loaded", "1 missing: bert.encoder.layer.0.output.adapters.mood.adapter_down.0.bias",
            "1 unexpected: bert.encoder.layer.0.output.adapters.other.adapter_down.0.bias", "adapter_down.0.weight is [3, 5], expected [4, 16]");
    }

    [Theory]
    [InlineData("roberta", "mood", "roberta model")]
    [InlineData("bert", "../mood", "no name")]
    [InlineData("bert", "a/b", "no name")]
    [InlineData("bert", "", "name")]
    [InlineData("bert", "a.b", "full stop")]
    public void Another_backbone_and_names_that_are_paths_are_refused(string type, string name, string expected)
    {
        _folder.Config(SeqBn, type, name).Adapter(ReadingTests.Bottleneck("mood", 4));

        Refused("adapter_config.json", expected);
    }

    [Fact]
    public void A_backbone_of_another_depth_is_refused_by_its_keys()
    {
        _folder.Config(SeqBn).Adapter(ReadingTests.Bottleneck("mood", 4));
        using var deeper = TinyBackbones.Create("bert", layers: 3);

        Sentence(() => _folder.Read(deeper).Dispose(), "take config and weights from the same adapter");
    }

    [Theory]
    [InlineData("""{"architecture": "reft", "layers": "all"}""", "'reft'")]
    [InlineData("""{"architecture": "mtl_lora"}""", "'mtl_lora'")]
    [InlineData("""{"architecture": "union", "configs": []}""", "no configuration")]
    [InlineData("""{"architecture": "union", "configs": [3]}""", "object in braces")]
    [InlineData("\"phifer\"", "did you mean 'pfeiffer'")]
    [InlineData("null", "'config' is missing")]
    [InlineData("""{"mh_adapter": false, "output_adapter": false, "non_linearity": "relu", "reduction_factor": 4}""", "no adapter")]
    [InlineData("""{"mh_adapter": false, "output_adapter": true, "non_linearity": "relu"}""", "reduction_factor")]
    [InlineData("""{"mh_adapter": false, "output_adapter": true, "non_linearity": "rule", "reduction_factor": 4}""", "rule")]
    [InlineData("""{"mh_adapter": false, "output_adapter": true, "non_linearity": "relu", "reduction_factor": 4, "residual_before_ln": "post"}""", "post_add")]
    [InlineData("""{"mh_adapter": false, "output_adapter": true, "non_linearity": "relu", "reduction_factor": 4, "leave_out": [-1]}""", "blocks")]
    [InlineData("""{"mh_adapter": false, "output_adapter": true, "non_linearity": "relu", "reduction_factor": 1e-9}""", "parameters")]
    [InlineData("""{"architecture": "lora", "r": 1000000}""", "parameters")]
    [InlineData("""{"architecture": "lora", "use_dora": true}""", "scales the bias")]
    [InlineData("""{"architecture": "lora", "vera_d": 0.1}""", "full matrices")]
    [InlineData("""{"architecture": "lora", "attn_matrices": ["o"]}""", "attn_matrices")]
    [InlineData("""{"architecture": "lora", "composition_mode": "scale", "r": 2}""", "expected 1")]
    [InlineData("""{"architecture": "lora", "composition_mode": "scale", "r": 1, "alpha": 3}""", "alpha")]
    [InlineData("""{"architecture": "lora", "composition_mode": "plus"}""", "'add' or 'scale'")]
    [InlineData("""{"architecture": "lora", "r": "many"}""", "whole number")]
    public void A_setting_that_Graft_cannot_compute_is_one_sentence(string config, string expected)
    {
        _folder.Config(config).Adapter(ReadingTests.Bottleneck("mood", 4));

        Refused("adapter_config.json", expected);
    }

    [Fact]
    public void An_invertible_part_is_refused()
    {
        _folder.Config(SeqBn[..^1] + ", \"inv_adapter\": \"nice\", \"inv_adapter_reduction_factor\": 2}")
            .Adapter(ReadingTests.Bottleneck("mood", 4).Append(("bert.invertible_adapters.mood.F.0.weight", [4, 8])));

        Refused("invertible");
    }

    [Theory]
    [InlineData("""{"head_type": "tagging", "num_labels": 2, "layers": 1}""", "tagging")]
    [InlineData("""{"head_type": "classification", "num_labels": 2, "layers": 3}""", "3 layers")]
    [InlineData("""{"head_type": "classification", "num_labels": 2, "layers": 2, "activation_function": "relu"}""", "tanh")]
    [InlineData("""{"head_type": "classification", "num_labels": 2, "layers": 2, "activation_function": "tanh", "label2id": {"a": 0, "b": 0}}""", "each once")]
    [InlineData("""{"head_type": "classification", "num_labels": 2, "layers": 2, "activation_function": "tanh", "label2id": {"a": 0}}""", "expected 2")]
    [InlineData("""{"head_type": "classification", "num_labels": 2147483647, "layers": 1, "label2id": {"a": 0}}""", "label2id")]
    [InlineData("""{"head_type": "classification", "num_labels": -1, "layers": 1}""", "num_labels")]
    [InlineData("null", "BertForSequenceClassification")]
    public void A_head_that_Graft_has_not_is_one_sentence(string head, string expected)
    {
        _folder.Config(SeqBn).Adapter(ReadingTests.Bottleneck("mood", 4)).Head(head).Weights("model_head.safetensors", ReadingTests.Head("mood", 2));

        Refused("head_config.json", expected);
    }

    [Fact]
    public void A_missing_head_and_pickles_are_refused_with_the_remedy()
    {
        _folder.Config(SeqBn).Write("pytorch_adapter.bin", "pickle");
        Assert.Contains("save_file", Assert.Throws<GraftException>(Read).Message, StringComparison.Ordinal);

        _folder.Adapter(ReadingTests.Bottleneck("mood", 4)).Head("""{"head_type": "classification", "num_labels": 2, "layers": 2, "activation_function": "tanh"}""");
        Refused("no model_head.safetensors");

        _folder.Write("pytorch_model_head.bin", "pickle");
        Assert.Contains("pytorch_model_head.bin", Assert.Throws<GraftException>(Read).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_truncated_file_is_refused()
    {
        _folder.Config(SeqBn).Adapter(ReadingTests.Bottleneck("mood", 4));
        var path = Path.Combine(_folder.Path, "adapter.safetensors");
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^5]);

        Refused("truncated");
    }

    [Fact]
    public void The_folder_is_recognized_and_one_of_HF_PEFT_is_not()
    {
        _folder.Config(SeqBn);
        Assert.Equal("adapterhub", AdapterFolders.Find(_folder.Path).Format.Name);
        Assert.Equal("hf:some/model", HubFolder.Format.BaseModel(_folder.Path));

        _folder.Write("adapter_config.json", """{"peft_type": "LORA", "config": {}, "model_type": "bert"}""");
        Assert.False(HubFolder.Format.Recognizes(_folder.Path));
    }

    [Fact]
    public void Damaged_settings_never_cause_another_exception()
    {
        using var backbone = TinyBackbones.Create("bert");
        _folder.Config("""{"architecture": "union", "configs": [{"architecture": "lora", "r": 4}, {"output_adapter": true, "non_linearity": "relu", "reduction_factor": 4}]}""")
            .Adapter(ReadingTests.Bottleneck("mood", 4)).Head("""{"head_type": "classification", "num_labels": 2, "layers": 1, "label2id": {"a": 0, "b": 1}}""")
            .Weights("model_head.safetensors", ReadingTests.Head("mood", 2));
        var random = new Random(5);
        var live = LeakCheck.Settled();
        foreach (var name in new[] { "adapter_config.json", "head_config.json" })
        {
            var whole = File.ReadAllBytes(Path.Combine(_folder.Path, name));
            for (var round = 0; round < 200; round++)
            {
                var bytes = round % 3 == 0 ? whole[..random.Next(whole.Length)] : [.. whole];
                for (var change = 0; change < 1 + (round % 4) && bytes.Length > 0 && round % 3 != 0; change++)
                {
                    bytes[random.Next(bytes.Length)] = (byte)random.Next(32, 127);
                }

                File.WriteAllBytes(Path.Combine(_folder.Path, name), bytes);
                try
                {
                    HubFolder.Format.Read(_folder.Path, backbone).Dispose();
                }
                catch (GraftException e)
                {
                    Assert.True(!e.Message.Contains((char)10), e.ToString());
                }
            }

            File.WriteAllBytes(Path.Combine(_folder.Path, name), whole);
        }

        Assert.Equal(live, LiveTensors.Count);
    }

    public void Dispose() => _folder.Dispose();

    private void Read()
    {
        using var backbone = TinyBackbones.Create("bert");
        HubFolder.Format.Read(_folder.Path, backbone).Dispose();
    }

    private void Refused(params string[] parts) => Sentence(Read, parts);

    private static void Sentence(Action act, params string[] parts)
    {
        var error = Assert.Throws<GraftException>(act);
        Assert.All(parts, p => Assert.Contains(p, error.Message, StringComparison.Ordinal));
        Assert.DoesNotContain('\n', error.Message);
    }
}
