using Graft.Formats.Foreign;
using Graft.Formats.Foreign.Peft;
using Graft.Formats.Packages;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Formats.Foreign;

public sealed class PeftRoundTripTests : IDisposable
{
    // Every method of HF PEFT, with settings that its files have to carry.
    private static readonly (string Architecture, string Method, string Settings)[] s_adapters =
    [
        ("bert", "lora", "{}"),
        ("roberta", "lora", """{"rank": 3, "alpha": 5, "dropout": 0.25, "use_rslora": true, "targets": "all_linear"}"""),
        ("bert", "lora", """{"rank_pattern": {"self.query": 2, "encoder.layer.1.attention.self.value": 5}, "alpha_pattern": {"layer.0.attention.self.query": 2.5}}"""),
        ("bert", "lora", """{"rank_pattern": {"query": 2, "layer.1.attention.self.query": 4}}"""),
        ("bert", "lora", """{"lora_bias": true, "bias": "adapted", "targets": "feed_forward_out, value"}"""),
        ("roberta", "lora", """{"bias": "all", "targets": "feed_forward_in"}"""),
        ("bert", "lora", """{"leave_out": [0], "targets": "attention_out, feed_forward_out, key"}"""),
        ("bert", "lora", """{"modules": "layer.0.attention.self.query, layer.1.attention.self.value"}"""),
        ("bert", "lora", """{"targets": "feed_forward_out"}"""),
        ("bert", "dora", """{"targets": "all_linear", "rank": 2}"""),
        ("roberta", "dora", """{"use_rslora": true, "rank_pattern": {"value": 3}}"""),
        ("bert", "vera", """{"rank": 5, "targets": "query, feed_forward_in"}"""),
        ("roberta", "vera", """{"rank": 4, "projection": "stored", "projection_seed": 9}"""),
        ("bert", "adalora", """{"initial_rank": 4, "target_rank": 2}"""),
        ("bert", "ia3", "{}"),
        ("roberta", "ia3", """{"targets": "key, value", "input_targets": "attention_out, feed_forward_out"}"""),
        ("bert", "ia3", """{"targets": "key, value, feed_forward_in", "input_targets": "none", "leave_out": [1]}"""),
        ("bert", "ln-tuning", "{}"),
        ("roberta", "ln-tuning", """{"sublayers": "feed_forward", "embeddings": false}"""),
        ("bert", "ln-tuning", """{"leave_out": [0]}"""),
        ("bert", "prefix-tuning", """{"length": 3, "flat": true, "shift_positions": true}"""),
        ("roberta", "prefix-tuning", """{"length": 3, "bottleneck": 8, "shift_positions": true}"""),
        ("bert", "p-tuning-v2", """{"length": 4}"""),
        ("bert", "prompt-tuning", """{"length": 4, "as_words": true}"""),
        ("roberta", "p-tuning", """{"length": 3}"""),
        ("t5", "lora", "{}"),
        ("t5-v1.1", "lora", """{"rank": 3, "alpha": 5, "targets": "all_linear"}"""),
        ("t5", "lora", """{"modules": "decoder.block.1.layer.1.EncDecAttention.q, encoder.block.0.layer.0.SelfAttention.v"}"""),
        ("t5", "lora", """{"targets": "query, cross_attention"}"""),
        ("t5", "dora", """{"rank": 2}"""),
        ("t5-v1.1", "vera", """{"rank": 4, "targets": "query, feed_forward_out"}"""),
        ("t5", "adalora", """{"initial_rank": 4, "target_rank": 2}"""),
        ("t5-v1.1", "ia3", "{}"),
        ("t5", "ln-tuning", "{}"),
        ("t5-v1.1", "prompt-tuning", """{"length": 4, "as_words": true}"""),
    ];

    private readonly TestFolder _folder = new();

    public static TheoryData<string, string, string> Adapters =>
        [.. s_adapters.Select(a => new TheoryDataRow<string, string, string>(a.Architecture, a.Method, a.Settings))];

    [Theory]
    [MemberData(nameof(Adapters))]
    public void A_package_comes_back_bit_for_bit(string architecture, string method, string settings)
    {
        using var backbone = TinyBackbones.Create(architecture);
        ForeignPackages.Save(_folder.At("a"), backbone, method, settings);

        ForeignPackages.Convert(_folder.At("a"), _folder.At("b"), "peft", backbone);
        ForeignPackages.Convert(_folder.At("b"), _folder.At("c"), "graft", backbone);

        ForeignPackages.AssertSame(_folder.At("a"), _folder.At("c"));
    }

    [Theory]
    [MemberData(nameof(Adapters))]
    public void The_files_of_peft_alone_give_the_same_hidden_states_bit_for_bit(string architecture, string method, string settings)
    {
        using var backbone = TinyBackbones.Create(architecture);
        ForeignPackages.Save(_folder.At("a"), backbone, method, settings);
        ForeignPackages.Convert(_folder.At("a"), _folder.At("b"), "peft", backbone);
        File.Delete(Path.Combine(_folder.At("b"), KeptAdapter.FileName));
        File.Delete(Path.Combine(_folder.At("b"), KeptAdapter.HeadName));

        using var original = new PackageFormat().Read(_folder.At("a"), backbone);
        using var read = new PeftFormat().Read(_folder.At("b"), backbone);

        Assert.Null(read.Head);
        Assert.Equal(ForeignPackages.Hidden(original, backbone), ForeignPackages.Hidden(read, backbone));
    }

    [Theory]
    [InlineData("bert", "pooler", 1)]
    [InlineData("bert", "first", 2)]
    [InlineData("bert", "mean", 1)]
    [InlineData("bert", "mean", 2)]
    [InlineData("roberta", "first", 2)]
    [InlineData("roberta", "first", 1)]
    public void Every_head_comes_back_bit_for_bit(string architecture, string pooling, int layers)
    {
        using var backbone = TinyBackbones.Create(architecture);
        var head = new PooledHeadConfig(TaskKind.Classification, 3, Enum.Parse<Pooling>(pooling, ignoreCase: true), 0.25, Layers: layers);
        ForeignPackages.Save(_folder.At("a"), backbone, "lora", head: head);

        ForeignPackages.Convert(_folder.At("a"), _folder.At("b"), "peft", backbone);
        ForeignPackages.Convert(_folder.At("b"), _folder.At("c"), "graft", backbone);

        ForeignPackages.AssertSame(_folder.At("a"), _folder.At("c"));
    }

    [Theory]
    [InlineData("pooler", 1, "SEQ_CLS")]
    [InlineData("first", 2, "FEATURE_EXTRACTION")]
    public void Behind_prefixes_peft_saves_the_classifier_alone(string pooling, int layers, string task)
    {
        using var backbone = TinyBackbones.Create("bert");
        var head = new PooledHeadConfig(TaskKind.Classification, 3, Enum.Parse<Pooling>(pooling, ignoreCase: true), Layers: layers);
        ForeignPackages.Save(_folder.At("a"), backbone, "p-tuning-v2", head: head);

        ForeignPackages.Convert(_folder.At("a"), _folder.At("b"), "peft", backbone);
        ForeignPackages.Convert(_folder.At("b"), _folder.At("c"), "graft", backbone);

        ForeignPackages.AssertSame(_folder.At("a"), _folder.At("c"));
        var config = File.ReadAllText(Path.Combine(_folder.At("b"), "adapter_config.json"));
        Assert.Contains(task, config, StringComparison.Ordinal);
        Assert.DoesNotContain("modules_to_save", config, StringComparison.Ordinal);
    }

    [Fact]
    public void A_regression_head_keeps_its_scale()
    {
        using var backbone = TinyBackbones.Create("bert");
        ForeignPackages.Save(_folder.At("a"), backbone, "lora", head: new PooledHeadConfig(TaskKind.Regression, 1, Pooling.Pooler, TargetMean: 2.5, TargetScale: 1.5));

        ForeignPackages.Convert(_folder.At("a"), _folder.At("b"), "peft", backbone);
        ForeignPackages.Convert(_folder.At("b"), _folder.At("c"), "graft", backbone);

        ForeignPackages.AssertSame(_folder.At("a"), _folder.At("c"));
        Assert.True(File.Exists(Path.Combine(_folder.At("b"), KeptAdapter.HeadName)), "a score that is scaled is not what a Hugging Face class computes");
    }

    [Fact]
    public void Files_that_python_has_written_anew_are_read_as_they_are()
    {
        using var backbone = TinyBackbones.Create("bert");
        ForeignPackages.Save(_folder.At("a"), backbone, "lora");
        ForeignPackages.Convert(_folder.At("a"), _folder.At("b"), "peft", backbone);
        var path = Path.Combine(_folder.At("b"), "adapter_model.safetensors");
        using (var scope = new TensorScope())
        {
            Dictionary<string, Tensor> changed;
            using (var file = SafetensorsFile.Open(path))
            {
                changed = file.Keys.ToDictionary(k => k, k => (file.Load(k) * 2).Clone());
            }

            SafetensorsWriter.Write(path, changed.Select(c => SafetensorsEntry.From(c.Key, c.Value)));
        }

        using var read = new PeftFormat().Read(_folder.At("b"), backbone);

        Assert.Null(read.Head);
        Assert.Contains("adapter_model.safetensors", Assert.Single(read.Notes), StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();
}
