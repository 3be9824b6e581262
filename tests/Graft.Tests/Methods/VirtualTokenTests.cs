using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods;

/// <summary>Laws of prefixes and prompts that hold beside the conformance suite.</summary>
public sealed class VirtualTokenTests
{
    public static TheoryData<string> Backbones => TinyBackbones.Names;

    public static TheoryData<string> Methods => ["prefix-tuning", "p-tuning-v2", "p-tuning", "prompt-tuning"];

    public static TheoryData<string, string> TrainingForms => new()
    {
        { "prefix-tuning", """{"length": 3, "bottleneck": 8, "gate": "masked"}""" },
        { "p-tuning", """{"length": 3}""" },
        { "p-tuning", """{"length": 3, "encoder": "lstm"}""" },
        { "mam", """{"length": 3, "prefix_bottleneck": 8}""" },
        { "unipelt-pt", """{"length": 3, "prefix_bottleneck": 8, "reduction_factor": 4}""" },
        { "union", """{"parts": [{"method": "prefix-tuning", "set": {"length": 2}}, {"method": "lora"}]}""" },
    };

    [Theory, MemberData(nameof(Methods))]
    public void Without_virtual_tokens_there_are_no_parameters_and_the_answer_is_the_backbone(string method)
    {
        using var backbone = TinyBackbones.Create("roberta");
        using var adapter = Attach(backbone, method, """{"length": 0}""");
        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(1, 5, 3);

        Assert.Empty(adapter.Parameters());
        Assert.Equal(0, adapter.Method.CountParameters(adapter.Config, backbone.Sites));
        TensorAssert.BitwiseEqual(backbone.Forward(batch).LastHiddenState, Run(backbone, adapter, batch));
    }

    [Theory, MemberData(nameof(TrainingForms))]
    public void The_stored_form_gives_the_same_bits_and_holds_what_the_formula_says(string method, string settings)
    {
        using var backbone = TinyBackbones.Create("bert");
        using var adapter = Attach(backbone, method, settings);
        using var stored = CompactForm.Of(adapter, backbone);
        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(1, 5, 3);

        Assert.NotSame(adapter, stored);
        Assert.Same(stored, CompactForm.Of(stored, backbone));
        Assert.Equal(adapter.Method.CountParameters(adapter.Method.Stored(adapter.Config), backbone.Sites), stored.ParameterCount);
        Assert.DoesNotContain(stored.NamedParameters(), p => p.Path.StartsWith("shared.", StringComparison.Ordinal));
        TensorAssert.BitwiseEqual(Run(backbone, adapter, batch), Run(backbone, stored, batch));
    }

    [Fact]
    public void Gradients_of_a_flat_prefix_reach_it_alone()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var adapter = Attach(backbone, "prefix-tuning", """{"length": 3, "flat": true}""");
        using var scope = new TensorScope();

        Run(backbone, adapter, TinyBackbones.Batch(1, 5, 3)).Square().Sum().Backward();

        Assert.All(adapter.NamedParameters(), p => Assert.True(p.Parameter.Value.Grad!.Abs().Max().ToDouble() > 0, p.Path));
        Assert.All(backbone.Parameters(), p => Assert.Null(p.Value.Grad));
    }

    [Fact]
    public void A_prefix_that_may_not_be_attended_to_is_the_backbone()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var scope = new TensorScope();
        using var part = new MaskedPrefix();
        var parts = new PartMap(backbone.Sites);
        foreach (var site in backbone.Sites.KeyValue(SiteRole.SelfAttention))
        {
            parts.Add(site, part);
        }

        foreach (var batch in new[] { TinyBackbones.Batch(1, 5, 3), TinyBackbones.Batch(1, 4, 4) })
        {
            var masked = backbone.Forward(batch, new AdapterPass([new RowGroup(0, 2, parts, null)], training: false, rng: null)).LastHiddenState;
            TensorAssert.Close(backbone.Forward(batch).LastHiddenState, masked, 1e-6, 1e-6);
        }
    }

    [Theory]
    [InlineData("bert", 4)]
    [InlineData("roberta", 4)]
    public void Shifted_positions_begin_behind_the_prefix(string name, int length)
    {
        using var backbone = TinyBackbones.Create(name);
        using var adapter = Attach(backbone, "p-tuning-v2", $$"""{"length": {{length}}}""");
        using var still = Attach(backbone, "p-tuning-v2", $$"""{"length": {{length}}, "shift_positions": false}""");
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        var positions = backbone.NamedParameters().Single(p => p.Path == "embeddings.position_embeddings.weight").Parameter;
        var batch = TinyBackbones.Batch(1, 5, 3);
        var shifted = Run(backbone, adapter, batch);

        // RoBERTa's padding keeps its position, row 1 of the table, and texts begin at row 2.
        var kept = name == "roberta" ? 2 : 0;
        positions.Assign(Tensor.Cat([positions.Value.Narrow(0, 0, kept), positions.Value.Narrow(0, kept, 32 - kept).Roll(-length, 0)], 0));

        TensorAssert.BitwiseEqual(shifted, Run(backbone, still, batch));
    }

    [Fact]
    public void A_text_that_no_longer_fits_behind_shifted_positions_is_refused()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var adapter = Attach(backbone, "p-tuning-v2", """{"length": 20}""");
        using var scope = new TensorScope();

        var error = Assert.Throws<ArgumentException>(() => Run(backbone, adapter, TinyBackbones.Batch(1, 11)));

        Assert.Contains("11 tokens a row and virtual tokens take 20 positions", error.Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Backbones))]
    public void Rows_that_fit_alone_fit_together_whatever_positions_their_neighbours_take(string name)
    {
        using var backbone = TinyBackbones.Create(name);
        using var words = Attach(backbone, "p-tuning", """{"length": 12}""");
        using var shifted = Attach(backbone, "p-tuning-v2", """{"length": 6}""");
        using var scope = new TensorScope();
        var model = new AdaptedModel(backbone);
        RowAdapter[] rows = [new(null), new(words), new(shifted), new(null)];
        var batch = TinyBackbones.Batch(1, 30, 18, 24, 3);

        var mixed = model.Forward(batch, rows).Output.LastHiddenState;

        foreach (var (row, length) in new[] { 30, 18, 24, 3 }.Index())
        {
            var alone = new BackboneInput(batch.InputIds.Narrow(0, row, 1).Narrow(1, 0, length));
            TensorAssert.Close(model.Forward(alone, [rows[row]]).Output.LastHiddenState, mixed.Narrow(0, row, 1).Narrow(1, 0, length));
        }

        Assert.Throws<ArgumentException>(() => model.Forward(TinyBackbones.Batch(1, 30, 19, 24, 3), rows));
        Assert.Throws<ArgumentException>(() => model.Forward(TinyBackbones.Batch(1, 30, 18, 25, 3), rows));
        Assert.Throws<ArgumentException>(() => model.Forward(TinyBackbones.Batch(1, 31, 18, 24, 3), rows));
    }

    [Fact]
    public void Word_embeddings_as_a_prompt_are_as_if_their_words_stood_in_front()
    {
        using var backbone = TinyBackbones.Create("roberta");
        using var adapter = Attach(backbone, "prompt-tuning", """{"length": 2, "as_words": true, "init": "text", "init_ids": "7, 9"}""");
        using var scope = new TensorScope();
        var text = TinyBackbones.Batch(1, 5, 3);
        var longer = new BackboneInput(
            Tensor.Cat([Tensor.From(new long[] { 7, 9, 7, 9 }, 2, 2), text.InputIds], 1), Tensor.Cat([Tensor.Ones([2, 2]), text.Mask!], 1));

        TensorAssert.Close(backbone.Forward(longer).LastHiddenState.Narrow(1, 2, 5), Run(backbone, adapter, text), 1e-5, 1e-6);
    }

    [Fact]
    public void A_prompt_starts_from_the_words_of_a_text_over_and_over()
    {
        using var backbone = TinyBackbones.Create("bert");
        var method = PeftMethods.Get("prompt-tuning");
        var config = method.ReadConfig(JsonNode.Parse("""{"length": 5, "init": "text", "init_text": "good film"}""")!.AsObject(), "test");
        var tokenizer = TinyModels.Tokenizer();
        using var rng = new Rng(1, Device.Cpu);
        using var adapter = method.Attach(backbone, "a", method.Resolve(config, tokenizer), rng);
        using var scope = new TensorScope();
        var table = backbone.NamedParameters().Single(p => p.Path == "embeddings.word_embeddings.weight").Parameter.Value;
        long[] ids = [tokenizer.TokenToId("good")!.Value, tokenizer.TokenToId("film")!.Value];

        var prompt = adapter.Parameters().Single().Value;

        TensorAssert.BitwiseEqual(table.IndexSelect(0, Tensor.From([ids[0], ids[1], ids[0], ids[1], ids[0]], 5)), prompt);
        var error = Assert.Throws<GraftException>(() => method.Attach(backbone, "a", config, rng));
        Assert.Contains("init_text, or init_ids", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Gates_fixed_at_one_give_the_sum_of_the_parts()
    {
        using var backbone = TinyBackbones.Create("bert");
        const string Small = "\"length\": 3, \"prefix_bottleneck\": 8, \"reduction_factor\": 4, \"rank\": 4, \"alpha\": 4";
        using var gated = Attach(backbone, "unipelt", $$"""{ {{Small}} }""");
        using var plain = Attach(backbone, "unipelt", $$"""{ {{Small}}, "gate": "none" }""");
        using var scope = new TensorScope();
        var values = plain.NamedParameters().ToDictionary(p => p.Path, p => p.Parameter.Value, StringComparer.Ordinal);
        foreach (var (path, parameter) in gated.NamedParameters())
        {
            parameter.Assign(path.EndsWith("gate.bias", StringComparison.Ordinal) ? parameter.Value.FullLike(1000)
                : path.EndsWith("gate.weight", StringComparison.Ordinal) ? parameter.Value.ZerosLike()
                : values[path]);
        }

        var batch = TinyBackbones.Batch(1, 5, 3);
        TensorAssert.Close(Run(backbone, plain, batch), Run(backbone, gated, batch), 1e-6, 1e-6);
    }

    [Fact]
    public void Two_parts_of_a_union_at_one_place_are_refused()
    {
        using var backbone = TinyBackbones.Create("bert");

        var error = Assert.Throws<GraftException>(() => Attach(backbone, "union", """{"parts": [{"method": "lora"}, {"method": "lora"}]}"""));

        Assert.Contains("two parts at 'encoder.layer.0.attention.self.query'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"parts": []}""", "parts are a list")]
    [InlineData("""{"parts": [{"method": "lroa"}]}""", "lora")]
    [InlineData("""{"parts": [{"method": "lora", "set": {"rnak": 1}}]}""", "rnak")]
    [InlineData("""{"parts": [{"name": "lora"}]}""", "parts are a list")]
    public void A_wrong_part_of_a_union_is_one_sentence(string settings, string expected)
    {
        var error = Assert.Throws<GraftException>(() => PeftMethods.Get("union").ReadConfig(JsonNode.Parse(settings)!.AsObject(), "--set"));

        Assert.StartsWith("--set", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    private static Adapter Attach(Backbone backbone, string method, string settings)
    {
        using var rng = new Rng(1, Device.Cpu);
        var peft = PeftMethods.Get(method);
        return peft.Attach(backbone, "a", peft.ReadConfig(JsonNode.Parse(settings)!.AsObject(), "test"), rng);
    }

    private static Tensor Run(Backbone backbone, Adapter adapter, BackboneInput batch) =>
        new AdaptedModel(backbone).Forward(batch, adapter).Output.LastHiddenState;

    private sealed class MaskedPrefix : KeyValuePart
    {
        public override KeyValuePrefix Prefix(RowGroup rows, Tensor hidden)
        {
            var vectors = Tensor.Full([rows.Count, 4, 3, 4], 2.5);
            return new KeyValuePrefix(vectors, vectors, Tensor.Zeros([rows.Count, 3]));
        }
    }
}
