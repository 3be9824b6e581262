using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Packages;
using Graft.Methods.Core;
using Graft.Methods.Core.Masks;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods.Masks;

/// <summary>PROPETL on encoder-decoders: one prototype for both stacks, at the published sizes and on a tiny model.</summary>
public sealed class ProPetlT5Tests
{
    private const int Overhead = 4096;
    private static readonly string[] s_tasks = ["one", "two"];

    public static TheoryData<string, string, int, int> Published => new()
    {
        { "T5-base", """{ "reduction_factor": 12 }""", 8, 3 },
        { "T5-base", """{ "reduction_factor": 16 }""", 8, 4 },
        { "T5-3B", """{ "reduction_factor": 128 }""", 8, 5 },
        { "T5-base", """{ "reduction_factor": 1 }""", 1, 6 },
    };

    public static TheoryData<string, string> Forms => new()
    {
        { "propetl-adapter", """{ "reduction_factor": 4, "kept": 0.3, "activation": "gelu_new", "score_layout": "weight" }""" },
        { "propetl-adapter", """{ "reduction_factor": 4, "sublayers": "all_sublayers" }""" },
        { "propetl-lora", """{ "rank": 4, "kept": 0.5 }""" },
        { "propetl-prefix", """{ "length": 4, "bottleneck": 5 }""" },
        { "propetl-prefix", """{ "length": 4, "bottleneck": 5, "sublayers": "self_attention, cross_attention" }""" },
    };

    [Theory, MemberData(nameof(Published))]
    public void Its_size_is_the_published_one(string shape, string settings, int tasks, int row)
    {
        using var backbone = shape == "T5-base" ? HollowBackbones.T5Base() : T5With3Billion();
        var method = PeftMethods.Get("propetl-adapter");
        var config = method.ReadConfig(JsonNode.Parse(settings)!.AsObject(), "test");
        var table = JsonNode.Parse(File.ReadAllText(SharedData.Fixture("propetl/10_storage.json")))![row]!;

        Assert.Equal((long)table["total_bits"]!, method.CountStoredBits(config, backbone.Sites, tasks));
        Assert.Equal((long)table["trainable_floats_during_training"]!, method.CountParameters(config, backbone.Sites, tasks));
    }

    [Fact]
    public void The_files_of_eight_tasks_on_T5_base_have_the_bits_of_the_formula()
    {
        using var folder = new TestFolder();
        using var backbone = HollowBackbones.T5Base();
        using var rng = new Rng(1, Device.Cpu);
        var method = PeftMethods.Get("propetl-adapter");
        using var adapter = method.Attach(backbone, "all", method.ReadConfig(new JsonObject { ["kept"] = 0.3 }, "test"), rng, [.. Enumerable.Range(0, 8).Select(t => $"task-{t}")]);
        using var stored = CompactForm.Of(adapter, backbone);

        PackageWeights.Write(folder.At("shared"), stored, path => stored.TaskOf(path) is null);
        var own = stored.Tasks.Select(task =>
        {
            PackageWeights.Write(folder.At(task), stored, path => stored.TaskOf(path) == task);
            return new FileInfo(folder.At(task)).Length;
        }).ToList();

        Assert.All(own, bytes => Assert.InRange(bytes, 12_288, 12_288 + 255));
        Assert.InRange(new FileInfo(folder.At("shared")).Length + own.Sum(), 197_440 * 4, (197_440 * 4) + Overhead - 1);
    }

    [Theory, MemberData(nameof(Forms))]
    public void A_package_and_a_task_by_itself_answer_as_what_was_trained(string name, string settings)
    {
        foreach (var model in TinyBackbones.TextToText)
        {
            using var backbone = TinyBackbones.Create(model.Data);
            using var adapter = Attach(backbone, name, settings);
            using var stored = CompactForm.Of(adapter, backbone);
            using var scope = new TensorScope();
            var batch = Batch();

            var trained = new AdaptedModel(backbone).Forward(batch, Rows(adapter)).Output;
            var kept = new AdaptedModel(backbone).Forward(batch, Rows(stored)).Output;

            TensorAssert.BitwiseEqual(trained.Logits!, kept.Logits!);
            for (var row = 0; row < 4; row++)
            {
                using var alone = adapter.Method.Standalone(adapter, s_tasks[row % 2], backbone)!;
                var single = new BackboneInput(batch.InputIds.Narrow(0, row, 1), batch.Mask!.Narrow(0, row, 1)) { DecoderIds = batch.DecoderIds!.Narrow(0, row, 1) };
                TensorAssert.Close(trained.Logits!.Narrow(0, row, 1), new AdaptedModel(backbone).Forward(single, alone).Output.Logits!, 1e-5, 5e-6);
            }
        }
    }

    [Theory, MemberData(nameof(Forms))]
    public void Every_parameter_gets_a_gradient_from_the_scores_of_words(string name, string settings)
    {
        using var backbone = TinyBackbones.Create("t5");
        using var adapter = Attach(backbone, name, settings);
        using var scope = new TensorScope();

        new AdaptedModel(backbone).Forward(Batch(), Rows(adapter)).Output.Logits!.Square().Mean().Backward();

        Assert.All(adapter.NamedParameters(), p => Assert.True(p.Parameter.Value.Grad is { } g && g.Abs().Max().ToDouble() > 0, p.Path));
        var places = adapter.Prototypes<Graft.Methods.Core.Masks.MaskedPrototype>().Select(p => p.Masks.Places).ToList();
        Assert.All(places, p => Assert.Equal(2, p.Select(site => site.Stack).Distinct().Count()));
    }

    private static Adapter Attach(Backbone backbone, string name, string settings)
    {
        using var rng = new Rng(3, Device.Cpu);
        var method = PeftMethods.Get(name);
        var adapter = method.Attach(backbone, "all", method.ReadConfig(JsonNode.Parse(settings)!.AsObject(), "test"), rng, s_tasks);
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        foreach (var (_, parameter) in adapter.NamedParameters().Where(p => !p.Path.Contains(".scores.", StringComparison.Ordinal)))
        {
            parameter.Value.Add_(rng.Normal(parameter.Value.Shape, 0, 0.1));
        }

        return adapter;
    }

    private static BackboneInput Batch() => TinyBackbones.Batch(4, 6, 3, 5, 6) with { DecoderIds = TinyBackbones.Batch(5, 4, 4, 4, 4).InputIds };

    private static RowAdapter[] Rows(Adapter adapter) => [.. Enumerable.Range(0, 4).Select(i => new RowAdapter(adapter, s_tasks[i % 2]))];

    private static T5 T5With3Billion() => new(
        new BackboneConfig("t5", 1024, 24, 32, 16384, 32128, int.MaxValue) { HeadSize = 128, Decoder = new DecoderConfig(24, 0, 1, 0) },
        new T5Config(), WeightSource.OfShape());
}
