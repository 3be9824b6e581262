using System.Runtime.InteropServices;
using Graft.Torch.Native;

namespace Graft.Torch;

/// <content>Reading, copying and converting.</content>
public sealed partial class Tensor
{
    private static readonly Op s_to = new("aten::to", "dtype_layout");
    private static readonly Op s_contiguous = new("aten::contiguous");
    private static readonly Op s_clone = new("aten::clone");
    private static readonly Op s_copy = new("aten::copy_");
    private static readonly Op s_item = new("aten::item");
    private static readonly Op s_zeroInPlace = new("aten::zero_");
    private static readonly Op s_fillInPlace = new("aten::fill_", "Scalar");
    private static readonly Op s_isAllFinite = new("aten::isfinite");
    private static readonly Op s_equal = new("aten::equal");
    private static readonly Op s_allClose = new("aten::allclose");

    /// <summary>The tensor converted to an element type; another reference to the same memory when it has that type.</summary>
    /// <param name="dtype">The element type.</param>
    /// <returns>As this tensor, of that type.</returns>
    public Tensor To(DType dtype) => s_to.Call(this, dtype);

    /// <summary>The tensor on a device; another reference to the same memory when it is there.</summary>
    /// <param name="device">The device.</param>
    /// <returns>As this tensor, on that device.</returns>
    public Tensor To(Device device) => s_to.Call(this, Arg.None, Arg.None, device);

    /// <summary>The tensor row by row without gaps; another reference to the same memory when it is so.</summary>
    /// <returns>As this tensor.</returns>
    public Tensor Contiguous() => s_contiguous.Call(this);

    /// <summary>A copy in memory of its own; gradients flow through it.</summary>
    /// <returns>As this tensor.</returns>
    public Tensor Clone() => s_clone.Call(this);

    /// <summary>Overwrites this tensor with another's elements, converted and broadcast as needed.</summary>
    /// <param name="source">[...], broadcastable to this shape.</param>
    /// <returns>This tensor.</returns>
    public Tensor Copy_(Tensor source)
    {
        s_copy.Run(this, source);
        return this;
    }

    /// <summary>Sets every element to zero.</summary>
    /// <returns>This tensor.</returns>
    public Tensor Zero_()
    {
        s_zeroInPlace.Run(this);
        return this;
    }

    /// <summary>Sets every element to one value.</summary>
    /// <param name="value">The value.</param>
    /// <returns>This tensor.</returns>
    public Tensor Fill_(double value)
    {
        s_fillInPlace.Run(this, value);
        return this;
    }

    /// <summary>A copy of the elements, row by row, converted to <typeparamref name="T"/>.</summary>
    /// <typeparam name="T">float, double, Half, long, int, byte or bool.</typeparam>
    /// <returns>The elements.</returns>
    public T[] ToArray<T>()
        where T : unmanaged
    {
        using var scope = new TensorScope();
        var source = Detach().To(DTypes.Of<T>()).To(Device.Cpu).Contiguous();
        return MemoryMarshal.Cast<byte, T>(source.Bytes()).ToArray();
    }

    /// <summary>The only element as a number.</summary>
    /// <returns>The element, converted.</returns>
    /// <exception cref="TorchException">The tensor has more or fewer than one element.</exception>
    public double ToDouble() => s_item.CallNumber(this);

    /// <summary>The only element as a single-precision number.</summary>
    /// <returns>The element, converted.</returns>
    /// <exception cref="TorchException">The tensor has more or fewer than one element.</exception>
    public float ToSingle() => (float)ToDouble();

    /// <summary>The only element of an integer tensor.</summary>
    /// <returns>The element.</returns>
    /// <exception cref="TorchException">The tensor has more or fewer than one element, or they are no integers.</exception>
    public long ToInt64() => s_item.CallInteger(this);

    /// <summary>The only element of a tensor of truth values.</summary>
    /// <returns>The element.</returns>
    /// <exception cref="TorchException">The tensor has more or fewer than one element.</exception>
    public bool ToBool() => s_item.CallNumber(this) != 0;

    /// <summary>Whether another tensor has the same shape and exactly the same elements.</summary>
    /// <param name="other">The other tensor, of the same type.</param>
    /// <returns>True when equal; NaN equals nothing.</returns>
    public bool ElementsEqual(Tensor other) => s_equal.CallInteger(this, other) != 0;

    /// <summary>Whether |this - other| is at most <paramref name="absolute"/> + <paramref name="relative"/> |other| everywhere.</summary>
    /// <param name="other">[shape], of the same type.</param>
    /// <param name="relative">Tolerance relative to the other's elements.</param>
    /// <param name="absolute">Absolute tolerance.</param>
    /// <returns>True when close.</returns>
    public bool AllClose(Tensor other, double relative = 1e-5, double absolute = 1e-8) =>
        s_allClose.CallInteger(this, other, relative, absolute) != 0;

    /// <summary>Whether no element is infinite or NaN.</summary>
    /// <returns>True when all are finite.</returns>
    public bool AllFinite()
    {
        using var scope = new TensorScope();
        return s_isAllFinite.Call(Detach()).All().ToBool();
    }

    /// <summary>The memory of a contiguous tensor on the CPU, valid while the tensor lives; writing changes the tensor.</summary>
    /// <returns>The bytes, row by row.</returns>
    /// <exception cref="InvalidOperationException">The tensor is not contiguous, not on the CPU, or 2 GiB or more.</exception>
    public unsafe Span<byte> Bytes()
    {
        var length = Count * DType.SizeOf();
        if (Device.Kind != DeviceKind.Cpu || !IsContiguous || length > int.MaxValue)
        {
            throw new InvalidOperationException($"The memory of {this} cannot be seen as one span; it must be contiguous, on the CPU and below 2 GiB.");
        }

        return new Span<byte>((void*)DataPointer(), (int)length);
    }

    /// <summary>The address of the first element.</summary>
    internal unsafe nint DataPointer()
    {
        NativeMethods.TensorData(_handle, out var data);
        return (nint)data;
    }

    /// <summary>A tensor over memory of the caller; <paramref name="owner"/> is disposed when libtorch drops the last reference.</summary>
    internal static unsafe Tensor Over(void* data, ReadOnlySpan<long> shape, DType dtype, IDisposable owner)
    {
        var context = GCHandle.ToIntPtr(GCHandle.Alloc(owner));
        fixed (long* sizes = shape)
        {
            NativeMethods.TensorFromMemory(data, sizes, shape.Length, (int)dtype, &Release, context, out var result);
            return new Tensor(result);
        }
    }

    [UnmanagedCallersOnly]
    private static void Release(nint context)
    {
        var handle = GCHandle.FromIntPtr(context);
        ((IDisposable)handle.Target!).Dispose();
        handle.Free();
    }
}
