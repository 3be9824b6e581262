using System.Text.Json.Nodes;
using Graft.Methods.Core.Bottlenecks;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods;

public sealed class CompacterTests : PeftMethodConformance
{
    protected override string Method => "compacter";

    // Rules of 1e-4 make gradients of the factors too small for finite differences.
    protected override JsonObject Settings => new() { ["reduction_factor"] = 2, ["rule_deviation"] = 0.3 };

    [Fact]
    public void Fixture_phm_linear_is_reproduced_for_down_and_up()
    {
        using var scope = new TensorScope();
        using var file = SafetensorsFile.Open(SharedData.Fixture("pha/phm_linear.safetensors"));
        using var rule = new MatrixStack(file.Load("phm_rule").To(DType.Float64));
        foreach (var role in new[] { "down", "up" })
        {
            var bias = file.Load(role + ".b").To(DType.Float64);
            var weights = new MatrixStack(file.Load(role + ".W_left").To(DType.Float64), file.Load(role + ".W_right").To(DType.Float64));
            using var map = new PhmProjection(rule, ownsRule: false, weights, ownsWeights: true, (int)bias.Size(0));
            map.ConvertTo(DType.Float64);
            map.NamedParameters().Single(p => p.Path == "bias").Parameter.Assign(bias);

            var y = map.Forward(file.Load(role + ".x").To(DType.Float64));

            TensorAssert.Close(file.Load(role + ".y"), y, 1e-10, 1e-16);
        }
    }

    [Fact]
    public void A_projection_is_the_sum_of_Kronecker_products_and_its_gradients_reach_rule_and_factors()
    {
        using var scope = new TensorScope();
        using var rng = new Rng(3, Device.Cpu);
        var rule = rng.Normal([4, 4, 4], 0, 1, DType.Float64);
        var (left, right) = (rng.Normal([4, 3, 2], 0, 1, DType.Float64), rng.Normal([4, 2, 5], 0, 1, DType.Float64));
        var x = rng.Normal([2, 6, 12], 0, 1, DType.Float64);
        var explicitly = Enumerable.Range(0, 4)
            .Select(i => rule.Select(0, i).Kron(left.Select(0, i).MatMul(right.Select(0, i))))
            .Aggregate((sum, term) => sum + term);
        using var rules = new MatrixStack(rule.Clone());
        using var map = new PhmProjection(rules, ownsRule: false, new MatrixStack(left.Clone(), right.Clone()), ownsWeights: true, bias: null);

        var y = map.Forward(x);
        y.Sum().Backward();

        TensorAssert.Close(x.MatMul(explicitly), y, 1e-12, 1e-12);
        Assert.All(map.Parameters().Concat(rules.Parameters()), p => Assert.True(p.Value.Grad!.Abs().Min().ToDouble() > 0));
    }

    [Fact]
    public void All_layers_share_one_set_of_rules()
    {
        using var backbone = TinyBackbones.Create("roberta");
        using var adapter = Attach(backbone);

        Assert.Equal(["shared.phm_rule.weight"], adapter.NamedParameters().Select(p => p.Path).Where(p => p.Contains("rule", StringComparison.Ordinal)));
    }

    [Fact]
    public void Weights_are_not_shared_among_blocks_of_different_widths()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var rng = new Rng(1, Device.Cpu);
        var config = Subject.ReadConfig(
            new() { ["shared_weights"] = true, ["reduction_factor"] = JsonNode.Parse("""{"default": 2, "1": 4}""") }, "test");

        var error = Assert.Throws<GraftException>(() => Subject.Attach(backbone, "a", config, rng));

        Assert.Contains("shared_weights", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_width_that_does_not_divide_is_refused()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var rng = new Rng(1, Device.Cpu);

        var error = Assert.Throws<GraftException>(() => Subject.Attach(backbone, "a", Subject.ReadConfig(new() { ["reduction_factor"] = 3 }, "test"), rng));

        Assert.Contains("phm_dim", error.Message, StringComparison.Ordinal);
    }
}

/// <summary>Every other way to make the projections.</summary>
public sealed class CompacterVariantTests : PeftMethodConformance
{
    protected override string Method => "compacter";

    protected override JsonObject Settings => new()
    {
        ["reduction_factor"] = 2,
        ["sublayers"] = "feed_forward",
        ["shared_rule"] = false,
        ["factorized_rule"] = true,
        ["factorized_weights"] = false,
        ["shared_weights"] = true,
        ["phm_bias"] = false,
        ["train_norms"] = false,
        ["rule_deviation"] = 0.6,
    };
}
