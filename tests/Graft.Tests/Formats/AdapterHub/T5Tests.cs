using System.Text.Json.Nodes;
using Graft.Formats.Foreign;
using Graft.Formats.Packages;
using Graft.TestKit;
using Graft.Tests.Formats.Foreign;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Formats.AdapterHub;

/// <summary>Adapters of T5: what computes the same on both sides goes both ways under the library's names, what does not is refused.</summary>
public sealed class T5Tests : IDisposable
{
    private readonly TestFolder _folder = new();

    public static TheoryData<string, string, string, string> Methods => new()
    {
        { "t5", "pfeiffer", "{}", "encoder.block.0.layer.1.adapters.mood.adapter_down.0.weight" },
        { "t5-v1.1", "pfeiffer", """{"norm_before": true, "residual": "sum", "scaling": "learned"}""", "decoder.block.1.layer.2.adapters.mood.adapter_up.bias" },
        { "t5", "houlsby", """{"train_norms": false}""", "encoder.block.1.layer.0.adapters.mood.adapter_down.0.bias" },
        { "t5", "houlsby", """{"train_norms": false, "sublayers": "self_attention, cross_attention, feed_forward"}""", "decoder.block.0.layer.1.adapters.mood.adapter_up.weight" },
        { "t5", "compacter", """{"reduction_factor": 4, "phm_dim": 2, "train_norms": false}""", "decoder.block.0.layer.0.adapters.mood.adapter_down.0.W_left" },
        { "t5", "lora", "{}", "decoder.block.1.layer.1.EncDecAttention.q.loras.mood.lora_A" },
        { "t5", "lora", """{"rank": 3, "targets": "key, feed_forward_in, feed_forward_out"}""", "encoder.block.0.layer.1.DenseReluDense.wi.loras.mood.lora_B" },
        { "t5-v1.1", "lora", """{"targets": "feed_forward_gate"}""", "decoder.block.0.layer.2.DenseReluDense.wi_1.loras.mood.lora_A" },
        { "t5-v1.1", "ia3", """{"targets": "key, value, feed_forward_gate", "input_targets": "none"}""", "encoder.block.0.layer.0.SelfAttention.v.loras.mood.lora_B" },
        { "t5", "union", """{"parts": [{"method": "lora", "set": {"rank": 2}}, {"method": "pfeiffer", "set": {"reduction_factor": 4}}]}""", "decoder.block.1.layer.2.adapters.mood.adapter_up.bias" },
    };

    public static TheoryData<string, string, string> Refused => new()
    {
        { "parallel", "{}", "before the sublayer's norm" },
        { "pfeiffer", """{"gate": "masked"}""", "first token" },
        { "pfeiffer", """{"leave_out": [0]}""", "in one row" },
        { "pfeiffer", """{"reduction_factor": {"default": 4, "1": 2}}""", "in one row" },
        { "prefix-tuning", """{"length": 3, "flat": true}""", "a prefix" },
        { "prompt-tuning", """{"length": 3}""", "take no prompts" },
        { "lora", """{"targets": "feed_forward_out", "gate": "padded"}""", "first token" },
        { "fusion", """{"adapters": [{"name": "one", "method": "pfeiffer", "set": {"reduction_factor": 4}}, {"name": "two", "method": "pfeiffer", "set": {"reduction_factor": 4}}]}""", "not been compared" },
    };

    public void Dispose() => _folder.Dispose();

    [Theory, MemberData(nameof(Methods))]
    public void An_adapter_goes_both_ways_under_the_library_s_names(string name, string method, string settings, string key)
    {
        using var backbone = TinyBackbones.Create(name);
        ForeignPackages.Save(_folder.At("a"), backbone, method, settings);

        ForeignPackages.Convert(_folder.At("a"), _folder.At("b"), "adapterhub", backbone);
        ForeignPackages.Convert(_folder.At("b"), _folder.At("c"), "graft", backbone);

        ForeignPackages.AssertSame(_folder.At("a"), _folder.At("c"));
        using (var file = SafetensorsFile.Open(_folder.At("b", "adapter.safetensors")))
        {
            Assert.Contains("transformer." + key, file.Keys);
        }

        var config = JsonNode.Parse(File.ReadAllText(_folder.At("b", "adapter_config.json")))!;
        Assert.Equal(("t5", "T5AdapterModel"), ((string)config["model_type"]!, (string)config["model_class"]!));
        Assert.False(File.Exists(_folder.At("b", "head_config.json")));
    }

    [Theory, MemberData(nameof(Methods))]
    public void The_library_s_files_alone_give_the_same_states(string name, string method, string settings, string key)
    {
        using var backbone = TinyBackbones.Create(name);
        ForeignPackages.Save(_folder.At("a"), backbone, method, settings);
        ForeignPackages.Convert(_folder.At("a"), _folder.At("b"), "adapterhub", backbone);
        File.Delete(_folder.At("b", KeptAdapter.FileName));

        using var original = new PackageFormat().Read(_folder.At("a"), backbone);
        using var read = HubFolder.Format.Read(_folder.At("b"), backbone);

        Assert.NotEmpty(key);
        Assert.Equal(ForeignPackages.Hidden(original, backbone), ForeignPackages.Hidden(read, backbone));
    }

    [Theory, MemberData(nameof(Refused))]
    public void What_means_something_else_there_is_refused(string method, string settings, string reason)
    {
        using var backbone = TinyBackbones.Create("t5");
        ForeignPackages.Save(_folder.At("a"), backbone, method, settings);

        var fault = Assert.Throws<GraftException>(() => ForeignPackages.Convert(_folder.At("a"), _folder.At("b"), "adapterhub", backbone));

        Assert.Contains("on an encoder-decoder is not Graft's", fault.Message, StringComparison.Ordinal);
        Assert.Contains(reason, fault.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder.At("b")));
    }

    [Theory]
    [InlineData("\"is_parallel\": false", "\"is_parallel\": true", "before the sublayer's norm")]
    [InlineData("\"leave_out\": []", "\"leave_out\": [2]", "in one row")]
    [InlineData("\"use_gating\": false", "\"use_gating\": true", "first token")]
    public void Nor_is_it_read(string written, string changed, string reason)
    {
        using var backbone = TinyBackbones.Create("t5");
        ForeignPackages.Save(_folder.At("a"), backbone, "pfeiffer");
        ForeignPackages.Convert(_folder.At("a"), _folder.At("b"), "adapterhub", backbone);
        var config = _folder.At("b", "adapter_config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace(written, changed, StringComparison.Ordinal));
        File.Delete(_folder.At("b", KeptAdapter.FileName));

        var fault = Assert.Throws<GraftException>(() => HubFolder.Format.Read(_folder.At("b"), backbone));

        Assert.Contains(reason, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_head_of_the_library_s_is_refused()
    {
        using var backbone = TinyBackbones.Create("t5");
        ForeignPackages.Save(_folder.At("a"), backbone, "pfeiffer");
        ForeignPackages.Convert(_folder.At("a"), _folder.At("b"), "adapterhub", backbone);
        File.Delete(_folder.At("b", KeptAdapter.FileName));
        File.WriteAllText(_folder.At("b", "head_config.json"), "{}");

        Assert.Contains("read the decoder", Assert.Throws<GraftException>(() => HubFolder.Format.Read(_folder.At("b"), backbone)).Message, StringComparison.Ordinal);
    }
}
