using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Foreign;
using Graft.Formats.Packages;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Formats.AdapterHub;

public sealed class RoundTripTests : IDisposable
{
    private static readonly PooledHeadConfig s_first = new(TaskKind.Classification, 3, Pooling.First, 0.2);

    private readonly TestFolder _folder = new();

    /// <summary>Every method with a counterpart, in the forms that differ.</summary>
    public static TheoryData<string, string> Methods => new()
    {
        { "pfeiffer", "{}" },
        { "pfeiffer", """{"norm_before": true, "residual": "sum", "reduction_factor": {"default": 4, "1": 2}, "scaling": "learned", "dropout": 0.25}""" },
        { "pfeiffer", """{"norm_before": true, "norm_after": false, "residual": "input", "scaling": "channel", "init": "houlsby", "stochastic_depth": 0.1, "activation": "gelu"}""" },
        { "pfeiffer", """{"own_norm_before": true, "own_norm_after": true, "residual_before_own_norm": true, "gate": "padded", "leave_out": [0]}""" },
        { "pfeiffer", """{"gate": "masked"}""" },
        { "houlsby", """{"train_norms": false}""" },
        { "houlsby", """{"train_norms": false, "reduction_factor": 3.5, "scaling": 2, "init": "mam"}""" },
        { "parallel", "{}" },
        { "parallel", """{"sublayers": "self_attention, feed_forward", "scaling": "learned"}""" },
        { "lora", "{}" },
        { "lora", """{"rank": 3, "alpha": 2.5, "dropout": 0.1, "targets": "query, key, value, feed_forward_in, feed_forward_out", "leave_out": [1]}""" },
        { "lora", """{"targets": "feed_forward_out", "gate": "masked"}""" },
        { "ia3", """{"targets": "key, value, feed_forward_in", "input_targets": "none"}""" },
        { "compacter", """{"reduction_factor": 4, "phm_dim": 2, "train_norms": false}""" },
        { "compacter", """{"reduction_factor": 4, "phm_dim": 2, "train_norms": false, "shared_rule": false, "factorized_weights": false, "phm_rank": 2}""" },
        { "compacter", """{"reduction_factor": 4, "phm_dim": 2, "train_norms": false, "factorized_rule": true, "shared_weights": true, "own_norm_before": true}""" },
        { "prefix-tuning", """{"length": 3, "bottleneck": 5, "leave_out": [0], "dropout": 0.1}""" },
        { "prefix-tuning", """{"length": 3, "flat": true, "gate": "masked"}""" },
        { "p-tuning-v2", """{"length": 3, "shift_positions": false}""" },
        { "prompt-tuning", """{"length": 3, "placement": "after_first"}""" },
        { "prompt-tuning", """{"length": 3}""" },
        { "p-tuning", """{"length": 3, "as_words": false}""" },
        { "mam", """{"length": 3, "prefix_bottleneck": 5}""" },
        { "unipelt", """{"length": 3, "prefix_bottleneck": 5, "rank": 2, "reduction_factor": 4}""" },
        { "unipelt", """{"length": 3, "prefix_bottleneck": 5, "reduction_factor": 4, "parts": "adapter, prefix", "gate": "none"}""" },
        { "unipelt-pt", """{"length": 3, "prefix_bottleneck": 5, "rank": 2, "reduction_factor": 4, "prompt_length": 2, "leave_out": [0]}""" },
        { "union", """{"parts": [{"method": "ia3", "set": {"targets": "key, value, feed_forward_in", "input_targets": "none", "gate": "padded"}}, {"method": "houlsby", "set": {"reduction_factor": 4, "train_norms": false}}]}""" },
        { "ia3", """{"targets": "feed_forward_out", "input_targets": "none", "gate": "padded", "leave_out": [0]}""" },
    };

    public static TheoryData<string, PooledHeadConfig> Heads => new()
    {
        { "classification", s_first },
        { "classification", s_first with { Layers = 2 } },
        { "classification", s_first with { Layers = 2, Pooling = Pooling.Pooler } },
        { "classification", s_first with { Pooling = Pooling.Mean } },
        { "multilabel", new PooledHeadConfig(TaskKind.Multilabel, 4, Pooling.First) },
        { "regression", new PooledHeadConfig(TaskKind.Regression, 1, Pooling.First, Layers: 2) },
        { "regression", new PooledHeadConfig(TaskKind.Regression, 1, Pooling.First, TargetMean: 3, TargetScale: 1.25) },
    };

    [Theory, MemberData(nameof(Methods))]
    public void A_package_is_the_same_bit_for_bit_after_a_journey(string method, string settings)
    {
        foreach (var name in new[] { "bert", "roberta" })
        {
            using var backbone = TinyBackbones.Create(name);
            using var model = TinyModels.Create(
                backbone, method, TaskKind.Classification, name: "mood", pair: true, maxTokens: 17, head: s_first with { Layers = 2 }, settings: HubFolder.Json(settings));

            Journey(model, backbone, name + method);
        }
    }

    [Theory, MemberData(nameof(Heads))]
    public void Every_head_is_the_same_bit_for_bit_after_a_journey(string kind, PooledHeadConfig head)
    {
        using var backbone = TinyBackbones.Create("bert");
        using var model = TinyModels.Create(backbone, "lora", head.Kind, head: head);
        var representable = head is { Pooling: not Pooling.Mean, TargetScale: 1 };

        var folder = Journey(model, backbone, kind);

        Assert.Equal(representable, File.Exists(Path.Combine(folder, "model_head.safetensors")));
        Assert.Equal(!representable, File.Exists(Path.Combine(folder, "graft_head.safetensors")));
    }

    [Theory, MemberData(nameof(Methods))]
    public void Without_what_Graft_keeps_the_folder_says_the_same_model(string method, string settings)
    {
        using var backbone = TinyBackbones.Create("bert");
        using var model = TinyModels.Create(
            backbone, method, TaskKind.Classification, name: "mood", head: s_first with { Layers = 2 }, settings: HubFolder.Json(settings));
        var folder = Journey(model, backbone, "there");
        File.Delete(Path.Combine(folder, KeptAdapter.FileName));

        using var read = HubFolder.Format.Read(folder, backbone);
        using var adapter = PackageFormat.Attach(read, backbone);

        // Rows of one length: the library averages gates over padding too.
        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(3, 6, 6);
        TensorAssert.BitwiseEqual(Hidden(backbone, model.Adapter, batch), Hidden(backbone, adapter, batch));
        Assert.Equal("mood", read.Name);
        if (read.Head is { } head)
        {
            Assert.Equal(model.Task.Labels, head.Task.Labels);
            Assert.All(model.Head.NamedParameters(), p => TensorAssert.BitwiseEqual(p.Parameter.Value, head.Weights[p.Path]));
        }

        // With a prompt in front, the library's head would read the prompt.
        Assert.Equal(read.Head is null, method is "prompt-tuning" or "p-tuning" or "unipelt-pt" && !settings.Contains("after_first", StringComparison.Ordinal));

        static Tensor Hidden(Backbone backbone, Adapter adapter, BackboneInput batch) => new AdaptedModel(backbone).Forward(batch, adapter).Output.LastHiddenState;
    }

    [Fact]
    public void What_the_library_has_written_anew_is_read_as_the_library_s()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var model = TinyModels.Create(backbone, "pfeiffer", TaskKind.Classification, head: s_first, settings: HubFolder.Json("""{"gate": "masked"}"""));
        var folder = Journey(model, backbone, "there");
        var config = Path.Combine(folder, "adapter_config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"dropout\": 0.0", "\"dropout\": 0.5", StringComparison.Ordinal));

        using var read = HubFolder.Format.Read(folder, backbone);

        Assert.Equal("padded", (string?)read.Config["gate"]);
        Assert.Equal(0.5, (double?)read.Config["dropout"]);
        Assert.Contains(read.Notes, n => n.Contains("graft_kept.json is not used", StringComparison.Ordinal));
    }

    [Fact]
    public void Fields_that_Graft_does_not_know_are_listed_and_written_back()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var model = TinyModels.Create(backbone, "lora", TaskKind.Classification, head: s_first);
        var folder = Journey(model, backbone, "there");
        File.Delete(Path.Combine(folder, KeptAdapter.FileName));
        var path = Path.Combine(folder, "adapter_config.json");
        var json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        json["config"]!["newer_field"] = new JsonObject { ["b"] = 2 };
        json["config_id"] = "9076f36a74755ac4";
        File.WriteAllText(path, json.ToJsonString());

        using var read = HubFolder.Format.Read(folder, backbone);
        HubFolder.Format.Save(_folder.At("again"), read, backbone);

        Assert.Equal(["config.newer_field", "config_id"], read.UnknownFields.Select(f => f.Key).Order(StringComparer.Ordinal));
        var again = JsonNode.Parse(File.ReadAllText(_folder.At("again", "adapter_config.json")))!;
        Assert.Equal(2, (int)again["config"]!["newer_field"]!["b"]!);
        Assert.Equal("9076f36a74755ac4", (string?)again["config_id"]);
    }

    [Theory]
    [InlineData("lora", """{"use_rslora": true}""", "use_rslora")]
    [InlineData("lora", """{"rank_pattern": {"query": 2}}""", "rank_pattern")]
    [InlineData("lora", """{"lora_bias": true}""", "lora_bias")]
    [InlineData("lora", """{"bias": "all"}""", "bias")]
    [InlineData("lora", """{"targets": "attention_out"}""", "attention_out")]
    [InlineData("lora", """{"modules": "query"}""", "modules")]
    [InlineData("houlsby", """{"train_norms": true}""", "train_norms")]
    [InlineData("ia3", "{}", "input_targets")]
    [InlineData("dora", "{}", "scales the bias")]
    [InlineData("vera", "{}", "full matrices")]
    [InlineData("prefix-tuning", """{"length": 3, "shift_positions": true}""", "shift_positions")]
    [InlineData("prompt-tuning", """{"length": 3, "as_words": true}""", "as_words")]
    [InlineData("union", """{"parts": [{"method": "lora", "set": {"targets": "query"}}, {"method": "ia3", "set": {"targets": "value", "input_targets": "none"}}]}""", "'lora'")]
    [InlineData("bitfit", "{}", "bitfit")]
    [InlineData("full", "{}", "full")]
    [InlineData("head", "{}", "head")]
    public void What_has_no_counterpart_is_named_and_nothing_is_written(string method, string settings, string named)
    {
        using var backbone = TinyBackbones.Create("bert");
        using var model = TinyModels.Create(backbone, method, TaskKind.Classification, settings: HubFolder.Json(settings));
        TaskModelPackage.Save(model, _folder.At("package"));

        var error = Assert.Throws<GraftException>(() => Convert(_folder.At("package"), "graft", "there", "adapterhub", backbone));

        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.Contains("AdapterHub", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        Assert.False(Path.Exists(_folder.At("there")));
    }

    [Fact]
    public void A_name_with_a_full_stop_is_written_with_an_underscore_and_read_back()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var model = TinyModels.Create(backbone, "lora", TaskKind.Classification, name: "v1.0", head: s_first);

        var folder = Journey(model, backbone, "there");

        Assert.Contains(HubFolder.Keys(Path.Combine(folder, "adapter.safetensors")), k => k.Contains(".loras.v1_0.", StringComparison.Ordinal));
    }

    public void Dispose() => _folder.Dispose();

    private string Journey(TaskModel model, Backbone backbone, string name)
    {
        var (first, there) = (_folder.At(name, "first"), _folder.At(name, "there"));
        TaskModelPackage.Save(model, first, "minilm", new JsonObject { ["seed"] = 3 });
        Convert(first, "graft", there, "adapterhub", backbone);
        var second = Convert(there, "adapterhub", _folder.At(name, "second"), "graft", backbone);
        foreach (var file in new[] { "adapter.safetensors", "head.safetensors", AdapterPackage.ManifestName })
        {
            Assert.Equal(File.ReadAllBytes(Path.Combine(first, file)), File.ReadAllBytes(Path.Combine(second, file)));
        }

        return there;
    }

    private string Convert(string source, string from, string destination, string to, Backbone backbone)
    {
        var live = LeakCheck.Settled();
        var target = Path.IsPathRooted(destination) ? destination : _folder.At(destination);
        using (var adapter = AdapterFormats.Get(from).Read(source, backbone))
        {
            AdapterFormats.Get(to).Save(target, adapter, backbone);
        }

        Assert.Equal(live, LiveTensors.Count);
        return target;
    }
}
