using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Graft.Torch.Tests;

public sealed class TensorTests
{
    [Fact]
    public void Arrays_of_every_element_type_come_back_as_they_were()
    {
        using var scope = new TensorScope();

        Assert.Equal([1.5f, -2], Tensor.From<float>([1.5f, -2]).ToArray<float>());
        Assert.Equal([1.5, -2], Tensor.From<double>([1.5, -2]).ToArray<double>());
        Assert.Equal([(Half)1.5, (Half)(-2)], Tensor.From<Half>([(Half)1.5, (Half)(-2)]).ToArray<Half>());
        Assert.Equal([long.MaxValue, -2], Tensor.From<long>([long.MaxValue, -2]).ToArray<long>());
        Assert.Equal([int.MinValue, 2], Tensor.From<int>([int.MinValue, 2]).ToArray<int>());
        Assert.Equal([255, 0], Tensor.From<byte>([255, 0]).ToArray<byte>());
        Assert.Equal([true, false], Tensor.From<bool>([true, false]).ToArray<bool>());
        Assert.Throws<NotSupportedException>(() => Tensor.From<char>(['a']));
    }

    [Fact]
    public void A_shape_that_does_not_hold_the_data_is_refused()
    {
        Assert.Throws<ShapeException>(() => Tensor.From<float>([1, 2, 3], 2, 2));
    }

    [Fact]
    public void Facts_about_a_tensor_are_told()
    {
        using var scope = new TensorScope();
        var x = Tensor.Zeros([2, 3, 4], DType.BFloat16);

        Assert.Equal([2, 3, 4], x.Shape.ToArray());
        Assert.Equal((3, 24L, 4L, 2L), (x.Rank, x.Count, x.Size(-1), x.Size(0)));
        Assert.Equal("[2, 3, 4] BFloat16", x.ToString());
        Assert.True(x.IsContiguous);
        Assert.False(x.Transpose(0, 1).IsContiguous);
        Assert.Equal(Device.Cpu, x.Device);
        Assert.Throws<ArgumentOutOfRangeException>(() => x.Size(3));
        Assert.Throws<InvalidOperationException>(() => x.Transpose(0, 1).Bytes().Length);
    }

    [Fact]
    public void Reading_more_than_one_element_as_a_number_is_an_error()
    {
        using var scope = new TensorScope();

        Assert.Throws<TorchException>(() => Tensor.Ones([2]).ToDouble());
        Assert.Equal(3, Tensor.Arange(4).Select(0, 3).ToInt64());
    }

    [Fact]
    public void More_memory_than_there_is_gives_its_own_exception()
    {
        Assert.Throws<DeviceMemoryException>(() => Tensor.Empty([1L << 50]));
    }

    [Fact]
    public void In_place_arithmetic_changes_the_tensor_and_gives_it_back()
    {
        using var scope = new TensorScope();
        var x = Tensor.From<float>([1, 2, 3]);

        Assert.Same(x, x.Add_(1).Mul_(2).Sub_(Tensor.Ones([3])).Add_(Tensor.Ones([3]), 0.5).Clamp_(high: 7));

        Assert.Equal([3.5f, 5.5f, 7], x.ToArray<float>());
        Assert.Equal([0, 0, 0], x.Zero_().ToArray<float>());
        Assert.Equal([1, 1, 5], x.Fill_(1).MaskedFill_(Tensor.From<bool>([false, false, true]), 5).ToArray<float>());
        Assert.Equal([9, 1, 8], x.IndexCopy_(0, Tensor.From<long>([2, 0]), Tensor.From<float>([8, 9])).ToArray<float>());
        Assert.Equal([9, 7, 8], x.IndexPut_([Tensor.From<long>([1])], Tensor.From<float>([7])).ToArray<float>());
        Assert.Equal([9, 8, 8], x.AddProduct_(Tensor.From<float>([0, 1, 0]), Tensor.Ones([3])).ToArray<float>());
        Assert.Equal([1, 2], Tensor.Zeros([2]).Copy_(Tensor.From<long>([1, 2])).ToArray<float>());
    }

    [Fact]
    public void Element_functions_equal_those_of_the_runtime()
    {
        (Func<Tensor, Tensor> Tensor, Func<double, double> Number)[] functions =
        [
            (x => x.Exp(), Math.Exp), (x => x.Tanh(), Math.Tanh), (x => x.Sin(), Math.Sin), (x => x.Cos(), Math.Cos), (x => x.Abs(), Math.Abs),
            (x => x.Relu(), v => Math.Max(v, 0)), (x => x.Sigmoid(), v => 1 / (1 + Math.Exp(-v))), (x => x.Square(), v => v * v),
            (x => x.Abs().Sqrt(), v => Math.Sqrt(Math.Abs(v))), (x => x.Abs().Log1P(), v => Math.Log(1 + Math.Abs(v))),
            (x => x.Silu(), v => v / (1 + Math.Exp(-v))), (x => x.Clamp(-1, 2), v => Math.Clamp(v, -1, 2)), (x => 1 - x, v => 1 - v),
            (x => 1 / (x + 100.5), v => 1 / (v + 100.5)), (x => x.Pow(3), v => v * v * v), (x => x.Floor(), Math.Floor), (x => x.Round(), Math.Round),
            (x => x.LeakyRelu(), v => v > 0 ? v : 0.01 * v), (x => -x, v => -v), (x => x.Softplus(), v => Math.Log(1 + Math.Exp(v))),
        ];
        double[] values = [-3.5, -1, -0.5, 0, 0.25, 1, 2.5, 7];
        using var scope = new TensorScope();

        foreach (var (onTensor, onNumber) in functions)
        {
            Assert.All(onTensor(Tensor.From(values)).ToArray<double>().Zip(values.Select(onNumber)), pair => Assert.Equal(pair.Second, pair.First, 1e-12 * (1 + Math.Abs(pair.Second))));
        }
    }

    [Fact]
    public void Gelu_exact_and_approximate_have_the_published_values()
    {
        using var scope = new TensorScope();

        Assert.Equal(0.8413447460685429, Tensor.Scalar(1, DType.Float64).Gelu().ToDouble(), 1e-12);
        Assert.Equal(0.8411919906082768, Tensor.Scalar(1, DType.Float64).Gelu(tanh: true).ToDouble(), 1e-12);
    }

    [Fact]
    public void Selections_take_the_elements_that_were_asked_for()
    {
        using var scope = new TensorScope();
        var x = Tensor.Arange(12).View(3, 4);

        Assert.Equal([8, 9, 10, 11, 0, 1, 2, 3], x.IndexSelect(0, Tensor.From<long>([2, 0])).ToArray<long>());
        Assert.Equal([1, 5, 9], x.Select(1, 1).ToArray<long>());
        Assert.Equal([5, 6], x.Narrow(0, 1, 1).Narrow(1, 1, 2).ToArray<long>());
        Assert.Equal([3, 4, 9], x.Gather(1, Tensor.From<long>([3, 0, 1], 3, 1)).ToArray<long>());
        Assert.Equal([6, 7, 8, 9, 10, 11], x.MaskedSelect(x.Gt(5)).ToArray<long>());
        Assert.Equal([0, 4, 8, 1, 5, 9], x.Transpose(0, 1).Narrow(0, 0, 2).ToArray<long>());
        Assert.Equal([0, 0, 1, 1], Tensor.Arange(2).RepeatInterleave(2, 0).ToArray<long>());
        Assert.Equal([0, 1, 0, 1], Tensor.Arange(2).Repeat(2).ToArray<long>());
        Assert.Equal([0, 5, 10], x.Narrow(1, 0, 3).Diagonal().ToArray<long>());
        Assert.Equal([3, 0, 1, 2], Tensor.Arange(4).Roll(1, 0).ToArray<long>());
        Assert.Equal([1, 0, 1, 1], Tensor.Ones([2, 2]).LowerTriangle().ToArray<long>());
        Assert.Equal([9, 8], Tensor.Where(Tensor.From<bool>([true, false]), Tensor.Full([2], 9), Tensor.Full([2], 8)).ToArray<long>());
    }

    [Fact]
    public void Decompositions_multiply_back()
    {
        using var scope = new TensorScope();
        using var rng = new Rng(2);
        var a = rng.Normal([4, 4], dtype: DType.Float64);

        var (u, s, vh) = a.Svd();
        var (q, r) = a.Qr();

        Assert.True((u * s).MatMul(vh).AllClose(a, 1e-9, 1e-9));
        Assert.True(q.MatMul(r).AllClose(a, 1e-9, 1e-9));
        Assert.True(a.MatMul(a.Inverse()).AllClose(Tensor.Eye(4, DType.Float64), 1e-8, 1e-8));
        Assert.True(a.MatMul(a.Solve(u)).AllClose(u, 1e-8, 1e-8));
        Assert.Equal([4, 8], a.Kron(Tensor.Ones([1, 2], DType.Float64)).Shape.ToArray());
    }

    [Fact]
    public void Sums_of_random_arrays_equal_those_of_the_runtime()
    {
        Prop.ForAll(ArbMap.Default.ArbFor<short[]>(), data =>
        {
            using var scope = new TensorScope();
            var x = Tensor.From(data.Select(v => (double)v).ToArray());
            return x.Sum().ToDouble() == data.Sum(v => (double)v) && (data.Length == 0 || x.Max().ToDouble() == data.Max());
        }).Check(Config.QuickThrowOnFailure.WithQuietOnSuccess(true));
    }

    [Theory]
    [InlineData("cpu", DeviceKind.Cpu, 0)]
    [InlineData("cuda", DeviceKind.Cuda, 0)]
    [InlineData("cuda:3", DeviceKind.Cuda, 3)]
    public void Device_names_are_read(string text, DeviceKind kind, int index)
    {
        Assert.Equal(new Device(kind, index), Device.Parse(text));
    }

    [Theory]
    [InlineData("gpu")]
    [InlineData("cuda:")]
    [InlineData("cuda:-1")]
    [InlineData("cuda:999")]
    [InlineData("")]
    public void Other_device_names_are_refused_with_those_that_exist(string text)
    {
        Assert.Contains("'cuda:N'", Assert.Throws<GraftException>(() => Device.Parse(text)).Message, StringComparison.Ordinal);
    }
}
