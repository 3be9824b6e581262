using System.Text.Json.Nodes;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Backbones;

public sealed class TokenPackingTests
{
    [Theory]
    [InlineData("bert")]
    [InlineData("roberta")]
    public void A_packed_pass_and_its_gradients_are_those_of_the_padded_one(string name)
    {
        using var backbone = TinyBackbones.Create(name, DType.Float64);
        using var rng = new Rng(1, Device.Cpu);
        using var adapter = PeftMethods.Get("lora").Attach(backbone, "own", PeftMethods.Get("lora").Defaults, rng);
        adapter.ConvertTo(DType.Float64);
        var parameters = adapter.NamedParameters().Select(p => p.Parameter.Value).ToList();
        using var frozen = new TensorScope();
        foreach (var parameter in parameters)
        {
            using var still = Autograd.NoGrad();
            parameter.Add_(rng.Normal([.. parameter.Shape], 0, 0.3).To(DType.Float64));
        }

        var batch = TinyBackbones.Batch(2, 3, 11, 1, 6);
        var (packed, packedGradients) = Pass(keepsPadding: false);
        var (padded, paddedGradients) = Pass(keepsPadding: true);

        TensorAssert.Close(padded, packed, 1e-12, 1e-12);
        foreach (var (expected, actual) in paddedGradients.Zip(packedGradients))
        {
            Assert.True(expected.Abs().Max().ToDouble() > 0);
            TensorAssert.Close(expected, actual, 1e-12, 1e-12);
        }

        (Tensor Real, List<Tensor> Gradients) Pass(bool keepsPadding)
        {
            var parts = new PartMap(backbone.Sites, [adapter.Parts]);
            foreach (var site in backbone.Sites.All)
            {
                foreach (var part in adapter.Parts.At(site))
                {
                    parts.Add(site, part);
                }
            }

            if (keepsPadding)
            {
                parts.Add(backbone.Sites.Hidden(SiteRole.FeedForward).First(), new PaddingReader());
            }

            var pass = new AdapterPass([new RowGroup(0, 1, parts, null), new RowGroup(1, 3, parts, null)], training: false, rng: null);
            var real = backbone.Forward(batch, pass).LastHiddenState * batch.Mask!.To(DType.Float64).Unsqueeze(2);
            parameters.ForEach(p => p.Grad?.Zero_());
            real.Square().Sum().Backward();
            return (real.Detach(), [.. parameters.Select(p => p.Grad!.Clone())]);
        }
    }

    [Fact]
    public void Packing_keeps_the_order_of_tokens_and_gives_back_their_places()
    {
        using var scope = new TensorScope();
        var mask = Tensor.From([1f, 1, 0, 0, 0, 1, 1, 1, 0, 0, 1, 0], 3, 4);
        var padded = Tensor.From([.. Enumerable.Range(0, 24).Select(i => (float)i)], 3, 4, 2);
        var packing = TokenPacking.Of(mask)!;

        var packed = packing.Pack(padded);

        Assert.Equal([0, 1, 2, 3, 10, 11, 12, 13, 14, 15, 20, 21], packed.ToArray<float>());
        Assert.Equal([1, 6, 2], packed.Shape);
        var real = mask.Unsqueeze(2);
        TensorAssert.BitwiseEqual(padded * real, packing.Unpack(packed) * real);
    }

    [Fact]
    public void Means_are_of_each_rows_own_tokens_and_go_back_to_them()
    {
        using var scope = new TensorScope();
        var mask = Tensor.From([1f, 1, 0, 0, 1, 0, 0, 0, 1, 1, 1, 0], 3, 4);
        var groups = new[] { new RowGroup(0, 1, null, null), new RowGroup(1, 2, null, null) };
        var pass = new AdapterPass(groups, training: false, rng: null);
        pass.See(mask, causal: false, TokenPacking.Of(mask));
        var tokens = Tensor.From([1f, 3, 10, 20, 30, 70], 1, 6, 1);

        Tensor[] means = [.. groups.Select(g => g.TokenMean(g.Slice(tokens)))];

        Assert.Equal([2f], means[0].ToArray<float>());
        Assert.Equal([10f, 40f], means[1].ToArray<float>());
        Assert.Equal([2, 1, 1], means[1].Shape);
        Assert.Equal([2f, 2, 10, 40, 40, 40], pass.PerGroup(tokens, (rows, slice) => rows.PerToken(rows.TokenMean(slice))).ToArray<float>());
    }

    [Fact]
    public void What_stands_at_padding_is_of_the_same_row_also_where_padding_comes_first()
    {
        using var scope = new TensorScope();
        var packing = TokenPacking.Of(Tensor.From([1f, 0, 0, 0, 1, 1], 2, 3))!;
        var padded = Tensor.From([1f, 0, 0, 0, 5, 6], 2, 3, 1);

        Assert.Equal([1f, 1, 1, 5, 5, 6], packing.Unpack(packing.Pack(padded)).ToArray<float>());
    }

    [Theory]
    [InlineData("none", false)]
    [InlineData("masked", false)]
    [InlineData("padded", true)]
    public void Parts_read_padding_when_their_method_says_so(string gate, bool reads)
    {
        using var backbone = TinyBackbones.Create("bert");
        using var rng = new Rng(1, Device.Cpu);
        Assert.All(PeftMethods.All.Where(m => m.Defaults is IGated), method =>
        {
            var settings = new JsonObject { ["gate"] = gate };
            if (method.WriteConfig(method.Defaults).ContainsKey("reduction_factor"))
            {
                settings["reduction_factor"] = 2;
            }

            var config = method.ReadConfig(settings, "test");
            using var adapter = method.Attach(backbone, "own", config, rng);

            Assert.Equal((reads, reads), (method.ReadsPadding(config), adapter.Parts.ReadsPadding));
            Assert.Equal(reads, new PartMap(backbone.Sites, [adapter.Parts]).ReadsPadding);
        });
    }

    [Theory]
    [InlineData(new float[] { 1, 1, 1, 0, 0, 0 })]
    [InlineData(new float[] { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0 })]
    [InlineData(new float[] { 0, 0, 0, 0 })]
    public void A_batch_with_hardly_any_padding_or_a_row_without_tokens_is_left_as_it_is(float[] mask)
    {
        using var scope = new TensorScope();

        Assert.Null(TokenPacking.Of(Tensor.From(mask, 2, mask.Length / 2)));
        Assert.Null(TokenPacking.Of(null));
    }

    private sealed class PaddingReader : HiddenPart
    {
        public override bool ReadsPadding => true;
    }
}
