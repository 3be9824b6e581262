using Xunit;

namespace Graft.Torch.Tests;

public sealed class RngTests
{
    [Fact]
    public void The_same_seed_gives_the_same_bits_and_another_seed_others()
    {
        using var scope = new TensorScope();
        using var a = new Rng(42);
        using var b = new Rng(42);
        using var c = new Rng(43);

        var x = a.Normal([100]);

        Assert.True(x.ElementsEqual(b.Normal([100])));
        Assert.False(x.ElementsEqual(c.Normal([100])));
    }

    [Fact]
    public void Seeded_numbers_are_those_of_Python_torch()
    {
        using var scope = new TensorScope();
        using var rng = new Rng(0);

        Assert.Equal([0.49625659f, 0.76822180f, 0.08847743f], rng.Uniform([3]).ToArray<float>());
    }

    [Fact]
    public void A_restored_state_continues_with_the_same_bits()
    {
        using var scope = new TensorScope();
        using var rng = new Rng(7);
        rng.Normal([3]);
        var state = rng.State;
        var next = Draw(rng);

        using var other = new Rng(0);
        other.State = state;

        Assert.Equal(next, Draw(other));
        rng.State = state;
        Assert.Equal(next, Draw(rng));
    }

    [Fact]
    public void A_state_of_another_length_is_refused()
    {
        using var rng = new Rng(7);

        Assert.Throws<TorchException>(() => rng.State = new byte[10]);
    }

    [Fact]
    public void Generators_do_not_disturb_each_other()
    {
        using var scope = new TensorScope();
        using var a = new Rng(1);
        using var b = new Rng(1);
        using var other = new Rng(2);
        a.Normal([10]);
        b.Normal([10]);

        other.Normal([1000]);

        Assert.True(a.Normal([10]).ElementsEqual(b.Normal([10])));
    }

    [Fact]
    public void Draws_have_the_distribution_that_was_asked_for()
    {
        using var scope = new TensorScope();
        using var rng = new Rng(3);

        Assert.Equal(3, rng.Normal([100_000], 3, 2).Mean().ToDouble(), 0.05);
        Assert.Equal(0.3, rng.Bernoulli([100_000], 0.3).Mean().ToDouble(), 0.01);
        var uniform = rng.Uniform([10_000], -1, 4);
        Assert.True(uniform.Min().ToDouble() >= -1 && uniform.Max().ToDouble() < 4);
        Assert.Equal(Enumerable.Range(0, 50).Select(i => (long)i), rng.Permutation(50).ToArray<long>().Order());
        Assert.All(rng.Integers([1000], 2, 5).ToArray<long>(), i => Assert.InRange(i, 2, 4));
        Assert.All(rng.Multinomial(Tensor.From<float>([0, 1, 3]), 100).ToArray<long>(), i => Assert.InRange(i, 1, 2));
    }

    [Theory]
    [InlineData(0, DType.Float32)]
    [InlineData(1, DType.Float32)]
    [InlineData(0.9, DType.BFloat16)]
    [InlineData(1e-3, DType.Float64)]
    [InlineData(0.5, DType.Bool)]
    public void Ones_come_with_their_probability_wherever_they_stand(double probability, DType dtype)
    {
        using var scope = new TensorScope();
        using var rng = new Rng(5);
        const int Count = 400_001;
        var tolerance = 5 * Math.Sqrt(probability * (1 - probability) / (Count / 2.0));

        var drawn = rng.Bernoulli([Count], probability, dtype).To(DType.Float64).ToArray<double>();

        Assert.All(drawn, v => Assert.True(v is 0 or 1));
        Assert.Equal(probability, drawn.Where((_, i) => i % 2 == 0).Average(), tolerance);
        Assert.Equal(probability, drawn.Where((_, i) => i % 2 == 1).Average(), tolerance);
        Assert.Equal(probability * probability, Enumerable.Range(0, Count / 2).Average(i => drawn[2 * i] * drawn[(2 * i) + 1]), tolerance);
        var columns = rng.Bernoulli_(Tensor.Full([3, 5], -1, dtype == DType.Bool ? DType.Int64 : dtype).Transpose(0, 1), probability);
        Assert.All(columns.To(DType.Float64).Contiguous().ToArray<double>(), v => Assert.True(v is 0 or 1));
    }

    [Fact]
    public void Dropout_scales_what_stays_and_zero_gives_the_same_tensor()
    {
        using var scope = new TensorScope();
        using var rng = new Rng(3);
        var x = Tensor.Ones([100_000]);

        var y = F.Dropout(x, 0.25, rng);

        Assert.Same(x, F.Dropout(x, 0, rng));
        Assert.Equal(0, F.Dropout(x, 1, rng).Sum().ToDouble());
        Assert.Equal(1, y.Mean().ToDouble(), 0.02);
        Assert.Equal(4 / 3.0, y.Max().ToDouble(), 1e-6);
        Assert.Throws<ArgumentOutOfRangeException>(() => F.Dropout(x, double.NaN, rng));
    }

    private static float[] Draw(Rng rng)
    {
        using var scope = new TensorScope();
        return [.. rng.Normal([17]).ToArray<float>(), .. rng.Uniform([5]).ToArray<float>(), .. rng.Permutation(9).ToArray<float>()];
    }
}
