using Graft.Formats.Foreign;
using Graft.Formats.Foreign.Detection;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Formats.AdapterHub;

/// <summary>Folders of a fusion as AdapterHub's library writes them, made by hand.</summary>
public sealed class FusionReadingTests : IDisposable
{
    private const int W = HubFolder.W;
    private const string SeqBn = """{"mh_adapter": false, "output_adapter": true, "non_linearity": "relu", "reduction_factor": 4, "original_ln_before": true}""";
    private const string Weights = "model_adapter_fusion.safetensors";
    private const string Setup = """{"adapter_setup": {"type": "Fuse", "children": [{"type": "single", "children": ["one"]}, {"type": "single", "children": ["two"]}]}, "head_setup": null, "version": "adapters.1.2.0"}""";

    private readonly HubFolder _folder = new();

    [Fact]
    public void A_real_configuration_with_the_adapters_inside_is_read()
    {
        var json = HubFolder.Json(File.ReadAllText(SharedData.Fixture("adapterhub/adapter_transformers_3.1.0a0_adapter_fusion_config.json")));
        (json["hidden_size"], json["model_type"]) = (W, "bert");
        Adapter("adapter1").Adapter("adapter2");
        _folder.Write("adapter_fusion_config.json", json.ToJsonString()).Weights(Weights, Keys("adapter1,adapter2"));
        using var backbone = TinyBackbones.Create("bert");

        using var read = _folder.Read(backbone);

        Assert.Equal(("fusion", "adapter1,adapter2", "hf:google/bigbird-roberta-base"), (read.Method, read.Name, read.BaseModel));
        Assert.Equal("""
            {"adapters":[],"query":true,"key":true,"value":true,"value_identity":true,"query_before_norm":false,"residual_before":false,"dropout":0,"regularization":0.01}
            """.Trim(), Without(read));
        Same("bert.encoder.layer.1.output.adapter_fusion_layer.adapter1,adapter2.key.bias", Weights, read, "encoder.layer.1.output.fusion.key.bias");
        Same("bert.encoder.layer.0.output.adapter_fusion_layer.adapter1,adapter2.value.weight", Weights, read, "encoder.layer.0.output.fusion.value.weight");
        Same("bert.encoder.layer.0.output.adapters.adapter2.adapter_up.weight", "adapter2/adapter.safetensors", read, "shared.adapters.adapter2.encoder.layer.0.output.up.weight");
        Assert.Equal(10 + 16, read.Keys.Loaded.Count);
        Assert.Null(read.Head);
    }

    [Theory]
    [InlineData("setup")]
    [InlineData("beside")]
    public void The_adapters_may_lie_beside_the_fusion(string how)
    {
        Complete();
        _folder.Write("one,two/head_config.json", """{"config": {"head_type": "classification", "num_labels": 3, "activation_function": "tanh"}, "name": "one,two", "version": "adapters.1.2.0"}""")
            .Weights("one,two/model_head.safetensors", ReadingTests.Head("one,two", 3));
        using var backbone = TinyBackbones.Create("bert");
        var found = how == "setup" ? AdapterFolders.Find(_folder.Path) : AdapterFolders.Find(_folder.Path, "one,two");

        using var read = found.Format.Read(found.Folder, backbone);

        Assert.Equal("hf:some/model", found.Format.BaseModel(found.Folder));
        Assert.Equal(("fusion", 3L), (read.Method, read.Head!.Weights["weight"].Size(0)));
    }

    [Theory]
    [InlineData("\"one\"", "one")]
    [InlineData("true", "")]
    public void The_head_of_a_setup_may_lie_elsewhere(string setup, string place)
    {
        Complete().Write("adapter_setup.json", Setup.Replace("\"head_setup\": null", "\"head_setup\": " + setup, StringComparison.Ordinal))
            .Write(Path.Combine(place, "head_config.json"), """{"config": {"head_type": "classification", "num_labels": 3, "activation_function": "tanh"}, "name": "one", "version": "adapters.1.2.0"}""")
            .Weights(Path.Combine(place, "model_head.safetensors"), ReadingTests.Head("one", 3));
        using var backbone = TinyBackbones.Create("bert");

        using var read = _folder.Read(backbone);

        Assert.Equal(3, read.Head!.Task.Labels.Count);
    }

    [Fact]
    public void Another_composition_is_no_fusion_and_its_adapters_are_found_by_name()
    {
        Complete().Write("adapter_setup.json", Setup.Replace("Fuse", "Stack", StringComparison.Ordinal));

        Assert.Equal("one", AdapterFolders.Find(_folder.Path, "one").Name);
        Assert.Contains("name one of its sub-folders", Assert.Throws<GraftException>(() => AdapterFolders.Find(_folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_and_misshapen_keys_are_listed()
    {
        var keys = Keys("one,two").ToList();
        (keys[0], keys[1]) = ((keys[0].Key, [W, 3]), (keys[1].Key.Replace("one,two", "two,one", StringComparison.Ordinal), keys[1].Shape));
        Complete().Weights("one,two/" + Weights, keys);

        Refused("1 missing: ", "1 unexpected: ", "adapter_fusion_layer.one,two.query.weight is [16, 3], expected [16, 16]");
    }

    [Fact]
    public void A_missing_adapter_and_missing_weights_are_one_sentence()
    {
        Complete();
        Directory.Move(Path.Combine(_folder.Path, "two"), Path.Combine(_folder.Path, "three"));
        Refused("fuses the adapter 'two'", "save_adapter");

        Directory.Move(Path.Combine(_folder.Path, "three"), Path.Combine(_folder.Path, "two"));
        File.Move(Path.Combine(_folder.Path, "one,two", Weights), Path.Combine(_folder.Path, "one,two", "pytorch_model_adapter_fusion.bin"));
        Assert.Contains("pickle pytorch_model_adapter_fusion.bin", Error(), StringComparison.Ordinal);

        Directory.Delete(Path.Combine(_folder.Path, "one,two"), recursive: true);
        Refused("has no 'one,two' with adapter_fusion_config.json");
    }

    [Fact]
    public void An_adapter_of_another_name_is_refused()
    {
        Complete();
        Adapter("three");
        Directory.Delete(Path.Combine(_folder.Path, "two"), recursive: true);
        Directory.Move(Path.Combine(_folder.Path, "three"), Path.Combine(_folder.Path, "two"));

        Refused("holds the adapter 'three', expected 'two'");
    }

    [Theory]
    [InlineData("adapter_setup.json", "[\"two\"]", "[\"../two\"]", "no name of an adapter")]
    [InlineData("adapter_setup.json", "[\"two\"]", "[\"/etc\"]", "no name of an adapter")]
    [InlineData("adapter_setup.json", "\"type\": \"single\", \"children\": [\"two\"]", "\"type\": \"Stack\", \"children\": []", "single adapters")]
    [InlineData("adapter_setup.json", "null", "\"../head\"", "no name of an adapter")]
    [InlineData("adapter_setup.json", "null", "[\"one\", \"two\"]", "several heads")]
    [InlineData("adapter_setup.json", "{", "{{", "adapter_setup.json")]
    [InlineData("one,two/adapter_fusion_config.json", "[\"one\", \"two\"]", "[\"two\", \"one\"]", "not the adapters of adapter_setup.json")]
    [InlineData("one,two/adapter_fusion_config.json", "[\"one\", \"two\"]", "[\"one\", \"one\"]", "a name twice")]
    [InlineData("one,two/adapter_fusion_config.json", "[\"one\", \"two\"]", "[]", "is empty")]
    [InlineData("one,two/adapter_fusion_config.json", "\"name\": \"one,two\"", "\"name\": \"../x\"", "no name of an adapter")]
    [InlineData("one,two/adapter_fusion_config.json", "\"model_type\": \"bert\"", "\"model_type\": \"roberta\"", "roberta model")]
    [InlineData("one,two/adapter_fusion_config.json", "\"temperature\": false", "\"temperature\": true", "no temperature")]
    [InlineData("one,two/adapter_fusion_config.json", "\"key\": true, \"query\": true, \"value\": true", "\"key\": false, \"query\": false, \"value\": false", "no weights")]
    [InlineData("one,two/adapter_fusion_config.json", "\"key\": true", "\"key\": 3", "key")]
    [InlineData("two/adapter_config.json", "\"output_adapter\": true", "\"output_adapter\": true, \"use_gating\": true", "two")]
    [InlineData("two/adapter_config.json", "\"original_ln_before\": true", "\"original_ln_before\": false", "different places")]
    public void A_damaged_or_hostile_setting_is_one_sentence(string file, string old, string by, string expected)
    {
        Complete();
        var path = Path.Combine(_folder.Path, file);
        var text = File.ReadAllText(path);
        Assert.Contains(old, text, StringComparison.Ordinal);
        var at = text.IndexOf(old, StringComparison.Ordinal);
        File.WriteAllText(path, text[..at] + by + text[(at + old.Length)..]);

        Refused(expected);
    }

    [Theory]
    [InlineData("..")]
    [InlineData("../two")]
    [InlineData("/etc")]
    public void A_fusion_reads_no_adapter_from_a_path(string name)
    {
        Adapter("one").Adapter("two");
        _folder.Write("adapter_fusion_config.json", Config("one,two").Replace("\"two\"]", $"\"{name}\"]", StringComparison.Ordinal)).Weights(Weights, Keys("one,two"));

        Refused("no name of an adapter");
    }

    [Fact]
    public void What_is_kept_is_bound_to_files_of_the_folder_alone()
    {
        Complete().Write(KeptAdapter.FileName, """{"format": "graft-kept", "format_version": 1, "method": "fusion", "name": "x", "files": {"one/../../../secret": "00"}}""");
        using var backbone = TinyBackbones.Create("bert");

        using var read = _folder.Read(backbone);

        Assert.Equal("one,two", read.Name);
        Assert.Contains(read.Notes, n => n.StartsWith("graft_kept.json is not used", StringComparison.Ordinal));
    }

    public void Dispose() => _folder.Dispose();

    internal static IEnumerable<(string Key, long[] Shape)> Keys(string name) => ReadingTests.Blocks(i => $"bert.encoder.layer.{i}.output.adapter_fusion_layer.{name}.")
        .SelectMany(p => new[] { (p + "query.weight", new long[] { W, W }), (p + "query.bias", [W]), (p + "key.weight", [W, W]), (p + "key.bias", [W]), (p + "value.weight", [W, W]) });

    private static string Config(string name) => $$"""
        { "adapter_names": ["{{name.Replace(",", "\", \"", StringComparison.Ordinal)}}"], "hidden_size": 16, "model_class": "BertAdapterModel", "model_name": "some/model",
          "config": { "key": true, "query": true, "value": true, "query_before_ln": false, "regularization": true, "residual_before": false, "temperature": false,
            "value_before_softmax": true, "value_initialized": true, "dropout_prob": null },
          "model_type": "bert", "name": "{{name}}", "version": "adapters.1.2.0" }
        """;

    private static string Without(ForeignAdapter read)
    {
        var config = read.Config.DeepClone().AsObject();
        Assert.Equal(["adapter1", "adapter2"], config["adapters"]!.AsArray().Select(a => (string?)a!["name"]));
        config["adapters"] = new System.Text.Json.Nodes.JsonArray();
        return config.ToJsonString();
    }

    // As save_adapter_setup leaves it.
    private HubFolder Complete()
    {
        Adapter("one").Adapter("two");
        return _folder.Write("adapter_setup.json", Setup).Write("one,two/adapter_fusion_config.json", Config("one,two")).Weights("one,two/" + Weights, Keys("one,two"));
    }

    private FusionReadingTests Adapter(string name)
    {
        _folder.Write(name + "/adapter_config.json", $$"""
            { "config": {{SeqBn}}, "hidden_size": 16, "model_class": "BertAdapterModel", "model_name": "some/model", "model_type": "bert", "name": "{{name}}", "version": "adapters.1.2.0" }
            """).Weights(name + "/adapter.safetensors", ReadingTests.Bottleneck(name, 4));
        return this;
    }

    private string Error()
    {
        using var backbone = TinyBackbones.Create("bert");
        var live = LeakCheck.Settled();
        var error = Assert.Throws<GraftException>(() => _folder.Read(backbone).Dispose());
        Assert.Equal(live, LiveTensors.Count);
        return error.Message;
    }

    private void Refused(params string[] expected)
    {
        var message = Error();
        Assert.All(expected, e => Assert.Contains(e, message, StringComparison.Ordinal));
        Assert.DoesNotContain('\n', message);
    }

    private void Same(string key, string file, ForeignAdapter read, string path) => Assert.Equal(_folder.Values(key, file), read.Weights[path].ToArray<float>());
}
