using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Packages;
using Graft.Methods.Core;
using Graft.Methods.Core.Masks;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods.Masks;

/// <summary>What PROPETL trains and what it keeps: by formula, by counting, and in files.</summary>
public sealed class MaskStorageTests
{
    private const int Overhead = 4096;
    private const int RobertaBaseWithPooler = 124_645_632;

    private static PeftConfig Config(string method, string settings) =>
        PeftMethods.Get(method).ReadConfig(JsonNode.Parse(settings)!.AsObject(), "test");

    private static Adapter Attach(Backbone backbone, string method, PeftConfig config, IReadOnlyList<string>? tasks = null)
    {
        using var rng = new Rng(1, Device.Cpu);
        return PeftMethods.Get(method).Attach(backbone, "alone", config, rng, tasks);
    }

    public static TheoryData<string, string, int> Published => new()
    {
        { "propetl-adapter", "{}", 0 },
        { "propetl-lora", "{}", 1 },
        { "propetl-prefix", """{ "flat": true }""", 2 },
    };

    [Theory, MemberData(nameof(Published))]
    public void On_RoBERTa_base_a_file_has_the_published_size(string method, string settings, int row)
    {
        using var folder = new TestFolder();
        using var backbone = HollowBackbones.RobertaBase();
        var config = Config(method, settings);
        var table = JsonNode.Parse(File.ReadAllText(SharedData.Fixture("propetl/10_storage.json")))![row]!;
        var bits = PeftMethods.Get(method).CountStoredBits(config, backbone.Sites);

        Assert.Equal((long)table["total_bits"]!, bits);
        Assert.Equal((double)table["pct_of_backbone"]!, bits / 32.0 / RobertaBaseWithPooler * 100, 1e-9);
        Assert.Equal((long)table["trainable_floats_during_training"]!, PeftMethods.Get(method).CountParameters(config, backbone.Sites));

        using var adapter = Attach(backbone, method, config);
        using var stored = CompactForm.Of(adapter, backbone);
        PackageWeights.Write(folder.At("adapter"), stored);

        Assert.InRange(new FileInfo(folder.At("adapter")).Length, bits / 8, (bits / 8) + Overhead - 1);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{ "masked_by": "task" }""")]
    [InlineData("""{ "masked_by": "layer_and_task", "combine": "and", "aliased_scores": true }""")]
    [InlineData("""{ "kept": 1 }""")]
    public void What_one_place_uses_is_what_it_uses_among_all(string settings)
    {
        using var backbone = TinyBackbones.Create("bert");
        using var trained = Attach(backbone, "propetl-lora", Config("propetl-lora", settings), ["only"]);
        using var stored = CompactForm.Of(trained, backbone);
        using var scope = new TensorScope();
        foreach (var prototype in new[] { trained, stored }.SelectMany(a => a.Prototypes<Graft.Methods.Core.Masks.MaskedPrototype>()))
        {
            var all = prototype.ForTask("only");
            for (var place = 0; place < prototype.Masks.Places.Count; place++)
            {
                Assert.All(all.Zip(prototype.ForPlace(place)), m => TensorAssert.BitwiseEqual(m.First[place], m.Second));
            }
        }
    }

    // 2.41 million trained values of the published prefix: the scores and the reparametrisation, of which 98,304 and the bits are kept.
    [Fact]
    public void The_reparametrisation_of_a_prefix_is_trained_and_not_kept()
    {
        using var backbone = HollowBackbones.RobertaBase();
        var method = PeftMethods.Get("propetl-prefix");

        Assert.Equal(1_179_648 + (64 * 768) + (512 * 769) + (1536 * 513), method.CountParameters(method.Defaults, backbone.Sites));
        Assert.Equal(135_168 * 32, method.CountStoredBits(method.Defaults, backbone.Sites));
    }

    [Theory]
    [InlineData("""{ "kept": 1 }""", 0, 3)]
    [InlineData("""{ "masked_by": "layer" }""", 2, 3)]
    [InlineData("""{ "masked_by": "task" }""", 3, 3)]
    [InlineData("""{ "masked_by": "task" }""", 1, 1)]
    [InlineData("""{ "masked_by": "layer_and_task" }""", 3, 1)]
    [InlineData("""{}""", 2, 1)]
    [InlineData("""{}""", 5, 3)]
    public void Who_has_masks_is_a_setting(string settings, int masks, int tasks)
    {
        using var backbone = TinyBackbones.Create("bert");
        foreach (var method in new[] { "propetl-adapter", "propetl-lora", "propetl-prefix" })
        {
            var config = Config(method, settings);
            using var adapter = Attach(backbone, method, config, [.. Enumerable.Range(0, tasks).Select(t => $"t{t}")]);
            var scores = adapter.Groups.Sum(g => g.Parameters.Sum(p => p.Value.Count));

            Assert.Equal(PeftMethods.Get(method).CountParameters(config, backbone.Sites, tasks), adapter.ParameterCount);
            Assert.Equal(0, masks == 0 ? scores : scores % masks);
            Assert.Equal(masks > 0, scores > 0);
        }
    }

    [Theory]
    [InlineData("propetl-adapter", """{ "reduction_factor": 4, "aliased_scores": true }""")]
    [InlineData("propetl-adapter", """{ "reduction_factor": 5, "masked_by": "task", "combine": "add" }""")]
    [InlineData("propetl-lora", """{ "rank": 3, "combine": "add", "stale_momentum": true }""")]
    [InlineData("propetl-prefix", """{ "length": 3, "bottleneck": 5, "combine": "and" }""")]
    public void A_file_gives_the_outputs_of_the_training_form_bit_by_bit(string method, string settings)
    {
        string[] tasks = ["red", "green", "blue"];
        using var folder = new TestFolder();
        using var backbone = TinyBackbones.Create("roberta");
        using var trained = Attach(backbone, method, Config(method, settings), tasks);
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        using var rng = new Rng(5);
        foreach (var (_, parameter) in trained.NamedParameters())
        {
            parameter.Value.Add_(rng.Normal(parameter.Value.Shape, 0, 0.1));
        }

        using var stored = CompactForm.Of(trained, backbone);
        var written = PackageWeights.Write(folder.At("adapter"), stored);
        using var read = Attach(backbone, method, stored.Config, tasks);
        PackageWeights.Read(folder.At("adapter"), read, written);

        var batch = TinyBackbones.Batch(2, 7, 4, 6);
        foreach (var task in tasks)
        {
            TensorAssert.BitwiseEqual(Run(trained, task), Run(read, task));
        }

        // And back: scores that give the same masks, all of which training can still move.
        using var again = TrainingForm.Of(read, backbone);
        using var storedAgain = CompactForm.Of(again, backbone);
        Assert.Same(again, TrainingForm.Of(again, backbone));
        Assert.All(again.Groups.SelectMany(g => g.Parameters), p => Assert.True(p.Value.Detach().Min().ToDouble() > 0));
        Assert.All(tasks, task => TensorAssert.BitwiseEqual(Run(read, task), Run(again, task)));
        PackageWeights.Write(folder.At("again"), storedAgain);
        Assert.Equal(File.ReadAllBytes(folder.At("adapter")), File.ReadAllBytes(folder.At("again")));

        TensorAssert.Differs(Run(read, tasks[0]), Run(read, tasks[1]));

        Tensor Run(Adapter adapter, string task) => new AdaptedModel(backbone).Forward(
            batch, [.. Enumerable.Repeat(new RowAdapter(adapter, task), 3)]).Output.LastHiddenState;
    }

    // A draw of the authors' initial values beside what the fan-in of each published layout gives.
    [Theory]
    [InlineData("propetl-adapter", "{}", "adapter.scores.down", "adapter.down_mask (d,r)", 0.125)]
    [InlineData("propetl-adapter", "{}", "adapter.scores.up", "adapter.up_mask (r,d)", 0.036084391824351615)]
    [InlineData("propetl-adapter", """{ "score_layout": "weight" }""", "adapter.scores.down", "t5.down (r,d)", 0.036084391824351615)]
    [InlineData("propetl-adapter", """{ "score_layout": "weight" }""", "adapter.scores.up", "t5.up (d,r)", 0.125)]
    [InlineData("propetl-lora", "{}", "query.scores.A", "lora.A_mask (r,d)", 0.036084391824351615)]
    [InlineData("propetl-lora", "{}", "value.scores.B", "lora.B_mask (d,r)", 0.17677669529663687)]
    [InlineData("propetl-prefix", "{}", "prefix.scores.vectors", "prefix.adapters_mask (L,l,2d)", 0.0031894397692489303)]
    public void Scores_begin_in_the_published_range(string method, string settings, string key, string published, double bound)
    {
        var drawn = JsonNode.Parse(File.ReadAllText(SharedData.Fixture("propetl/02_score_init.json")))![published]!;
        Assert.InRange(drawn["max"]!.GetValue<double>(), 0.999 * bound, bound);
        Assert.InRange(drawn["min"]!.GetValue<double>(), -bound, -0.999 * bound);
        using var backbone = HollowBackbones.RobertaBase();
        using var adapter = Attach(backbone, method, Config(method, settings));
        using var scope = new TensorScope();

        var scores = adapter.NamedParameters().Single(p => p.Path == "shared." + key).Parameter.Value.Detach();

        Assert.InRange(scores.Max().ToDouble(), 0.999 * bound, bound * 1.000001);
        Assert.InRange(scores.Min().ToDouble(), -bound * 1.000001, -0.999 * bound);
        Assert.Equal(bound / Math.Sqrt(3), Math.Sqrt(scores.Square().Mean().ToDouble()), 0.01 * bound);
    }

    [Fact]
    public void Weights_begin_with_the_published_deviation_and_biases_at_zero()
    {
        using var backbone = HollowBackbones.RobertaBase();
        using var adapter = Attach(backbone, "propetl-adapter", Config("propetl-adapter", """{ "deviation": 0.01 }"""));
        using var scope = new TensorScope();
        var values = adapter.NamedParameters().ToDictionary(p => p.Path, p => p.Parameter.Value.Detach());

        Assert.Equal([64, 768], values["shared.adapter.down.weight"].Shape.ToArray());
        Assert.Equal(0.01, Math.Sqrt(values["shared.adapter.up.weight"].Square().Mean().ToDouble()), 1e-4);
        Assert.Equal(0, values["shared.adapter.up.bias"].Abs().Max().ToDouble());
    }

    [Theory]
    [InlineData("propetl-adapter", 3e-3)]
    [InlineData("propetl-lora", 3e-2)]
    [InlineData("propetl-prefix", 1e-4)]
    public void Scores_follow_the_runs_rate_and_train_at_the_published_one_by_default(string method, double rate)
    {
        using var backbone = TinyBackbones.Create("bert");
        using var adapter = Attach(backbone, method, PeftMethods.Get(method).Defaults);

        var group = Assert.Single(adapter.Groups);

        Assert.Equal((null, null), (group.LearningRate, group.WeightDecay));
        Assert.Equal(rate, adapter.Method.DefaultLearningRate * group.Factor, 1e-12);
        Assert.Equal(adapter.NamedParameters().Where(p => p.Path.Contains(".scores.", StringComparison.Ordinal)).Select(p => p.Parameter), group.Parameters);
    }

    [Fact]
    public void A_union_has_masks_of_layers_and_none_of_tasks()
    {
        const string Union = """{ "parts": [{ "method": "propetl-lora", "set": { "masked_by": "WHO" } }, { "method": "propetl-prefix", "set": { "length": 2 } }] }""";
        using var backbone = TinyBackbones.Create("bert");
        using var adapter = Attach(backbone, "union", Config("union", Union.Replace("WHO", "layer", StringComparison.Ordinal)));
        using var scope = new TensorScope();

        Assert.True(new AdaptedModel(backbone).Forward(TinyBackbones.Batch(1, 4, 4), adapter).Output.LastHiddenState.AllFinite());
        var error = Assert.Throws<GraftException>(() => Attach(backbone, "union", Config("union", Union.Replace("WHO", "task", StringComparison.Ordinal))));
        Assert.Contains("masked_by", error.Message, StringComparison.Ordinal);
    }
}
