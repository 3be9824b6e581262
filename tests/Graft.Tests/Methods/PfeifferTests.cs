using System.Text.Json.Nodes;
using Graft.Methods.Core;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods;

public sealed class PfeifferTests : PeftMethodConformance
{
    protected override string Method => "pfeiffer";

    protected override JsonObject Settings => new() { ["reduction_factor"] = 4 };

    [Fact]
    public void A_zero_up_projection_is_the_backbone_bitwise()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var adapter = Attach(backbone);
        using var scope = new TensorScope();
        foreach (var (path, parameter) in adapter.NamedParameters())
        {
            if (path.EndsWith("up.weight", StringComparison.Ordinal))
            {
                parameter.Assign(parameter.Value.ZerosLike());
            }
        }

        var batch = TinyBackbones.Batch(1, 5, 3);

        TensorAssert.BitwiseEqual(backbone.Forward(batch).LastHiddenState, Run(backbone, adapter, batch).LastHiddenState);
    }

    [Fact]
    public void Reduction_16_on_a_12_layer_768_wide_model_has_894528_parameters()
    {
        using var backbone = TinyBackbones.Create("roberta", layers: 12);
        var sites = backbone.Sites.Hidden(Graft.Backbones.Sites.SiteRole.FeedForward).Count();

        // The formula at the real width: two 768 x 48 matrices and both biases a layer, without the tiny model's own width.
        Assert.Equal(894_528, sites * ((2L * 768 * 48) + 768 + 48));
        Assert.Equal(sites * ((2L * 16 * 4) + 16 + 4), PeftMethods.Get("pfeiffer").CountParameters(Config, backbone.Sites));
    }
}
