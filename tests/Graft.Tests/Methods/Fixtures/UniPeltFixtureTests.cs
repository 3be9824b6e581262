using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods.Fixtures;

/// <summary>The submodules of UniPELT and what belongs to it, against numbers of its authors' and AdapterHub's classes, with all gradients.</summary>
public sealed class UniPeltFixtureTests
{
    private const int Rows = 3;
    private const int Width = 32;

    [Fact]
    public void A_gated_adapter()
    {
        using var scope = new TensorScope();
        using var f = new FixtureCase("authors_gated_adapter");
        HiddenSite site = null!;
        f.Sites(build => site = build.Sites.Add(new HiddenSite("output", Width, SiteRole.FeedForward, StackKind.Encoder, 0)));
        f.Attach("pfeiffer", """{"reduction_factor": 4, "gate": "padded"}""", Adapter);
        var (x, residual) = (f.Input("x"), f.Input("residual"));

        // The class is handed its input; here it is the norm that gives it.
        var output = f.Run(Rows, pass => site.After(pass, x, residual, x, (_, _) => x));

        f.Observed(output, "output.gate", "gate");
        f.Check(output.Output.LastHiddenState);

        static string Adapter(string path) => path["output.".Length..].Replace("down.", "adapter_down.0.", StringComparison.Ordinal).Replace("up.", "adapter_up.", StringComparison.Ordinal);
    }

    [Fact]
    public void A_feed_forward_output_with_a_gated_adapter_uses_the_frozen_norm_twice()
    {
        using var scope = new TensorScope();
        using var f = new FixtureCase("authors_bertoutput_with_gated_adapter");
        HiddenSite site = null!;
        LinearSite dense = null!;
        LayerNorm norm = null!;
        f.Sites(build =>
        {
            site = build.Sites.Add(new HiddenSite("output", Width, SiteRole.FeedForward, StackKind.Encoder, 0));
            dense = build.Linear("dense", 64, Width, SiteRole.FeedForwardOut, SiteRole.FeedForward, StackKind.Encoder, 0);
            norm = build.LayerNorm("LayerNorm", Width, 1e-12, SiteRole.FeedForward, StackKind.Encoder, 0);
        });
        f.Attach("pfeiffer", """{"reduction_factor": 4, "gate": "padded"}""", path => Authors("layer.0." + path)["layer.0.output.".Length..]);
        var (inner, attention) = (f.Input("ffn_inner"), f.Input("attention_output"));

        var output = f.Run(Rows, pass =>
        {
            var a = site.After(pass, attention, dense.Apply(pass, inner), attention, norm.Apply);
            return norm.Apply(pass, a + attention);
        });

        f.Check(output.Output.LastHiddenState);
    }

    [Theory]
    [InlineData("authors_lora_linear_gated", "padded")]
    [InlineData("authors_lora_linear_ungated", "none")]
    public void LoRA_on_a_linear_map(string name, string gate)
    {
        using var scope = new TensorScope();
        using var f = new FixtureCase(name);
        LinearSite map = null!;
        f.Sites(build => map = build.Linear("map", Width, Width, SiteRole.Query, SiteRole.SelfAttention, StackKind.Encoder, 0), "map.");
        f.Attach("lora", $$"""{"rank": 8, "alpha": 16, "gate": "{{gate}}"}""", path => path["map.".Length..].Replace("gate.", "lora_gate.", StringComparison.Ordinal));
        var x = f.Input("x");

        var output = f.Run(Rows, pass => map.Apply(pass, x));

        if (gate == "padded")
        {
            f.Observed(output, "map.gate", "scaling");
        }

        f.Check(output.Output.LastHiddenState);
    }

    [Fact]
    public void The_generator_of_a_prefix()
    {
        using var scope = new TensorScope();
        using var f = new FixtureCase("authors_prefix_reparam");
        List<KeyValueSite> sites = [];
        f.Sites(build => sites.AddRange(Enumerable.Range(0, 2).Select(l =>
            build.Sites.Add(new KeyValueSite($"layer.{l}", 32, 4, 8, SiteRole.SelfAttention, StackKind.Encoder, l)))));
        f.Attach(
            "prefix-tuning", """{"length": 5, "bottleneck": 16}""",
            path => path.Split("encoder.")[1].Replace("embedding.weight", "emb", StringComparison.Ordinal).Replace("mlp.", "mlp", StringComparison.Ordinal).Replace('.', '_'),
            gradient: "d_");
        var (text, none) = (Tensor.Zeros([Rows, 1, Width], DType.Float64), Tensor.Zeros([Rows, 4, 0, 8], DType.Float64));

        var output = f.Run(Rows, pass => Tensor.Stack([.. sites.Select(s =>
        {
            var (keys, values, _) = s.Apply(pass, text, none, none, null);
            return Tensor.Stack([keys, values], 0);
        })], 0));

        f.Check(output.Output.LastHiddenState, "key_values", "grad_key_values");
    }

    [Fact]
    public void Attention_with_gated_LoRA_a_gated_prefix_and_padding()
    {
        using var scope = new TensorScope();
        using var f = new FixtureCase("authors_attention_lora_prefix_gated");
        LinearSite[] maps = [];
        KeyValueSite site = null!;
        f.Sites(build =>
        {
            maps = [.. new[] { ("query", SiteRole.Query), ("key", SiteRole.Key), ("value", SiteRole.Value) }
                .Select(m => build.Linear(m.Item1, Width, Width, m.Item2, SiteRole.SelfAttention, StackKind.Encoder, 0))];
            site = build.Sites.Add(new KeyValueSite("self", 32, 4, 8, SiteRole.SelfAttention, StackKind.Encoder, 0));
        });
        f.Attach(
            "unipelt", """{"parts": "prefix, lora", "gate": "padded", "length": 5, "prefix_flat": true}""",
            path => path is "self.keys" or "self.values" ? null : Authors(path).Replace("self.", "", StringComparison.Ordinal));
        var hidden = f.Input("hidden");
        var (keys, values) = (f.Parameter("self.keys"), f.Parameter("self.values"));
        var prefixGradients = new Tensor[2][] { new Tensor[Rows], new Tensor[Rows] };
        List<Tensor> outputs = [], weights = [];

        // Every row of the file has a prefix of its own, and a method has one for all: so the rows pass one by one.
        for (var row = 0; row < Rows; row++)
        {
            keys.Assign(Flat(f["prefix_kv"].Select(0, 0).Select(0, row)));
            values.Assign(Flat(f["prefix_kv"].Select(0, 1).Select(0, row)));
            var output = f.Run(1, pass => Attention(pass, hidden.Narrow(0, row, 1), f["ext_mask"].Narrow(0, row, 1)));
            foreach (var (name, key) in new[] { ("self.gate", "gate_prefix"), ("query.gate", "gate_query"), ("value.gate", "gate_value") })
            {
                TensorAssert.Close(f[key].Select(0, row).Reshape(1), output.Observations[name][0].Value.Reshape(1), 1e-10, 0);
            }

            outputs.Add(output.Output.LastHiddenState);
            (outputs[^1] * f["grad_out"].Narrow(0, row, 1)).Sum().Backward();
            (prefixGradients[0][row], prefixGradients[1][row]) = (Heads(keys.Value.Grad!.Clone()), Heads(values.Value.Grad!.Clone()));
            (keys.Value.Grad, values.Value.Grad) = (null, null);
        }

        f.Close("out", Tensor.Cat(outputs, 0));
        f.Close("attn_probs", Tensor.Cat(weights, 0));
        var whole = Tensor.Zeros([2, Rows, 4, 5, 8], DType.Float64);
        whole.Grad = Tensor.Stack([.. prefixGradients.Select(g => Tensor.Stack(g, 0))], 0);
        f.Follow("d_prefix_kv", whole);
        f.CheckGradients();

        Tensor Attention(AdapterPass pass, Tensor x, Tensor mask)
        {
            var (q, k, v) = (Split(maps[0].Apply(pass, x)), Split(maps[1].Apply(pass, x)), Split(maps[2].Apply(pass, x)));
            (k, v, var bias) = site.Apply(pass, x, k, v, mask);
            weights.Add(((q.MatMul(k.Transpose(-2, -1)) / Math.Sqrt(8)) + bias!).Softmax(-1));
            return weights[^1].MatMul(v).Transpose(1, 2).Reshape(1, 7, Width);
        }

        static Tensor Split(Tensor y) => y.View(1, 7, 4, 8).Transpose(1, 2);

        static Tensor Flat(Tensor heads) => heads.Transpose(0, 1).Reshape(5, Width);

        static Tensor Heads(Tensor flat) => flat.View(5, 4, 8).Transpose(0, 1);
    }

    [Theory]
    [InlineData("authors_encoder_apl", "adapter, prefix, lora", "padded")]
    [InlineData("authors_encoder_ap", "adapter, prefix", "padded")]
    [InlineData("authors_encoder_apl_nogate", "adapter, prefix, lora", "none")]
    public void A_two_layer_encoder_end_to_end(string name, string parts, string gate)
    {
        using var scope = new TensorScope();
        using var f = new FixtureCase(name);
        List<EncoderBlock> blocks = [];
        f.Sites(build => blocks.AddRange(Enumerable.Range(0, 2).Select(l =>
            new EncoderBlock(build, $"layer.{l}", l, new EncoderBlockConfig(Width, 4, 64, 1e-12, 0, 0, "gelu")))));
        f.Attach(
            "unipelt", $$"""{"parts": "{{parts}}", "gate": "{{gate}}", "length": 5, "prefix_bottleneck": 16, "reduction_factor": 4}""", Authors);
        var hidden = f.Input("hidden");
        var mask = f["ext_mask"].View(Rows, 7).Eq(0).To(DType.Float64);

        // The reference masks by -10000 and Graft by the lowest number: both weights are exactly zero.
        var output = f.Run(Rows, pass =>
        {
            var bias = AttentionBias.FromMask(mask, DType.Float64);
            var first = blocks[0].Forward(pass, hidden, bias, packing: null);
            f.Close("hidden_after_layer1", first);
            return blocks[1].Forward(pass, first, bias, packing: null);
        });

        if (gate == "padded")
        {
            f.Close("gate_adapter", Gates("output"));
            f.Close("gate_prefix", Gates("attention.self"));
            if (parts.Contains("lora", StringComparison.Ordinal))
            {
                f.Close("gate_lora_qv", Tensor.Stack([Gates("attention.self.query"), Gates("attention.self.value")], 1));
            }
        }

        f.Check(output.Output.LastHiddenState);

        Tensor Gates(string site) => Tensor.Stack([.. Enumerable.Range(0, 2).Select(l => output.Observations[$"layer.{l}.{site}.gate"][0].Value.View(Rows))], 0);
    }

    [Theory]
    [InlineData("adapterhub_prompt_tuning_prefix", "prefix")]
    [InlineData("adapterhub_prompt_tuning_prefix_after_bos", "after_first")]
    public void A_prompt_and_its_mask(string name, string placement)
    {
        using var scope = new TensorScope();
        using var f = new FixtureCase(name);
        EmbeddingSite site = null!;
        f.Sites(build => site = build.Sites.Add(new EmbeddingSite("embeddings", Width, StackKind.Encoder)));
        f.Attach("prompt-tuning", $$"""{"length": 4, "placement": "{{placement}}"}""", _ => "prompt", gradient: "d_");
        var embedded = f.Input("embedded_input");
        PromptedText text = null!;

        var output = f.Run(Rows, pass =>
        {
            text = site.Apply(pass, new PromptedText(embedded, f["ext_mask_in"].View(Rows, 7).Eq(0).To(DType.Float64), 7), asWords: false);
            return text.Embedded;
        });

        TensorAssert.BitwiseEqual(f["ext_mask_out"].View(Rows, 11).Eq(0).To(DType.Float64), text.Mask!);
        TensorAssert.BitwiseEqual(embedded, text.TextOnly(text.Embedded));
        f.Check(output.Output.LastHiddenState);
    }

    [Fact]
    public void A_gated_scale_of_a_linear_map()
    {
        using var scope = new TensorScope();
        using var f = new FixtureCase("adapterhub_ia3_gated");
        LinearSite map = null!;
        f.Sites(build => map = build.Linear("map", Width, Width, SiteRole.Key, SiteRole.SelfAttention, StackKind.Encoder, 0), "map.");
        f.Attach(
            "ia3", """{"targets": "key", "input_targets": "none", "gate": "padded"}""",
            path => path["map.".Length..].Replace("scale", "vec", StringComparison.Ordinal).Replace('.', '_'), gradient: "d_");
        var x = f.Input("x");

        var output = f.Run(Rows, pass => map.Apply(pass, x));

        f.Observed(output, "map.gate", "gate");
        f.Check(output.Output.LastHiddenState);
    }

    [Fact]
    public void A_chain_of_gated_LoRAs_as_the_library_stacks_them()
    {
        using var scope = new TensorScope();
        using var f = new FixtureCase("adapterhub_lora_stack3_gated");
        LinearSite map = null!;
        f.Sites(build => map = build.Linear("map", Width, Width, SiteRole.Query, SiteRole.SelfAttention, StackKind.Encoder, 0), "map.");
        f.Attach(
            "test-chained-lora", "{}",
            path => path["map.".Length..].Replace(".lora", "_lora", StringComparison.Ordinal).Replace(".gate", "_gate", StringComparison.Ordinal),
            gradient: "d_w", weight: "w");
        var x = f.Input("x");

        var output = f.Run(Rows, pass => map.Apply(pass, x));

        f.Close("gates", Tensor.Cat([.. Enumerable.Range(0, 3).Select(i => output.Observations[$"map.{i}.gate"][0].Value)], 0));
        f.Check(output.Output.LastHiddenState);
    }

    /// <summary>The authors' name of a parameter.</summary>
    private static string Authors(string path)
    {
        (string Ours, string Theirs)[] names =
        [
            ("shared.prefix.encoder.embedding.", "prefix_enc_embed."), ("shared.prefix.encoder.mlp.", "prefix_embed_MLP."),
            ("query.gate.", "query.lora_gate."), ("value.gate.", "value.lora_gate."), ("self.gate.", "self.prefix_gate."),
            ("output.down.", "output.adapters.task.adapter_down.0."), ("output.up.", "output.adapters.task.adapter_up."),
            ("output.gate.", "output.adapters.task.gate."),
        ];
        return names.Aggregate(path, (p, name) => p.Replace(name.Ours, name.Theirs, StringComparison.Ordinal));
    }
}
