using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Methods.Core.Hypernetworks;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods.Hypernetworks;

/// <summary>HyperFormer, HyperFormer++ and their ordinary adapters against numbers of their authors' classes, with all gradients, in float64.</summary>
public sealed class HyperFormerFixtureTests
{
    private const int Width = 12;
    private const string Settings = """{"embedding": 6, "hidden": 10, "features": 8, "reduction_factor": 4, "train_norms": false}""";
    private static readonly string[] s_tasks = ["rte", "sst2", "mrpc"];

    // The authors call the sublayers so, in the order of their position embeddings.
    private static readonly (SiteRole Role, string Key)[] s_places = [(SiteRole.FeedForward, "ff"), (SiteRole.SelfAttention, "sa")];

    [Theory]
    [InlineData("hyperformer++", "hyperformerpp")]
    [InlineData("hyperformer", "hyperformer")]
    public void Generated_weights_outputs_and_all_gradients(string method, string file)
    {
        using var scope = new TensorScope();
        using var f = new HyperFixture(file);
        using var backbone = BareSites.Of(Width, 3, StackKind.Encoder, out var sites, SiteRole.SelfAttention, SiteRole.FeedForward);
        using var adapter = HyperFixture.Attach(backbone, method, Settings, s_tasks);
        Fill("layers", "layer_id_embeddings.weight");
        FillMap("trunk.hidden", "task_hypernet.task_embeding_generator.0");
        FillMap("trunk.output", "task_hypernet.task_embeding_generator.2");
        FillMap("trunk.norm", "LayerNorm");
        if (method == "hyperformer")
        {
            FillHeads("heads.0", "feed_forward_");
            FillHeads("heads.1", "self_attention_");
        }
        else
        {
            Fill("positions", "adapters_block_type.weight");
            FillHeads("heads", "");
        }

        foreach (var task in s_tasks)
        {
            f.Fill(adapter, $"tasks.{task}.embedding.vector", $"task.task_to_embeddings.{task}", $"grad.task.task_to_embeddings.{task}");
        }

        var x = f["x"];
        List<string> tasks = [.. s_tasks.SelectMany(t => Enumerable.Repeat(t, 2))];

        var output = BareSites.Run(backbone, adapter, tasks, pass => Tensor.Stack(
            [.. sites.Select(s => s.Inner(pass, x.Repeat(3, 1, 1)))], 1)).Output.LastHiddenState;

        var loss = Tensor.Zeros([], DType.Float64);
        foreach (var (t, task) in s_tasks.Index())
        {
            foreach (var (s, site) in sites.Index())
            {
                var place = $"{task}.l{site.Layer}.{s_places.Single(p => p.Role == site.Sublayer).Key}";
                var y = output.Narrow(0, 2 * t, 2).Select(1, s);
                f.Close(place + ".y", y);
                loss += (y * f["R"]).Sum();
                var part = (GeneratedPart)adapter.PartsByKey.Single(p => p.Key == site.Path).Part;
                foreach (var (key, value) in part.Source.Generate([task]).At(task, part.Place).Named())
                {
                    f.Close($"{place}.{Theirs(key)}", value);
                }
            }
        }

        f.Close("loss", loss);
        loss.Backward();
        f.CheckGradients();

        void Fill(string own, string theirs) => f.Fill(adapter, "shared.encoder." + own, "w." + theirs, "grad." + theirs);

        void FillMap(string own, string theirs) => f.FillMap(adapter, "shared.encoder." + own, "w." + theirs, "grad." + theirs);

        void FillHeads(string own, string theirs)
        {
            FillMap(own + ".down", theirs + "down_sampler_hyper_net.weight_generator.0");
            FillMap(own + ".down_bias", theirs + "down_sampler_hyper_net.bias_generator.0");
            FillMap(own + ".up", theirs + "up_sampler_hyper_net.weight_generator.0");
            FillMap(own + ".up_bias", theirs + "up_sampler_hyper_net.bias_generator.0");
            FillMap(own + ".norm_gain", theirs + "post_layernorm_hypernet.weight_generator");
            FillMap(own + ".norm_bias", theirs + "post_layernorm_hypernet.bias_generator");
        }
    }

    [Theory]
    [InlineData("rte")]
    [InlineData("sst2")]
    public void The_ordinary_adapter_with_a_norm_of_its_own(string task)
    {
        using var scope = new TensorScope();
        using var f = new HyperFixture("houlsby_adapter");
        using var backbone = BareSites.Of(Width, 1, StackKind.Encoder, out var sites, SiteRole.FeedForward);
        using var adapter = HyperFixture.Attach(
            backbone, "houlsby", """{"sublayers": "feed_forward", "reduction_factor": 4, "activation": "gelu_new", "own_norm_after": true, "train_norms": false}""");
        foreach (var (own, theirs) in new[] { ("down", $"adapters.{task}.down_sampler"), ("up", $"adapters.{task}.up_sampler"), ("norm_after", "post_layer_norm") })
        {
            foreach (var part in new[] { "weight", "bias" })
            {
                adapter.NamedParameters().Single(p => p.Path == $"feed_forward.0.{own}.{part}").Parameter.Assign(f[$"w.{theirs}.{part}"]);
            }
        }

        backbone.Compute = pass => sites[0].After(pass, f["x"], f["x"], f["x"], null);
        var output = new AdaptedModel(backbone).Forward(new BackboneInput(Tensor.Zeros([2, 1], DType.Int64)), adapter);

        f.Close("y." + task, output.Output.LastHiddenState);
    }

    private static string Theirs(string key) => key switch
    {
        "down.weight" => "down_w",
        "down.bias" => "down_b",
        "up.weight" => "up_w",
        "up.bias" => "up_b",
        "norm_after.weight" => "ln_w",
        _ => "ln_b",
    };
}
