using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Methods.Core.Hypernetworks;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods.Hypernetworks;

/// <summary>PHA's generator, adapters, retriever and losses against numbers of its authors' classes, with all gradients, in float64.</summary>
public sealed class PhaFixtureTests
{
    private const int Width = 12;
    private static readonly string[] s_tasks = ["t0", "t1", "t2", "t3"];

    [Fact]
    public void Generated_adapters_and_all_their_gradients()
    {
        using var scope = new TensorScope();
        using var f = new HyperFixture("gen_adapter");
        using var backbone = BareSites.Of(Width, 3, StackKind.Decoder, out var sites, SiteRole.FeedForward);
        using var adapter = HyperFixture.Attach(
            backbone, "pha", """{"bottleneck": 5, "layout": "generated", "instance_weight": 0, "prototype_weight": 0}""", s_tasks);
        f.FillHypernetwork(adapter, "w.", "grad.", Width, bottleneck: 5);
        f.FillPrototypes(adapter, "prototypes", "grad.prototypes");

        var x = f.Input("x");
        var tasks = f["task_index"].ToArray<long>().Select(t => s_tasks[t]).ToList();
        var sorted = BareSites.PassOrder(tasks);

        var rows = x.IndexSelect(0, sorted);
        var output = BareSites.Run(backbone, adapter, tasks, pass => Tensor.Cat(
            [.. sites.Select(s => s.After(pass, rows, rows.ZerosLike(), rows, null))], 2)).Output.LastHiddenState;

        var loss = Tensor.Zeros([], DType.Float64);
        for (var l = 0; l < 3; l++)
        {
            var y = output.Narrow(2, l * Width, Width);
            f.Close($"l{l}.y", y);
            loss += (y * f["R"].Select(0, l)).Sum();
        }

        f.Close("loss", loss);
        // A prototype without a row would have no gradient instead of zeros.
        adapter.NamedParameters().Where(p => adapter.TaskOf(p.Path) is not null).Aggregate(loss, (sum, p) => sum + (p.Parameter.Value * 0).Sum()).Backward();
        f.CheckGradients();
        f.Close("grad.x", x.Grad!);
    }

    [Fact]
    public void The_ordinary_adapter_that_tasks_share()
    {
        using var scope = new TensorScope();
        using var f = new HyperFixture("gen_adapter");
        using var backbone = BareSites.Of(Width, 3, StackKind.Decoder, out _, SiteRole.FeedForward);
        using var ordinary = HyperFixture.Attach(backbone, "parallel", """{"reduction_factor": 3, "scaling": 1}""");
        foreach (var (own, theirs) in new[] { ("down", "adapter_down_manual"), ("up", "adapter_up_manual") })
        {
            foreach (var part in new[] { "weight", "bias" })
            {
                ordinary.NamedParameters().Single(p => p.Path == $"feed_forward.0.{own}.{part}").Parameter.Assign(f[$"manual.{theirs}.{part}"]);
            }
        }

        backbone.Compute = pass => ((HiddenSite)backbone.Sites.All[0]).After(pass, f["x"], f["x"].ZerosLike(), f["x"], null);
        var output = new AdaptedModel(backbone).Forward(new BackboneInput(Tensor.Zeros([4, 1], DType.Int64)), ordinary);

        f.Close("manual.y", output.Output.LastHiddenState);
    }

    [Theory]
    [InlineData("mixed")]
    [InlineData("singleton")]
    [InlineData("onetask")]
    public void Both_losses_and_all_their_gradients(string name)
    {
        using var scope = new TensorScope();
        using var f = new HyperFixture("losses");
        using var backbone = BareSites.Of(Width, 1, StackKind.Encoder, out _, SiteRole.FeedForward);
        using var adapter = HyperFixture.Attach(backbone, "pha", """{"layout": "generated", "retriever_states": "last"}""", s_tasks);
        f.FillMap(adapter, "shared.retriever.hidden", "mlp.0", $"{name}.grad.mlp.0");
        f.FillMap(adapter, "shared.retriever.output", "mlp.2", $"{name}.grad.mlp.2");
        f.FillPrototypes(adapter, "prototypes", $"{name}.grad.prototypes");
        var hidden = f.Input("hidden");
        var tasks = f[$"{name}.task"].ToArray<long>().Select(t => s_tasks[t]).ToList();
        var sorted = BareSites.PassOrder(tasks);

        using var rng = new Rng(1, Device.Cpu);
        var output = BareSites.Run(backbone, adapter, tasks, _ => hidden.IndexSelect(0, sorted), f["mask"].To(DType.Float64), rng);

        output.AuxiliaryLoss!.Backward();
        TensorAssert.Close(f[$"{name}.L_ins"] + f[$"{name}.L_pro"], output.AuxiliaryLoss!.Reshape(1), 1e-12, 1e-14);
        f.CheckGradients();
        f.Close($"{name}.grad.hidden", hidden.Grad!);
    }

    [Theory]
    [InlineData("mixed")]
    [InlineData("singleton")]
    [InlineData("onetask")]
    public void Pooled_states_vectors_and_each_loss(string name)
    {
        using var scope = new TensorScope();
        using var f = new HyperFixture("losses");
        using var rng = new Rng(1, Device.Cpu);
        using var retriever = new Retriever(Width, 128, 64, rng);
        retriever.ConvertTo(DType.Float64);
        foreach (var (path, parameter) in retriever.NamedParameters())
        {
            parameter.Assign(f[path.Replace("hidden", "mlp.0", StringComparison.Ordinal).Replace("output", "mlp.2", StringComparison.Ordinal)]);
        }

        var pooled = Retriever.Pool(f["hidden"], f["mask"]);
        var z = f.Input($"{name}.z");
        var tasks = f[$"{name}.task"].ToArray<long>().Select(t => (int)t).ToList();
        var instances = ContrastiveLosses.Instances(z, tasks, 0.1)! * 0.1;
        var prototypes = ContrastiveLosses.Prototypes(z, f["prototypes"], tasks, 0.1)! * 0.1;
        (instances + prototypes).Backward();

        f.Close($"{name}.pooled", pooled);
        f.Close($"{name}.z", retriever.Forward(pooled));
        f.Close($"{name}.L_ins", instances);
        f.Close($"{name}.L_pro", prototypes);
        f.Close($"{name}.grad.z", z.Grad!);
    }

    [Fact]
    public void Rows_that_have_no_other_of_their_task_add_nothing_where_the_authors_get_no_number()
    {
        using var scope = new TensorScope();
        using var f = new HyperFixture("losses");

        Assert.True(double.IsNaN(f["distinct.L_ins"].ToArray<double>()[0]));
        Assert.Null(ContrastiveLosses.Instances(f["mixed.z"].Narrow(0, 0, 4), [0, 1, 2, 3], 0.1));
    }
}
