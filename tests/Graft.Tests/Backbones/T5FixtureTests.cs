using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Backbones;

/// <summary>
/// T5 in float64 against the authors' code of PHA: a whole tiny model with its adapters, which are written out here from their formula, so that
/// nothing but the backbone and its sites is tested.
/// </summary>
public sealed class T5FixtureTests : IDisposable
{
    private readonly SafetensorsFile _file = SafetensorsFile.Open(SharedData.Fixture("pha/tiny_t5.safetensors"));

    public void Dispose() => _file.Dispose();

    [Fact]
    public void States_and_scores_of_a_mixed_batch_equal_the_reference()
    {
        using var scope = new TensorScope();
        using var backbone = Backbone();

        var output = Run(backbone, _file.Load("task_index"));

        TensorAssert.Close(_file.Load("encoder_last_hidden"), output.LastHiddenState, 1e-10, 1e-12);
        TensorAssert.Close(_file.Load("logits"), output.Logits!, 1e-10, 1e-12);
    }

    [Fact]
    public void Scores_of_one_task_equal_the_reference()
    {
        using var scope = new TensorScope();
        using var backbone = Backbone();
        var expected = _file.Load("eval_mrpc.logits");

        // The order of tasks is the authors': one of the four is mrpc.
        var differences = Enumerable.Range(0, 4)
            .Select(task => (Run(backbone, Tensor.Full([6], task, DType.Int64)).Logits! - expected).Abs().Max().ToDouble());

        Assert.Single(differences, d => d < 1e-12);
    }

    [Fact]
    public void Every_weight_of_the_reference_model_has_its_name_here()
    {
        using var backbone = Backbone();

        var expected = _file.Keys.Where(k => k.StartsWith("w.", StringComparison.Ordinal)
            && !new[] { "adapter", "param_gen", ".mlp." }.Any(k.Contains)).Select(k => k[2..]);

        Assert.Equal(expected.Order(StringComparer.Ordinal), backbone.NamedParameters().Select(p => p.Path).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void T5_base_has_the_published_number_of_parameters()
    {
        using var backbone = HollowBackbones.T5Base();

        Assert.Equal(222_903_552, backbone.ParameterCount);
    }

    private BackboneOutput Run(Backbone backbone, Tensor tasks)
    {
        var parts = new PartMap(backbone.Sites);
        foreach (var site in backbone.Sites.Hidden(SiteRole.FeedForward))
        {
            parts.Add(site, site.Stack == StackKind.Encoder ? Shared(site) : Generated(site, tasks));
        }

        var input = new BackboneInput(_file.Load("input_ids"), _file.Load("attention_mask").To(DType.Float64)) { DecoderIds = _file.Load("decoder_input_ids") };
        return backbone.Forward(input, new AdapterPass([new RowGroup(0, 6, parts, null)], training: false, rng: null));
    }

    private BesideFeedForward Shared(HiddenSite site)
    {
        var (down, up) = (W(site.Path + ".adapter_layer.adapter_down_manual"), W(site.Path + ".adapter_layer.adapter_up_manual"));
        return new BesideFeedForward(x => F.Linear(F.Linear(x, down.Weight, down.Bias).Relu(), up.Weight, up.Bias));
    }

    private BesideFeedForward Generated(HiddenSite site, Tensor tasks)
    {
        const string Trunk = "decoder.param_gen.decoder.";
        var (first, second, norm) = (W(Trunk + "linear1"), W(Trunk + "linear2"), W(Trunk + "LayerNorm"));
        var prototypes = Load("decoder.adapter_task_embedding.weight").IndexSelect(0, tasks);
        var layer = Load("decoder.param_gen.layer_embed.weight").Narrow(0, site.Layer, 1).Expand(prototypes.Size(0), -1);
        var hidden = F.Linear(F.Linear(Tensor.Cat([prototypes, layer], 1), first.Weight, first.Bias).Relu(), second.Weight, second.Bias);
        var input = F.LayerNorm(hidden, norm.Weight, norm.Bias, 1e-6);
        var (rows, w) = (prototypes.Size(0), site.Width);
        var (up, down) = (Head("weight_up").View(rows, -1, w), Head("weight_down").View(rows, w, -1));
        var (upBias, downBias) = (Head("bias_up").Unsqueeze(1), Head("bias_down").Unsqueeze(1));
        return new BesideFeedForward(x => (x.BatchMatMul(down) + downBias).Relu().BatchMatMul(up) + upBias);

        Tensor Head(string name)
        {
            var (weight, bias) = W(Trunk + name);
            return F.Linear(input, weight, bias);
        }
    }

    private (Tensor Weight, Tensor Bias) W(string path) => (Load(path + ".weight"), Load(path + ".bias"));

    private Tensor Load(string key) => _file.Load("w." + key).To(DType.Float64);

    private T5 Backbone()
    {
        var config = new BackboneConfig("t5", 16, 2, 4, 32, 40, int.MaxValue) { HeadSize = 4, Decoder = new DecoderConfig(2, 0, 1, 0) };
        return new T5(config, new T5Config(Dropout: 0), new WeightSource((key, _) => Load(key), DType.Float64));
    }

    private sealed class BesideFeedForward(Func<Tensor, Tensor> adapter) : HiddenPart
    {
        public override HiddenHooks Hooks => HiddenHooks.Parallel;

        public override Tensor? Parallel(RowGroup rows, Tensor input) => adapter(input);
    }
}
