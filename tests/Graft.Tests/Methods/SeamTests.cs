using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods;

public sealed class MaskedPrototypeConformance : PeftMethodConformance
{
    protected override string Method => "test-masked-prototype";

    protected override IReadOnlyList<string> Tasks => ["rte", "cola"];

    /// <summary>A straight-through gradient is, on purpose, not the derivative of the binary mask.</summary>
    protected override bool HasExactGradient(string path) => !path.Contains(".scores.", StringComparison.Ordinal);
}

public sealed class GeneratedAdaptersConformance : PeftMethodConformance
{
    protected override string Method => "test-generated";

    protected override IReadOnlyList<string> Tasks => ["a", "b", "c"];
}

public sealed class FlatPrefixConformance : PeftMethodConformance
{
    protected override string Method => "test-prefix";
}

public sealed class SoftPromptConformance : PeftMethodConformance
{
    protected override string Method => "test-prompt";
}

public sealed class OutputScaleConformance : PeftMethodConformance
{
    protected override string Method => "test-output-scale";
}

public sealed class BeforeBiasConformance : PeftMethodConformance
{
    protected override string Method => "test-before-bias";
}

public sealed class BiasOnlyConformance : PeftMethodConformance
{
    protected override string Method => "test-biases";
}

public sealed class InputShiftConformance : PeftMethodConformance
{
    protected override string Method => "test-input";
}

public sealed class SeamTests
{
    [Fact]
    public void An_adapter_of_another_backbone_object_is_refused()
    {
        using var own = TinyBackbones.Create("bert");
        using var other = TinyBackbones.Create("bert");
        using var rng = new Rng(0, Device.Cpu);
        using var adapter = PeftMethods.Get("lora").Attach(other, "stranger", PeftMethods.Get("lora").Defaults, rng);
        using var scope = new TensorScope();
        var fault = Assert.Throws<ArgumentException>(() => new AdaptedModel(own).Forward(TinyBackbones.Batch(0, 5, 3), adapter));
        Assert.Contains("'stranger' was attached to another backbone", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Eight_methods_of_every_kind_share_one_batch_and_each_row_is_as_alone()
    {
        using var backbone = TinyBackbones.Create("bert");
        string[] names = ["lora", "test-prefix", "test-prompt", "full", "pfeiffer", "test-biases", "test-before-bias", "head"];
        var adapters = names.Select((name, i) =>
        {
            using var rng = new Rng(i, Device.Cpu);
            return PeftMethods.Get(name).Attach(backbone, name, PeftMethods.Get(name).Defaults, rng);
        }).ToList();
        using var scope = new TensorScope();
        using (Autograd.NoGrad())
        {
            using var rng = new Rng(50, Device.Cpu);
            foreach (var parameter in adapters.SelectMany(a => a.Parameters()))
            {
                parameter.Value.Add_(rng.Normal(parameter.Value.Shape, 0, 0.05));
            }
        }

        int[] lengths = [5, 7, 3, 6, 7, 4, 2, 7, 5, 6];
        var rows = lengths.Select((_, i) => new RowAdapter(adapters[(i * 3) % adapters.Count])).ToArray();
        var batch = TinyBackbones.Batch(1, lengths);
        var model = new AdaptedModel(backbone);

        var mixed = model.Forward(batch, rows, allHiddenStates: true).Output;

        Assert.Equal(3, mixed.HiddenStates!.Count);
        TensorAssert.BitwiseEqual(mixed.LastHiddenState, mixed.HiddenStates[^1]);
        for (var i = 0; i < rows.Length; i++)
        {
            var alone = model.Forward(TinyBackbones.Rows(batch, i, 1), rows[i].Adapter).Output.LastHiddenState;
            TensorAssert.Close(alone.Narrow(1, 0, lengths[i]), mixed.LastHiddenState.Narrow(0, i, 1).Narrow(1, 0, lengths[i]));
        }

        adapters.ForEach(a => a.Dispose());
    }

    [Fact]
    public void A_shared_module_is_saved_once_and_is_one_object_for_all_layers()
    {
        using var backbone = TinyBackbones.Create("bert", layers: 3);
        using var rng = new Rng(1, Device.Cpu);
        var method = PeftMethods.Get("test-masked-prototype");

        using var adapter = method.Attach(backbone, "a", method.Defaults, rng, ["x"]);

        Assert.Equal(2, adapter.NamedParameters().Count(p => p.Path.StartsWith("shared.prototype.", StringComparison.Ordinal)));
        Assert.Equal(3, adapter.NamedParameters().Count(p => p.Path.EndsWith(".scores.x", StringComparison.Ordinal)));
        Assert.Equal(5, adapter.NamedParameters().Count());
    }

    [Fact]
    public void A_task_that_the_adapter_does_not_hold_is_refused()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var rng = new Rng(1, Device.Cpu);
        var method = PeftMethods.Get("test-generated");
        using var adapter = method.Attach(backbone, "a", method.Defaults, rng, ["x"]);
        using var scope = new TensorScope();

        var error = Assert.Throws<ArgumentException>(() =>
            new AdaptedModel(backbone).Forward(TinyBackbones.Batch(1, 3), [new RowAdapter(adapter, "y")]));

        Assert.Contains("'y'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Roles_narrowed_by_a_sublayer_select_only_its_maps()
    {
        using var backbone = TinyBackbones.Create("bert");

        var attention = backbone.Sites.Linear(SiteRole.AllLinear | SiteRole.SelfAttention).ToList();

        Assert.Equal(8, attention.Count);
        Assert.All(attention, s => Assert.Equal(SiteRole.SelfAttention, s.Sublayer));
        Assert.Empty(backbone.Sites.Linear(SiteRole.Query | SiteRole.CrossAttention));
    }

    [Fact]
    public void An_unknown_method_is_refused_with_the_nearest_name()
    {
        var error = Assert.Throws<GraftException>(() => PeftMethods.Get("lroa"));

        Assert.Contains("'lora'", error.Message, StringComparison.Ordinal);
    }
}
