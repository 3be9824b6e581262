using System.Runtime.InteropServices;

namespace Graft.Torch;

/// <content>Making tensors.</content>
public sealed partial class Tensor
{
    private static readonly Op s_zeros = new("aten::zeros");
    private static readonly Op s_ones = new("aten::ones");
    private static readonly Op s_full = new("aten::full");
    private static readonly Op s_empty = new("aten::empty", "memory_format");
    private static readonly Op s_arange = new("aten::arange", "start_step");
    private static readonly Op s_eye = new("aten::eye");
    private static readonly Op s_zerosLike = new("aten::zeros_like");
    private static readonly Op s_onesLike = new("aten::ones_like");
    private static readonly Op s_emptyLike = new("aten::empty_like");
    private static readonly Op s_fullLike = new("aten::full_like");

    /// <summary>A tensor of zeros.</summary>
    /// <param name="shape">The sizes of the dimensions.</param>
    /// <param name="dtype">The element type.</param>
    /// <param name="device">Where it lives.</param>
    /// <returns>[shape], zeros.</returns>
    public static Tensor Zeros(ReadOnlySpan<long> shape, DType dtype = DType.Float32, Device device = default) =>
        s_zeros.Call(shape.ToArray(), dtype, Arg.None, device);

    /// <summary>A tensor of ones.</summary>
    /// <param name="shape">The sizes of the dimensions.</param>
    /// <param name="dtype">The element type.</param>
    /// <param name="device">Where it lives.</param>
    /// <returns>[shape], ones.</returns>
    public static Tensor Ones(ReadOnlySpan<long> shape, DType dtype = DType.Float32, Device device = default) =>
        s_ones.Call(shape.ToArray(), dtype, Arg.None, device);

    /// <summary>A tensor of one repeated value.</summary>
    /// <param name="shape">The sizes of the dimensions.</param>
    /// <param name="value">The value.</param>
    /// <param name="dtype">The element type.</param>
    /// <param name="device">Where it lives.</param>
    /// <returns>[shape], all equal.</returns>
    public static Tensor Full(ReadOnlySpan<long> shape, double value, DType dtype = DType.Float32, Device device = default) =>
        s_full.Call(shape.ToArray(), value, dtype, Arg.None, device);

    /// <summary>A tensor whose elements are whatever the memory held.</summary>
    /// <param name="shape">The sizes of the dimensions.</param>
    /// <param name="dtype">The element type.</param>
    /// <param name="device">Where it lives.</param>
    /// <returns>[shape], unset.</returns>
    public static Tensor Empty(ReadOnlySpan<long> shape, DType dtype = DType.Float32, Device device = default) =>
        s_empty.Call(shape.ToArray(), dtype, Arg.None, device);

    /// <summary>The integers 0, 1, ..., count - 1.</summary>
    /// <param name="count">How many.</param>
    /// <param name="dtype">The element type.</param>
    /// <param name="device">Where it lives.</param>
    /// <returns>[count].</returns>
    public static Tensor Arange(long count, DType dtype = DType.Int64, Device device = default) => Arange(0, count, 1, dtype, device);

    /// <summary>The numbers start, start + step, ... below the end.</summary>
    /// <param name="start">The first number.</param>
    /// <param name="end">The bound that is not reached.</param>
    /// <param name="step">The distance.</param>
    /// <param name="dtype">The element type.</param>
    /// <param name="device">Where it lives.</param>
    /// <returns>[ceil((end - start) / step)].</returns>
    public static Tensor Arange(double start, double end, double step, DType dtype = DType.Int64, Device device = default) =>
        dtype.IsFloating()
            ? s_arange.Call(start, end, step, dtype, Arg.None, device)
            : s_arange.Call((long)start, (long)end, (long)step, dtype, Arg.None, device);

    /// <summary>The identity matrix.</summary>
    /// <param name="size">Rows and columns.</param>
    /// <param name="dtype">The element type.</param>
    /// <param name="device">Where it lives.</param>
    /// <returns>[size, size].</returns>
    public static Tensor Eye(long size, DType dtype = DType.Float32, Device device = default) => s_eye.Call(size, dtype, Arg.None, device);

    /// <summary>A tensor on the CPU with a copy of the data.</summary>
    /// <typeparam name="T">float, double, Half, long, int, byte or bool.</typeparam>
    /// <param name="data">The elements, row by row.</param>
    /// <param name="shape">The sizes of the dimensions; left out for one dimension.</param>
    /// <returns>[shape], of the element type of <typeparamref name="T"/>.</returns>
    /// <exception cref="ShapeException">The shape does not hold as many elements as were given.</exception>
    public static unsafe Tensor From<T>(ReadOnlySpan<T> data, params ReadOnlySpan<long> shape)
        where T : unmanaged
    {
        if (shape.IsEmpty) shape = [data.Length];
        var count = 1L;
        foreach (var size in shape) count *= size;
        if (count != data.Length)
        {
            throw new ShapeException($"A tensor of shape [{string.Join(", ", shape.ToArray())}] has {count} elements, and {data.Length} were given.");
        }

        var tensor = Empty(shape, DTypes.Of<T>());
        MemoryMarshal.AsBytes(data).CopyTo(tensor.Bytes());
        return tensor;
    }

    /// <inheritdoc cref="From{T}(ReadOnlySpan{T}, ReadOnlySpan{long})"/>
    public static Tensor From<T>(T[] data, params ReadOnlySpan<long> shape)
        where T : unmanaged => From((ReadOnlySpan<T>)data, shape);

    /// <summary>A tensor without dimensions that holds one real number.</summary>
    /// <param name="value">The number.</param>
    /// <param name="dtype">The element type.</param>
    /// <param name="device">Where it lives.</param>
    /// <returns>[].</returns>
    public static Tensor Scalar(double value, DType dtype = DType.Float32, Device device = default) => Full([], value, dtype, device);

    /// <summary>Zeros with the shape, type and place of this tensor.</summary>
    /// <returns>As this tensor.</returns>
    public Tensor ZerosLike() => s_zerosLike.Call(this);

    /// <summary>Ones with the shape, type and place of this tensor.</summary>
    /// <returns>As this tensor.</returns>
    public Tensor OnesLike() => s_onesLike.Call(this);

    /// <summary>Unset memory with the shape, type and place of this tensor.</summary>
    /// <returns>As this tensor.</returns>
    public Tensor EmptyLike() => s_emptyLike.Call(this);

    /// <summary>One value with the shape, type and place of this tensor.</summary>
    /// <param name="value">The value.</param>
    /// <returns>As this tensor.</returns>
    public Tensor FullLike(double value) => s_fullLike.Call(this, value);
}
