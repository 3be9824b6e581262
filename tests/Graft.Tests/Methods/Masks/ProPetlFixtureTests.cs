using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods.Masks;

/// <summary>The three forms of PROPETL against numbers of its authors' modules, with masks and all gradients.</summary>
public sealed class ProPetlFixtureTests
{
    private const int Width = 24;

    [Fact]
    public void Three_layers_of_RoBERTas_adapter()
    {
        using var scope = new TensorScope();
        using var f = new ProPetlCase("03_roberta_adapter_3layers_shared");
        var layers = new (HiddenSite Site, LinearSite Dense, LayerNorm Norm)[3];
        f.Sites(build =>
        {
            for (var l = 0; l < layers.Length; l++)
            {
                layers[l] = (
                    build.Sites.Add(new HiddenSite($"l{l}", Width, SiteRole.FeedForward, StackKind.Encoder, l)),
                    build.Linear($"l{l}_ffn", Width, Width, SiteRole.FeedForwardOut, SiteRole.FeedForward, StackKind.Encoder, l),
                    build.LayerNorm($"l{l}_ln", Width, 1e-5, SiteRole.FeedForward, StackKind.Encoder, l));
            }
        });
        f.Attach("propetl-adapter", new JsonObject { ["reduction_factor"] = 3, ["kept"] = f.Kept }, [], new()
        {
            ["shared.adapter.down.weight"] = f["down_w"],
            ["shared.adapter.down.bias"] = f["down_b"],
            ["shared.adapter.up.weight"] = f["up_w"],
            ["shared.adapter.up.bias"] = f["up_b"],
            ["shared.adapter.scores.down"] = f.Layers(3, l => $"l{l}_down_scores_dr", transposed: true),
            ["shared.adapter.scores.up"] = f.Layers(3, l => $"l{l}_up_scores_rd", transposed: true),
        });
        List<Tensor> states = [];

        var output = f.Run(2, pass => layers.Aggregate(f["x"], (x, layer) =>
        {
            var a = layer.Site.After(pass, x, layer.Dense.Apply(pass, x), x, layer.Norm.Apply);
            states.Add(layer.Norm.Apply(pass, a + x));
            return states[^1];
        }));
        var loss = (output * f["G"]).Sum();
        loss.Backward();

        for (var l = 0; l < layers.Length; l++)
        {
            TensorAssert.Close(f[$"l{l}_out"], states[l], 0, 1e-5);
        }

        TensorAssert.Close(f["loss"].Reshape(), loss, 1e-5, 1e-4);
        var masks = new[] { "down_mask_dr", "up_mask_rd" }.Select(m => f.Layers(3, l => $"l{l}_{m}", transposed: true).Flatten(1)).ToList();
        TensorAssert.BitwiseEqual(Tensor.Cat(masks, 1), f.Masks.OfPlaces()!);
        f.CheckGradient(f["g_down_w"], "shared.adapter.down.weight");
        f.CheckGradient(f["g_down_b"], "shared.adapter.down.bias");
        f.CheckGradient(f["g_up_w"], "shared.adapter.up.weight");
        f.CheckGradient(f["g_up_b"], "shared.adapter.up.bias");
        f.CheckGradient(f.Layers(3, l => $"l{l}_g_down_scores_dr", transposed: true), "shared.adapter.scores.down");
        f.CheckGradient(f.Layers(3, l => $"l{l}_g_up_scores_rd", transposed: true), "shared.adapter.scores.up");
    }

    [Theory]
    [InlineData("04_lora_2layers_shared")]
    [InlineData("04_lora_zeroB_init")]
    public void Two_layers_of_LoRA(string name)
    {
        using var scope = new TensorScope();
        using var f = new ProPetlCase(name);
        LinearSite[] maps = [];
        f.Sites(build => maps = [.. Enumerable.Range(0, 2).Select(l =>
            build.Linear($"l{l}", Width, Width, SiteRole.Query, SiteRole.SelfAttention, StackKind.Encoder, l))],
            key => key.Replace(".weight", "_W", StringComparison.Ordinal).Replace(".bias", "_b", StringComparison.Ordinal));
        var settings = new JsonObject { ["rank"] = f["r"].ToInt64(), ["alpha"] = f["alpha"].ToInt64(), ["kept"] = f.Kept, ["targets"] = "query" };
        f.Attach("propetl-lora", settings, [], new()
        {
            ["shared.query.lora_A"] = f["A"],
            ["shared.query.lora_B"] = f["B"],
            ["shared.query.scores.A"] = f.Layers(2, l => $"l{l}_A_scores"),
            ["shared.query.scores.B"] = f.Layers(2, l => $"l{l}_B_scores"),
        });
        List<Tensor> states = [];

        var output = f.Run(2, pass => maps.Aggregate(f["x"], (x, map) =>
        {
            states.Add(map.Apply(pass, x));
            return states[^1];
        }));
        (output * f["G"]).Sum().Backward();

        Assert.All(Enumerable.Range(0, 2), l => TensorAssert.Close(f[$"l{l}_out"], states[l], 0, 1e-5));
        TensorAssert.BitwiseEqual(Tensor.Cat([f.Layers(2, l => $"l{l}_A_mask").Flatten(1), f.Layers(2, l => $"l{l}_B_mask").Flatten(1)], 1), f.Masks.OfPlaces()!);
        f.CheckGradient(f["g_A"], "shared.query.lora_A");
        f.CheckGradient(f["g_B"], "shared.query.lora_B");
        f.CheckGradient(f.Layers(2, l => $"l{l}_g_A_scores"), "shared.query.scores.A");
        f.CheckGradient(f.Layers(2, l => $"l{l}_g_B_scores"), "shared.query.scores.B");
    }

    [Fact]
    public void Three_layers_of_a_prefix_and_an_attention()
    {
        const int Rows = 2;
        using var scope = new TensorScope();
        using var f = new ProPetlCase("05_prefix");
        List<KeyValueSite> sites = [];
        f.Sites(build => sites.AddRange(Enumerable.Range(0, 3).Select(l =>
            build.Sites.Add(new KeyValueSite($"l{l}", 16, 4, 4, SiteRole.SelfAttention, StackKind.Encoder, l)))));
        f.Attach("propetl-prefix", new JsonObject { ["length"] = 5, ["bottleneck"] = 12, ["kept"] = f.Kept }, [], new()
        {
            ["shared.prefix.generator.embedding.weight"] = f["wte"],
            ["shared.prefix.generator.mlp.0.weight"] = f["fc1_w"],
            ["shared.prefix.generator.mlp.0.bias"] = f["fc1_b"],
            ["shared.prefix.generator.mlp.2.weight"] = f["fc2_w"],
            ["shared.prefix.generator.mlp.2.bias"] = f["fc2_b"],
            ["shared.prefix.scores.vectors"] = f["scores"],
        });
        var text = Tensor.Zeros([Rows, 1, 16]);
        var none = Tensor.Zeros([Rows, 4, 0, 4]);

        var output = f.Run(Rows, pass => Tensor.Stack([.. sites.Select(s =>
        {
            var (keys, values, _) = s.Apply(pass, text, none, none, null);
            return Tensor.Stack([keys, values], 0);
        })], 0));
        (output * f.Layers(3, l => $"l{l}_G")).Sum().Backward();

        TensorAssert.Close(f.Layers(3, l => $"l{l}_kv"), output, 0, 1e-5);
        TensorAssert.BitwiseEqual(f.Layers(3, l => $"l{l}_mask").Flatten(1), f.Masks.OfPlaces()!);
        f.CheckGradient(f["g_scores"], "shared.prefix.scores.vectors");
        f.CheckGradient(f["g_wte"], "shared.prefix.generator.embedding.weight");
        f.CheckGradient(f["g_fc1_w"], "shared.prefix.generator.mlp.0.weight");
        f.CheckGradient(f["g_fc1_b"], "shared.prefix.generator.mlp.0.bias");
        f.CheckGradient(f["g_fc2_w"], "shared.prefix.generator.mlp.2.weight");
        f.CheckGradient(f["g_fc2_b"], "shared.prefix.generator.mlp.2.bias");

        f.Run(Rows, pass =>
        {
            var (keys, values, bias) = sites[1].Apply(pass, text, f["att_k"], f["att_v"], f["att_mask_in"]);
            TensorAssert.Close(f["att_k_out"], keys, 0, 1e-5);
            TensorAssert.Close(f["att_v_out"], values, 0, 1e-5);
            TensorAssert.Close(f["att_mask_out"], bias!, 0, 0);
            var weights = ((f["att_q"].MatMul(keys.Transpose(-2, -1)) / 2.0) + bias!).Softmax(-1);
            var context = weights.MatMul(values).Transpose(1, 2).Flatten(2);
            TensorAssert.Close(f["att_context"], context, 0, 1e-5);
            return context;
        });
    }

    [Fact]
    public void Two_blocks_of_T5_with_masks_of_layers_alone()
    {
        using var scope = new TensorScope();
        using var f = new ProPetlCase("06_t5_controller_single_task");
        var sites = T5.Sites(f, 2);
        f.Attach("propetl-adapter", T5.Settings(f), [], new(T5.Prototype(f))
        {
            ["shared.adapter.scores.down"] = f.Layers(2, l => $"l{l}_down_scores"),
            ["shared.adapter.scores.up"] = f.Layers(2, l => $"l{l}_up_scores"),
        });
        List<Tensor> states = [];

        (T5.Run(f, sites, f["y"], f["hidden_before_ff"], null, states) * f["G"]).Sum().Backward();

        Assert.All(Enumerable.Range(0, 2), l => TensorAssert.Close(f[$"l{l}_out"], states[l], 0, 1e-5));
        T5.CheckPrototype(f, "g_");
        f.CheckGradient(f.Layers(2, l => $"l{l}_g_down_scores"), "shared.adapter.scores.down");
        f.CheckGradient(f.Layers(2, l => $"l{l}_g_up_scores"), "shared.adapter.scores.up");
    }

    // The first block's layer scores are those of the task cola in these files: the slip that aliased_scores repeats.
    [Theory]
    [InlineData("or", "rte"), InlineData("or", "sst2"), InlineData("or", "cola")]
    [InlineData("and", "rte"), InlineData("and", "sst2"), InlineData("and", "cola")]
    [InlineData("add", "rte"), InlineData("add", "sst2"), InlineData("add", "cola")]
    public void Three_blocks_of_T5_with_masks_of_layers_and_tasks(string combination, string task)
    {
        string[] tasks = ["rte", "sst2", "cola"];
        using var scope = new TensorScope();
        using var f = new ProPetlCase($"06_t5_controller_{combination}");
        var sites = T5.Sites(f, 3);
        var settings = T5.Settings(f);
        (settings["combine"], settings["aliased_scores"]) = (combination, true);
        var values = new Dictionary<string, Tensor>(T5.Prototype(f));
        foreach (var side in new[] { "down", "up" })
        {
            values[$"shared.adapter.scores.{side}"] = f.Layers(2, l => $"l{l + 1}_{side}_scores");
            Array.ForEach(tasks, t => values[$"tasks.{t}.adapter.scores.{side}"] = f[$"task_{t}_{side}_scores"].Unsqueeze(0));
        }

        f.Attach("propetl-adapter", settings, tasks, values);
        List<Tensor> states = [];

        (T5.Run(f, sites, f["y"], f["hidden_before_ff"], task, states) * f["G"]).Sum().Backward();

        Assert.All(Enumerable.Range(0, 3), l => TensorAssert.Close(f[$"{task}_l{l}_out"], states[l], 0, 1e-5));
        TensorAssert.BitwiseEqual(Flat(3, (side, l) => $"l{l}_{side}_mask"), f.Masks.OfPlaces()!);
        Assert.All(tasks, t => TensorAssert.BitwiseEqual(Flat(1, (side, _) => $"task_{t}_{side}_mask"), f.Masks.OfTask(t)!));
        T5.CheckPrototype(f, $"{task}_g_");
        foreach (var side in new[] { "down", "up" })
        {
            f.CheckGradient(f.Layers(2, l => $"{task}_g_l{l + 1}_{side}_scores"), $"shared.adapter.scores.{side}");
            Array.ForEach(tasks, t => f.CheckGradient(f[$"{task}_g_task_{t}_{side}_scores"], $"tasks.{t}.adapter.scores.{side}"));
        }

        Tensor Flat(int count, Func<string, int, string> key) =>
            Tensor.Cat([f.Layers(count, l => key("down", l)).Flatten(1), f.Layers(count, l => key("up", l)).Flatten(1)], 1);
    }

    /// <summary>What the files of T5's blocks have in common: <c>y' = y + A(y + x)</c> without a norm.</summary>
    internal static class T5
    {
        public static HiddenSite[] Sites(ProPetlCase f, int count)
        {
            HiddenSite[] sites = [];
            f.Sites(build => sites = [.. Enumerable.Range(0, count).Select(l =>
                build.Sites.Add(new HiddenSite($"l{l}", Width, SiteRole.FeedForward, StackKind.Encoder, l)))]);
            return sites;
        }

        public static JsonObject Settings(ProPetlCase f) =>
            new() { ["reduction_factor"] = 3, ["activation"] = "gelu_new", ["deviation"] = 0.01, ["score_layout"] = "weight", ["kept"] = f.Kept };

        public static Dictionary<string, Tensor> Prototype(ProPetlCase f) => new(StringComparer.Ordinal)
        {
            ["shared.adapter.down.weight"] = f["down_w"],
            ["shared.adapter.down.bias"] = f["down_b"],
            ["shared.adapter.up.weight"] = f["up_w"],
            ["shared.adapter.up.bias"] = f["up_b"],
        };

        public static void CheckPrototype(ProPetlCase f, string gradient)
        {
            foreach (var side in new[] { "down", "up" })
            {
                f.CheckGradient(f[$"{gradient}{side}_w"], $"shared.adapter.{side}.weight");
                f.CheckGradient(f[$"{gradient}{side}_b"], $"shared.adapter.{side}.bias");
            }
        }

        public static Tensor Run(ProPetlCase f, HiddenSite[] sites, Tensor y, Tensor hidden, string? task, List<Tensor> states) =>
            f.Run((int)y.Size(0), pass => sites.Aggregate(y, (x, site) =>
            {
                states.Add(site.After(pass, hidden, x, hidden, null));
                return states[^1];
            }), task);
    }
}
