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

/// <summary>From a package over AdapterHub's folders of a fusion and back.</summary>
public sealed class FusionFolderTests : IDisposable
{
    private const string Two = """[{"name": "one", "method": "pfeiffer", "set": {"reduction_factor": 4}}, {"name": "two", "method": "pfeiffer", "set": {"reduction_factor": 2}}]""";

    private static readonly PooledHeadConfig s_first = new(TaskKind.Classification, 3, Pooling.First, 0.2, Layers: 2);

    private readonly TestFolder _folder = new();

    public static TheoryData<string, string, string> Settings => new()
    {
        { "bert", "{}", Two },
        { "roberta", """{"value": false, "regularization": 0, "dropout": 0.25}""", Two },
        { "bert", """{"query": false, "query_before_norm": true, "residual_before": true, "value_identity": false, "regularization": 0.5}""", Two },
        {
            "bert", """{"key": false}""", """
            [{"name": "v1.0", "method": "houlsby", "set": {"train_norms": false, "activation": "gelu"}},
             {"name": "v1", "method": "compacter", "set": {"train_norms": false, "reduction_factor": 4, "phm_dim": 2}},
             {"name": "v1.0.b", "method": "houlsby", "set": {"train_norms": false, "dropout": 0.1}}]
            """
        },
        { "bert", "{}", """[{"name": "alone", "method": "pfeiffer", "set": {"norm_before": true, "leave_out": [1], "scaling": "learned"}}]""" },
    };

    [Theory, MemberData(nameof(Settings))]
    public void A_package_is_the_same_bit_for_bit_after_a_journey(string type, string settings, string adapters)
    {
        using var backbone = TinyBackbones.Create(type);
        using var model = Model(backbone, settings, adapters);

        Journey(model, backbone);
    }

    [Theory, MemberData(nameof(Settings))]
    public void Without_what_Graft_keeps_the_folders_say_the_same_model(string type, string settings, string adapters)
    {
        using var backbone = TinyBackbones.Create(type);
        using var model = Model(backbone, settings, adapters);
        var folder = Journey(model, backbone);
        foreach (var kept in Directory.GetFiles(folder, KeptAdapter.FileName, SearchOption.AllDirectories))
        {
            File.Delete(kept);
        }

        using var read = HubFolder.Format.Read(folder, backbone);
        using var adapter = PackageFormat.Attach(read, backbone);

        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(3, 6, 4);
        TensorAssert.BitwiseEqual(Hidden(model.Adapter), Hidden(adapter));
        Assert.Equal(model.Task.Labels, read.Head!.Task.Labels);
        Assert.All(model.Head.NamedParameters(), p => TensorAssert.BitwiseEqual(p.Parameter.Value, read.Head.Weights[p.Path]));

        Tensor Hidden(Adapter module) => new AdaptedModel(backbone).Forward(batch, module).Output.LastHiddenState;
    }

    [Fact]
    public void The_folder_is_what_save_adapter_setup_leaves()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var model = Model(backbone, "{}", Two);

        var folder = Journey(model, backbone);

        Assert.Equal(
            [
                "adapter_setup.json", "graft_kept.json", "one,two/adapter_fusion_config.json", "one,two/head_config.json", "one,two/model_adapter_fusion.safetensors",
                "one,two/model_head.safetensors", "one/adapter.safetensors", "one/adapter_config.json", "one/graft_kept.json", "two/adapter.safetensors",
                "two/adapter_config.json", "two/graft_kept.json",
            ],
            Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(folder, f)).Order(StringComparer.Ordinal));
        var setup = JsonNode.Parse("""
            {"adapter_setup": {"type": "Fuse", "children": [{"type": "single", "children": ["one"]}, {"type": "single", "children": ["two"]}]},
             "head_setup": "one,two", "version": "adapters.1.2.0"}
            """);
        Assert.True(JsonNode.DeepEquals(setup, Json(folder, "adapter_setup.json")));
        var config = Json(folder, "one,two/adapter_fusion_config.json");
        Assert.Equal("""["one","two"]""", config["adapter_names"]!.ToJsonString());
        Assert.Equal("one,two", (string?)config["name"]);
        var dynamic = JsonNode.Parse(File.ReadAllText(SharedData.Fixture("adapterhub/adapter_transformers_3.1.0a0_adapter_fusion_config.json")))!["config"]!.AsObject();
        dynamic["dropout_prob"] = null;
        Assert.True(JsonNode.DeepEquals(dynamic, config["config"]));
        Assert.Equal(
            FusionReadingTests.Keys("one,two").Select(k => $"{k.Key} [{string.Join(", ", k.Shape)}]").Order(StringComparer.Ordinal),
            HubFolder.Keys(Path.Combine(folder, "one,two", "model_adapter_fusion.safetensors")));
    }

    [Fact]
    public void What_the_library_has_written_anew_is_read_as_the_library_s()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var model = Model(backbone, """{"regularization": 0.5}""", Two);
        var folder = Journey(model, backbone);
        Change(folder, "two/adapter_config.json", "\"dropout\": 0.0", "\"dropout\": 0.5");

        using var read = HubFolder.Format.Read(folder, backbone);

        Assert.Equal(0.01, (double?)read.Config["regularization"]);
        Assert.Equal(0.5, (double?)read.Config["adapters"]![1]!["set"]!["dropout"]);
        Assert.Contains(read.Notes, n => n.StartsWith("two: graft_kept.json is not used", StringComparison.Ordinal));
        Assert.Contains(read.Notes, n => n.StartsWith("graft_kept.json is not used, as it was written with another two/adapter_config.json", StringComparison.Ordinal));
    }

    [Fact]
    public void Fields_that_Graft_does_not_know_are_listed_and_written_back()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var model = Model(backbone, "{}", Two);
        var folder = Journey(model, backbone);
        Change(folder, "one,two/adapter_fusion_config.json", "\"config\": {", "\"config_id\": \"9076\", \"config\": { \"newer\": 1,");
        Change(folder, "two/adapter_config.json", "\"config\": {", "\"config\": { \"newest\": [2],");

        using (var read = HubFolder.Format.Read(folder, backbone))
        {
            Assert.Equal(["adapters.two.config.newest", "config.newer", "config_id"], read.UnknownFields.Select(f => f.Key).Order(StringComparer.Ordinal));
            HubFolder.Format.Save(_folder.At("again"), read, backbone);
        }

        var fusion = Json(_folder.At("again"), "one,two/adapter_fusion_config.json");
        Assert.Equal((1, "9076"), ((int)fusion["config"]!["newer"]!, (string?)fusion["config_id"]));
        Assert.Equal(2, (int)Json(_folder.At("again"), "two/adapter_config.json")["config"]!["newest"]![0]!);
        Assert.Null(Json(_folder.At("again"), "one/adapter_config.json")["config_id"]);
    }

    [Fact]
    public void A_fusion_is_replaced_as_a_whole_and_nothing_else_is()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var model = Model(backbone, "{}", Two);
        var folder = Journey(model, backbone);
        using var read = HubFolder.Format.Read(folder, backbone);

        HubFolder.Format.Save(folder, read, backbone, overwrite: true);
        File.WriteAllText(Path.Combine(folder, "two", "notes.txt"), "mine");

        Refused("(two)", () => HubFolder.Format.Save(folder, read, backbone, overwrite: true));
        Assert.True(File.Exists(Path.Combine(folder, "two", "notes.txt")));
    }

    [Theory]
    [InlineData("""{"query": false, "key": false, "value": false}""", Two, "without query, key and value")]
    [InlineData("{}", """[{"name": "a.b", "method": "pfeiffer", "set": {}}, {"name": "a_b", "method": "pfeiffer", "set": {}}]""", "'a_b,a_b'")]
    [InlineData("{}", """[{"name": "a/b", "method": "pfeiffer", "set": {}}]""", "no name of an adapter")]
    public void What_has_no_counterpart_is_named_and_nothing_is_written(string settings, string adapters, string named)
    {
        using var backbone = TinyBackbones.Create("bert");
        using var model = Model(backbone, settings, adapters);
        TaskModelPackage.Save(model, _folder.At("first"));
        using var adapter = AdapterFormats.Get("graft").Read(_folder.At("first"), backbone);

        Refused(named, () => HubFolder.Format.Save(_folder.At("there"), adapter, backbone));
        Assert.False(Path.Exists(_folder.At("there")));
    }

    [Fact]
    public void Each_file_missing_empty_or_cut_is_one_sentence()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var model = Model(backbone, "{}", Two);
        var source = Journey(model, backbone);
        foreach (var file in Directory.GetFiles(source, "*", SearchOption.AllDirectories))
        {
            var bytes = File.ReadAllBytes(file);
            foreach (var damaged in new[] { null, Array.Empty<byte>(), bytes[..(bytes.Length / 2)] })
            {
                File.Delete(file);
                if (damaged is not null)
                {
                    File.WriteAllBytes(file, damaged);
                }

                var live = LeakCheck.Settled();
                try
                {
                    HubFolder.Format.Read(source, backbone).Dispose();
                    Assert.True(damaged is null, $"{file} was read.");
                }
                catch (GraftException e)
                {
                    Assert.DoesNotContain('\n', e.Message);
                }

                Assert.Equal(live, LiveTensors.Count);
            }

            File.WriteAllBytes(file, bytes);
        }
    }

    public void Dispose() => _folder.Dispose();

    private static TaskModel Model(Backbone backbone, string settings, string adapters)
    {
        var set = HubFolder.Json(settings);
        set["adapters"] = JsonNode.Parse(adapters);
        return TinyModels.Create(backbone, "fusion", TaskKind.Classification, name: "mood", pair: true, maxTokens: 17, head: s_first, settings: set);
    }

    private static JsonObject Json(string folder, string file) => HubFolder.Json(File.ReadAllText(Path.Combine(folder, file)));

    private static void Change(string folder, string file, string old, string by)
    {
        var path = Path.Combine(folder, file);
        var text = File.ReadAllText(path);
        Assert.Contains(old, text, StringComparison.Ordinal);
        File.WriteAllText(path, text.Replace(old, by, StringComparison.Ordinal));
    }

    private static void Refused(string expected, Action act)
    {
        var error = Assert.Throws<GraftException>(act);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    private string Journey(TaskModel model, Backbone backbone)
    {
        var (first, there, second) = (_folder.At("first"), _folder.At("there"), _folder.At("second"));
        var live = LeakCheck.Settled();
        TaskModelPackage.Save(model, first, "minilm", new JsonObject { ["seed"] = 3 });
        foreach (var (from, source, to, destination) in new[] { ("graft", first, "adapterhub", there), ("adapterhub", there, "graft", second) })
        {
            using var adapter = AdapterFormats.Get(from).Read(source, backbone);
            AdapterFormats.Get(to).Save(destination, adapter, backbone);
        }

        Assert.Equal(live, LiveTensors.Count);
        foreach (var file in new[] { "adapter.safetensors", "head.safetensors", AdapterPackage.ManifestName })
        {
            Assert.Equal(File.ReadAllBytes(Path.Combine(first, file)), File.ReadAllBytes(Path.Combine(second, file)));
        }

        return there;
    }
}
