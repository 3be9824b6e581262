using Graft.Methods.Core.Masks;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods.Masks;

public sealed class TopKMaskTests
{
    public static TheoryData<string> Cases => ["a", "b", "c", "d", "e", "f", "g", "h", "i"];

    private static SafetensorsFile Open(string name) => SafetensorsFile.Open(SharedData.Fixture($"propetl/{name}.safetensors"));

    [Theory, MemberData(nameof(Cases))]
    public void Masks_and_gradients_are_those_of_the_authors_function(string name)
    {
        using var scope = new TensorScope();
        using var file = Open("01_getsubnet");
        var scores = file.Load(name + "_scores").Clone();
        scores.RequiresGrad = true;

        var mask = TopKMask.Of(scores.Unsqueeze(0), file.Load(name + "_k").ToDouble()).Select(0, 0);
        (mask * file.Load(name + "_upstream")).Sum().Backward();

        TensorAssert.BitwiseEqual(file.Load(name + "_mask"), mask);
        Assert.Equal(file.Load(name + "_ones").ToInt64(), (long)mask.Detach().Sum().ToDouble());
        TensorAssert.Close(file.Load(name + "_grad_scores"), scores.Grad!, 0, 0);
    }

    [Fact]
    public void Of_equal_scores_as_many_are_kept_as_of_others()
    {
        using var scope = new TensorScope();
        using var file = Open("01_getsubnet");

        var mask = TopKMask.Of(file.Load("tie_scores").Unsqueeze(0), file.Load("tie_k").ToDouble());

        Assert.Equal(file.Load("tie_mask_torch_sort").Sum().ToDouble(), mask.Sum().ToDouble());
    }

    [Theory]
    [InlineData(49_152, 0.5, 24_576)]
    [InlineData(49_152, 0.3, 14_746)]
    [InlineData(24_576, 0.1, 2_458)]
    [InlineData(98_304, 0.1, 9_831)]
    [InlineData(100, 0.9, 91)]
    [InlineData(9, 1, 9)]
    [InlineData(9, 0, 0)]
    public void The_number_of_ones_is_rounded_in_double_precision(long count, double kept, long ones) => Assert.Equal(ones, TopKMask.Ones(count, kept));

    [Fact]
    public void Several_masks_at_once_are_each_alone()
    {
        using var scope = new TensorScope();
        using var rng = new Rng(3);
        var scores = rng.Normal([5, 7, 9]);

        var together = TopKMask.Of(scores, 0.3);

        for (var i = 0; i < 5; i++)
        {
            TensorAssert.BitwiseEqual(TopKMask.Of(scores.Narrow(0, i, 1), 0.3), together.Narrow(0, i, 1));
        }
    }

    [Fact]
    public void A_stored_mask_has_the_fixtures_bits_and_is_itself_again_after_another_threshold()
    {
        using var scope = new TensorScope();
        using var file = Open("09_stored_mask");
        var (scores, kept) = (file.Load("scores"), file.Load("k").ToDouble());

        var mask = TopKMask.Of(scores.Unsqueeze(0), kept);
        var bits = MaskBits.Pack(mask.Flatten(1));
        var unpacked = MaskBits.Unpack(bits, scores.Count, DType.Float32).View(1, scores.Size(0), scores.Size(1));

        TensorAssert.BitwiseEqual(file.Load("mask").To(DType.Float32), mask.Select(0, 0));
        TensorAssert.BitwiseEqual(file.Load("packbits_rowmajor_lsb_first"), bits.Select(0, 0));
        TensorAssert.BitwiseEqual(mask, unpacked);
        TensorAssert.BitwiseEqual(file.Load("reloaded_mask").To(DType.Float32), TopKMask.Of(unpacked, kept).Select(0, 0));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(9)]
    [InlineData(129)]
    public void Rows_of_any_length_survive_packing(int entries)
    {
        using var scope = new TensorScope();
        using var rng = new Rng(entries);
        var masks = rng.Bernoulli([3, entries], 0.5);

        var bits = MaskBits.Pack(masks);

        Assert.Equal([3, MaskBits.Bytes(entries)], bits.Shape.ToArray());
        TensorAssert.BitwiseEqual(masks.To(DType.Float64), MaskBits.Unpack(bits, entries, DType.Float64));
    }
}
