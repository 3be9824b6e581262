using Graft.Torch.Native;

namespace Graft.Torch;

/// <summary>A seeded random generator of libtorch: the same seed gives the same bits on the same device and libtorch.</summary>
/// <remarks>One thread at a time. Randomness is always passed; nothing in Graft uses a generator of the process.</remarks>
public sealed class Rng : IDisposable
{
    private static readonly Op s_uniform = new("aten::uniform_");
    private static readonly Op s_normal = new("aten::normal_");
    private static readonly Op s_bernoulli = new("aten::bernoulli_", "float");
    private static readonly Op s_random = new("aten::random_", "from");
    private static readonly Op s_viewAs = new("aten::view", "dtype");
    private static readonly Op s_below = new("aten::lt", "Scalar");
    private static readonly Op s_permutation = new("aten::randperm", "generator");
    private static readonly Op s_integers = new("aten::randint", "low_generator");
    private static readonly Op s_multinomial = new("aten::multinomial");

    private readonly GeneratorHandle _handle;

    /// <summary>A generator with a seed.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="device">The device of the tensors that it will fill.</param>
    /// <exception cref="TorchException">There is no such device.</exception>
    public Rng(long seed, Device device = default)
    {
        NativeMethods.GeneratorNew((int)device.Kind, device.Index, unchecked((ulong)seed), out var handle);
        _handle = new GeneratorHandle(handle);
        Device = device;
    }

    /// <summary>The device of the tensors that it fills.</summary>
    public Device Device { get; }

    /// <summary>The whole state: a generator set to it continues with the same bits.</summary>
    /// <exception cref="TorchException">Set to bytes that are no state of this device's generator.</exception>
    public byte[] State
    {
        get
        {
            using var scope = new TensorScope();
            NativeMethods.GeneratorState(_handle, out var state);
            return new Tensor(state).ToArray<byte>();
        }

        set
        {
            using var scope = new TensorScope();
            NativeMethods.GeneratorSetState(_handle, Tensor.From(value).Handle);
        }
    }

    internal nint Pointer => _handle.Pointer;

    /// <summary>Independent numbers from the uniform distribution on [low, high).</summary>
    /// <param name="shape">The sizes of the dimensions.</param>
    /// <param name="low">The lower bound.</param>
    /// <param name="high">The upper bound.</param>
    /// <param name="dtype">A floating type.</param>
    /// <returns>[shape].</returns>
    public Tensor Uniform(ReadOnlySpan<long> shape, double low = 0, double high = 1, DType dtype = DType.Float32)
    {
        var result = Tensor.Empty(shape, dtype, Device);
        s_uniform.Run(result, low, high, this);
        return result;
    }

    /// <summary>Independent numbers from the normal distribution.</summary>
    /// <param name="shape">The sizes of the dimensions.</param>
    /// <param name="mean">The mean.</param>
    /// <param name="deviation">The standard deviation.</param>
    /// <param name="dtype">A floating type.</param>
    /// <returns>[shape].</returns>
    public Tensor Normal(ReadOnlySpan<long> shape, double mean = 0, double deviation = 1, DType dtype = DType.Float32)
    {
        var result = Tensor.Empty(shape, dtype, Device);
        s_normal.Run(result, mean, deviation, this);
        return result;
    }

    /// <summary>Independent ones with a probability, else zeros.</summary>
    /// <param name="shape">The sizes of the dimensions.</param>
    /// <param name="probability">The probability of a one.</param>
    /// <param name="dtype">The element type.</param>
    /// <returns>[shape], zeros and ones.</returns>
    public Tensor Bernoulli(ReadOnlySpan<long> shape, double probability, DType dtype = DType.Float32) =>
        Bernoulli_(Tensor.Empty(shape, dtype, Device), probability);

    /// <summary>Overwrites a tensor with independent ones with a probability, else zeros.</summary>
    /// <param name="target">[...], overwritten.</param>
    /// <param name="probability">The probability of a one; on the CPU in steps of 2⁻³².</param>
    /// <returns>The same tensor.</returns>
    public Tensor Bernoulli_(Tensor target, double probability)
    {
        if (Device != Device.Cpu || target.Device != Device.Cpu || probability is not (> 0 and < 1))
        {
            s_bernoulli.Run(target, probability, this);
            return target;
        }

        // Halves of 64 random bits against a threshold take less than half of the time of libtorch's own, which without MKL draws 64 bits for every element.
        using var scope = new TensorScope();
        var bits = Tensor.Empty([(target.Count + 1) / 2], DType.Int64, Device);
        s_random.Run(bits, long.MinValue, Arg.None, this);
        var halves = s_viewAs.Call(bits, DType.Int32).Narrow(0, 0, target.Count);
        var ones = s_below.Call(halves, (long)(probability * uint.MaxValue) + int.MinValue);
        // As bytes, since libtorch converts truth values to half precision one by one.
        target.Copy_(s_viewAs.Call(ones, DType.UInt8).View(target.Shape));
        return target;
    }

    /// <summary>The numbers 0 to count - 1 in random order.</summary>
    /// <param name="count">How many.</param>
    /// <returns>[count], integers.</returns>
    public Tensor Permutation(long count) => s_permutation.Call(count, this, DType.Int64, Arg.None, Device);

    /// <summary>Independent integers from low to high - 1.</summary>
    /// <param name="shape">The sizes of the dimensions.</param>
    /// <param name="low">The smallest integer.</param>
    /// <param name="high">The bound that is not reached.</param>
    /// <returns>[shape], integers.</returns>
    public Tensor Integers(ReadOnlySpan<long> shape, long low, long high) =>
        s_integers.Call(low, high, shape.ToArray(), this, DType.Int64, Arg.None, Device);

    /// <summary>Indices drawn in proportion to weights.</summary>
    /// <param name="weights">[N], not negative, not all zero.</param>
    /// <param name="count">How many to draw.</param>
    /// <param name="replacement">Whether one index may be drawn twice.</param>
    /// <returns>[count], integers below N.</returns>
    public Tensor Multinomial(Tensor weights, long count, bool replacement = true) => s_multinomial.Call(weights, count, replacement, this);

    /// <summary>Frees the generator.</summary>
    public void Dispose() => _handle.Dispose();
}
