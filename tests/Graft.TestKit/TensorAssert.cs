using System.Globalization;
using Graft.Torch;
using Xunit;

namespace Graft.TestKit;

/// <summary>Comparisons of tensors that name the worst element.</summary>
public static class TensorAssert
{
    /// <summary>Every element within <c>atol + rtol · |expected|</c>.</summary>
    public static void Close(Tensor expected, Tensor actual, double rtol = 1e-5, double atol = 1e-5)
    {
        Assert.Equal(expected.Shape.ToArray(), actual.Shape.ToArray());
        using var scope = new TensorScope();
        var e = expected.Detach().To(DType.Float64).Contiguous().ToArray<double>();
        var a = actual.Detach().To(DType.Float64).Contiguous().ToArray<double>();
        var worst = -1;
        var excess = 0.0;
        for (var i = 0; i < e.Length; i++)
        {
            var over = Math.Abs(e[i] - a[i]) - (atol + (rtol * Math.Abs(e[i])));
            if (double.IsNaN(over) || over > excess)
            {
                (worst, excess) = (i, double.IsNaN(over) ? double.PositiveInfinity : over);
            }
        }

        if (worst >= 0)
        {
            Assert.Fail(string.Create(CultureInfo.InvariantCulture,
                $"Element {worst} of [{string.Join(", ", expected.Shape.ToArray())}] is {a[worst]:G9}, expected {e[worst]:G9} (rtol {rtol}, atol {atol})."));
        }
    }

    /// <summary>Every bit equal.</summary>
    public static void BitwiseEqual(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.Shape.ToArray(), actual.Shape.ToArray());
        Assert.Equal(expected.DType, actual.DType);
        using var scope = new TensorScope();
        Assert.True(
            expected.Detach().Contiguous().Bytes().SequenceEqual(actual.Detach().Contiguous().Bytes()),
            $"Tensors of shape [{string.Join(", ", expected.Shape.ToArray())}] differ in their bits.");
    }

    /// <summary>Some bit different.</summary>
    public static void Differs(Tensor first, Tensor second)
    {
        using var scope = new TensorScope();
        Assert.False(
            first.Detach().Contiguous().Bytes().SequenceEqual(second.Detach().Contiguous().Bytes()),
            "The tensors are equal bit by bit, expected a difference.");
    }
}
