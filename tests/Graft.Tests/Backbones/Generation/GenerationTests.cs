using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Backbones.Generation;
using Graft.Methods.Core;
using Graft.Methods.Core.Compositions;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Backbones.Generation;

/// <summary>Writing texts: memory changes nothing, rows do not see each other, draws follow their settings, and faults are told.</summary>
public sealed class GenerationTests : IDisposable
{
    private static readonly (string Method, string Settings)[] s_methods =
    [
        ("lora", "{}"),
        ("prefix-tuning", """{"length": 3, "bottleneck": 4, "sublayers": "self_attention, cross_attention", "gate": "masked"}"""),
        ("prompt-tuning", """{"length": 4}"""),
        ("unipelt", """{"length": 2, "prefix_bottleneck": 4, "reduction_factor": 4}"""),
        ("houlsby", """{"reduction_factor": 4}"""),
        ("ia3", "{}"),
        ("full", "{}"),
        ("pha", """{"bottleneck": 4, "ordinary_bottleneck": 4, "dimension": 8, "hidden": 8}"""),
        ("propetl-prefix", """{"length": 3, "masked_by": "layer_and_task"}"""),
    ];

    private static readonly string[] s_tasks = ["one", "two"];

    private readonly List<Adapter> _adapters = [];

    public static TheoryData<string> Models => TinyBackbones.TextToText;

    public void Dispose() => _adapters.ForEach(a => a.Dispose());

    [Theory, MemberData(nameof(Models))]
    public void Two_hundred_texts_are_the_same_with_and_without_memory(string name)
    {
        using var backbone = TinyBackbones.Create(name, DType.Float64);
        using var scope = new TensorScope();
        // Embeddings that are large beside what the blocks add would let every text repeat its first word.
        backbone.NamedParameters().Single(p => p.Path == "shared.weight").Parameter.Value.Mul_(0.3);
        var rows = Rows(backbone, 200);
        var batch = Prompts(200);
        var model = new AdaptedModel(backbone);
        foreach (var settings in new GenerationSettings[] { new() { MaxTokens = 7 }, new() { MaxTokens = 7, Beams = 4 }, new() { MaxTokens = 7, Sample = true, TopK = 20 } })
        {
            var remembered = model.Generate(batch, rows, settings, new Rng(5));

            var recomputed = model.Generate(batch, rows, settings with { UseCache = false }, new Rng(5));
            Assert.Equal(recomputed.Select(t => t.Ids), remembered.Select(t => t.Ids));
            Assert.All(recomputed.Zip(remembered), t => Assert.Equal(t.First.Score, t.Second.Score, 1e-9));
            Assert.True(remembered.Select(t => string.Join(' ', t.Ids)).Distinct().Count() > 50, "The texts are nearly all the same.");
        }
    }

    [Fact]
    public void Rows_of_different_methods_write_what_each_writes_alone()
    {
        using var backbone = TinyBackbones.Create("t5", DType.Float64);
        var rows = Rows(backbone, 16);
        using var scope = new TensorScope();
        var batch = Prompts(16);
        var model = new AdaptedModel(backbone);
        foreach (var beams in new[] { 1, 3 })
        {
            var settings = new GenerationSettings { MaxTokens = 6, Beams = beams };

            var together = model.Generate(batch, rows, settings);

            for (var i = 0; i < rows.Length; i++)
            {
                Assert.Equal(Assert.Single(model.Generate(TinyBackbones.Rows(batch, i, 1), [rows[i]], settings)).Ids, together[i].Ids);
            }
        }
    }

    [Fact]
    public void Compositions_write_with_memory_what_they_write_without()
    {
        using var backbone = TinyBackbones.Create("t5-v1.1", DType.Float64);
        using var scope = new TensorScope();
        Adapter[] Pair(string method, string settings) => [Attach(backbone, method, settings), Attach(backbone, method, settings)];
        var gated = Pair("prefix-tuning", """{"length": 2, "bottleneck": 4, "gate": "masked"}""");
        using var stack = Compose.Stack([.. Pair("pfeiffer", """{"reduction_factor": 4}"""), gated[0]]);
        using var average = Compose.Average(gated);
        using var parallel = Compose.Parallel(Pair("lora", "{}"));
        var model = new AdaptedModel(backbone);
        RowAdapter[] rows = [new(stack), new(parallel), new(average), new(null), new(parallel), new(stack, FirstLayer: 1)];
        foreach (var beams in new[] { 1, 2 })
        {
            var settings = new GenerationSettings { MaxTokens = 6, Beams = beams };

            var texts = model.Generate(Prompts(6), rows, settings);

            Assert.Equal(8, texts.Count);
            Assert.Equal(model.Generate(Prompts(6), rows, settings with { UseCache = false }).Select(t => t.Ids), texts.Select(t => t.Ids));
        }
    }

    [Fact]
    public void What_adapters_prepare_is_prepared_once_for_a_text()
    {
        using var backbone = TinyBackbones.Create("t5");
        var adapter = Attach(backbone, "prefix-tuning", """{"length": 3, "bottleneck": 4}""");
        var prepared = 0;
        adapter.Preparations.Add((_, _) => prepared++);
        using var scope = new TensorScope();

        new AdaptedModel(backbone).Generate(Prompts(3), adapter, new GenerationSettings { MaxTokens = 9, Beams = 2 });

        Assert.Equal(1, prepared);
    }

    [Fact]
    public void Encoded_text_serves_several_passes_of_the_decoder()
    {
        using var backbone = TinyBackbones.Create("t5");
        var rows = Rows(backbone, 9);
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        var model = new AdaptedModel(backbone);
        var batch = TinyBackbones.Whole(backbone, Prompts(9));
        var whole = model.Forward(batch, rows).Output;

        var again = model.Forward(batch with { Encoded = model.Forward(batch with { DecoderIds = null }, rows).Output.Encoded }, rows).Output;

        TensorAssert.BitwiseEqual(whole.Logits!, again.Logits!);
        TensorAssert.BitwiseEqual(whole.LastHiddenState, again.LastHiddenState);
    }

    [Fact]
    public void No_tensor_is_left_behind()
    {
        using var backbone = TinyBackbones.Create("t5");
        var rows = Rows(backbone, 8);
        using var scope = new TensorScope();
        var batch = Prompts(8);
        var before = LeakCheck.Settled();

        new AdaptedModel(backbone).Generate(batch, rows, new GenerationSettings { MaxTokens = 5, Beams = 3 });

        Assert.Equal(before, LiveTensors.Count);
    }

    [Fact]
    public void Texts_keep_to_their_lengths_and_stop_at_the_end()
    {
        using var backbone = TinyBackbones.Create("t5-v1.1");
        using var scope = new TensorScope();
        using var rng = new Rng(1, Device.Cpu);
        var model = new AdaptedModel(backbone);
        foreach (var settings in new[] { new GenerationSettings { Beams = 4 }, new GenerationSettings { Sample = true, Temperature = 3 } })
        {
            var texts = model.Generate(Prompts(60), adapter: null, settings with { MaxTokens = 8, MinTokens = 2 }, rng);

            Assert.All(texts, t => Assert.DoesNotContain(backbone.Config.Decoder!.EndId, t.Ids));
            Assert.All(texts, t => Assert.InRange(t.Ids.Count, 2, t.Ended ? 7 : 8));
            Assert.All(texts, t => Assert.True(t.Ended || t.Ids.Count == 8));
            Assert.Contains(texts, t => t.Ended);
        }
    }

    [Fact]
    public void Draws_are_those_of_their_seed_and_narrow_to_the_likeliest()
    {
        using var backbone = TinyBackbones.Create("t5");
        using var scope = new TensorScope();
        var (model, batch) = (new AdaptedModel(backbone), Prompts(20));
        var greedy = Texts(new GenerationSettings());

        Assert.Equal(Texts(new GenerationSettings { Sample = true, TopK = 1 }), greedy);
        Assert.Equal(Texts(new GenerationSettings { Sample = true, Temperature = 1e-4 }), greedy);
        Assert.Equal(Texts(new GenerationSettings { Sample = true, TopP = 1e-9 }), greedy);
        Assert.Equal(Texts(new GenerationSettings { Sample = true, Temperature = 2 }), Texts(new GenerationSettings { Sample = true, Temperature = 2 }));
        Assert.NotEqual(Texts(new GenerationSettings { Sample = true, Temperature = 2 }), Texts(new GenerationSettings { Sample = true, Temperature = 2 }, seed: 2));

        List<string> Texts(GenerationSettings settings, int seed = 1)
        {
            using var rng = new Rng(seed, Device.Cpu);
            return [.. model.Generate(batch, adapter: null, settings with { MaxTokens = 6 }, rng).Select(t => string.Join(' ', t.Ids))];
        }
    }

    [Fact]
    public void Draws_are_from_what_k_and_p_leave()
    {
        using var scope = new TensorScope();
        var scores = Tensor.From(new[] { 0.05, 0.4, 0.15, 0.3, 0.1 }, 1, 5).Log();

        Assert.Equal([1, 3], Left(new GenerationSettings { TopK = 2 }));
        Assert.Equal([1, 3], Left(new GenerationSettings { TopP = 0.6 }));
        Assert.Equal([1, 2, 3], Left(new GenerationSettings { TopP = 0.75 }));
        Assert.Equal([0, 1, 2, 3, 4], Left(new GenerationSettings { Temperature = 0.5 }));
        TensorAssert.Close(scores * 2.0, TextSearch.Warped(scores, new GenerationSettings { Temperature = 0.5 }));

        IEnumerable<int> Left(GenerationSettings settings) =>
            TextSearch.Warped(scores, settings).ToArray<double>().Index().Where(s => double.IsFinite(s.Item)).Select(s => s.Index);
    }

    [Fact]
    public void A_backbone_without_a_decoder_writes_nothing()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(1, 4);

        var error = Assert.Throws<GraftException>(() => new AdaptedModel(backbone).Generate(batch, adapter: null));

        Assert.Contains("bert backbone writes no text", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => backbone.Forward(batch with { DecoderIds = batch.InputIds }));
    }

    [Fact]
    public void Settings_out_of_range_are_named()
    {
        using var backbone = TinyBackbones.Create("t5");
        using var scope = new TensorScope();
        (string Name, GenerationSettings Settings)[] faults =
        [
            ("max_tokens", new() { MaxTokens = 0 }), ("min_tokens", new() { MinTokens = 65 }), ("beams", new() { Beams = 0 }),
            ("beams", new() { Beams = 31 }), ("beams", new() { Beams = 2, Sample = true }), ("length_penalty", new() { LengthPenalty = double.NaN }),
            ("temperature", new() { Temperature = 0 }), ("top_k", new() { TopK = -1 }), ("top_p", new() { TopP = 1.5 }),
        ];

        Assert.All(faults, fault => Assert.Contains(
            fault.Name + " of the generation is",
            Assert.Throws<GraftException>(() => new AdaptedModel(backbone).Generate(Prompts(1), adapter: null, fault.Settings)).Message, StringComparison.Ordinal));
        Assert.Throws<ArgumentException>(() => new AdaptedModel(backbone).Generate(Prompts(1), adapter: null, new GenerationSettings { Sample = true }));
    }

    private static BackboneInput Prompts(int count)
    {
        var random = new Random(count);
        return TinyBackbones.Batch(count, [.. Enumerable.Range(0, count).Select(_ => random.Next(3, 12))]);
    }

    /// <summary>Rows that take turns between every method and the plain backbone.</summary>
    private RowAdapter[] Rows(Backbone backbone, int count)
    {
        var adapters = s_methods.Select(m => Attach(backbone, m.Method, m.Settings))
            .SelectMany(a => a.Method.SharesAcrossTasks ? s_tasks.Select(t => new RowAdapter(a, t)) : [new RowAdapter(a)]).Append(new RowAdapter(null)).ToList();
        return [.. Enumerable.Range(0, count).Select(i => adapters[i % adapters.Count])];
    }

    private Adapter Attach(Backbone backbone, string method, string settings)
    {
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        using var rng = new Rng(_adapters.Count + 1, Device.Cpu);
        var peft = PeftMethods.Get(method);
        var adapter = peft.Attach(backbone, method, peft.ReadConfig(JsonNode.Parse(settings)!.AsObject(), "test"), rng, peft.SharesAcrossTasks ? s_tasks : null);
        _adapters.Add(adapter);
        adapter.ConvertTo(backbone.DType);
        foreach (var parameter in adapter.Parameters())
        {
            parameter.Value.Add_(rng.Normal(parameter.Value.Shape, 0, 0.2).To(parameter.Value.DType));
        }

        return adapter;
    }
}
