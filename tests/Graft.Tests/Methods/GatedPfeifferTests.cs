using System.Text.Json.Nodes;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods;

/// <summary>The bottleneck with everything that a setting can add to it.</summary>
public sealed class GatedPfeifferTests : PeftMethodConformance
{
    protected override string Method => "pfeiffer";

    protected override JsonObject Settings => new()
    {
        ["reduction_factor"] = new JsonObject { ["default"] = 4, ["1"] = 2.5 },
        ["sublayers"] = "self_attention, feed_forward",
        ["activation"] = "gelu",
        ["gate"] = "masked",
        ["scaling"] = "channel",
        ["own_norm_before"] = true,
        ["own_norm_after"] = true,
        ["residual"] = "sum",
        ["train_norms"] = true,
        ["dropout"] = 0.1,
        ["stochastic_depth"] = 0.1,
    };

    [Fact]
    public void The_gate_of_each_layer_is_shown_by_name()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var adapter = Attach(backbone);
        using var scope = new TensorScope();

        var seen = RunPass(backbone, adapter, TinyBackbones.Batch(1, 5, 3)).Observations;

        Assert.Equal(
            ["encoder.layer.0.attention.gate", "encoder.layer.0.output.gate", "encoder.layer.1.attention.gate", "encoder.layer.1.output.gate"],
            seen.Keys.Order(StringComparer.Ordinal));
        Assert.Equal([2L, 1, 1], seen["encoder.layer.0.output.gate"][0].Value.Shape.ToArray());
    }
}
