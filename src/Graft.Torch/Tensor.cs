using System.Runtime.CompilerServices;
using Graft.Torch.Native;

namespace Graft.Torch;

/// <summary>A libtorch tensor.</summary>
/// <remarks>
/// Thread contract: as libtorch's. Several threads may read one tensor; nobody may change or dispose it meanwhile.
/// Operators borrow their inputs and give fresh results, which belong to the calling thread's innermost <see cref="TensorScope"/>,
/// or to the caller when there is none. Methods that change the tensor end in an underscore.
/// </remarks>
public sealed partial class Tensor : IDisposable
{
    private readonly TensorHandle _handle;
    private long[]? _shape;
    private DType _dtype;
    private Device _device;
    private long _count;
    private bool _contiguous;

    internal Tensor(nint handle)
    {
        _handle = new TensorHandle(handle);
        ScopeFrame.Top?.Add(this);
    }

    internal ScopeFrame? Scope { get; set; }

    internal TensorHandle Handle => _handle;

    /// <summary>The native tensor; whoever passes it on keeps this object alive until the call returns.</summary>
    internal nint Pointer => _handle.Pointer;

    /// <summary>The sizes of the dimensions.</summary>
    public ReadOnlySpan<long> Shape => _shape ?? Describe();

    /// <summary>The number of dimensions; 0 for a single number.</summary>
    public int Rank => (_shape ?? Describe()).Length;

    /// <summary>The number of elements.</summary>
    public long Count
    {
        get
        {
            if (_shape is null) Describe();
            return _count;
        }
    }

    /// <summary>The type of the elements.</summary>
    public DType DType
    {
        get
        {
            if (_shape is null) Describe();
            return _dtype;
        }
    }

    /// <summary>Where the elements are.</summary>
    public Device Device
    {
        get
        {
            if (_shape is null) Describe();
            return _device;
        }
    }

    /// <summary>Whether the elements lie row by row without gaps.</summary>
    public bool IsContiguous
    {
        get
        {
            if (_shape is null) Describe();
            return _contiguous;
        }
    }

    /// <summary>Whether the tensor was disposed.</summary>
    public bool IsDisposed => _handle.IsClosed;

    /// <summary>The size of one dimension.</summary>
    /// <param name="dim">The dimension; negative ones count from the end.</param>
    /// <returns>The size.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such dimension.</exception>
    public long Size(int dim)
    {
        var shape = _shape ?? Describe();
        var index = dim < 0 ? dim + shape.Length : dim;
        if ((uint)index >= (uint)shape.Length)
        {
            throw new ArgumentOutOfRangeException(nameof(dim), dim, $"A tensor {this} has no such dimension.");
        }

        return shape[index];
    }

    /// <summary>Takes the tensor out of every scope; from now on the caller disposes it.</summary>
    /// <returns>The same tensor.</returns>
    public Tensor Unscoped()
    {
        Scope = null;
        return this;
    }

    /// <summary>Gives up this reference; libtorch frees the memory when nothing else refers to it.</summary>
    public void Dispose()
    {
        Scope = null;
        _handle.Dispose();
    }

    /// <summary>Shape and element type.</summary>
    /// <returns>Such as <c>[2, 3] Float32</c>, with the device when it is not the CPU.</returns>
    public override string ToString()
    {
        if (IsDisposed) return "disposed tensor";
        _ = Shape;
        var place = Device.Kind == DeviceKind.Cpu ? string.Empty : $" {Device}";
        return $"[{string.Join(", ", _shape!)}] {DType}{place}";
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private unsafe long[] Describe()
    {
        NativeMethods.TensorDescribe(_handle, out var description);
        if (description.DType < 0) throw new TorchException("A tensor has an element type that Graft does not know; convert it first.");
        if (description.Device < 0) throw new TorchException("A tensor is on a device that Graft does not know; it knows cpu and cuda.");
        _dtype = (DType)description.DType;
        _device = new Device((DeviceKind)description.Device, description.DeviceIndex);
        _count = description.Count;
        _contiguous = description.Contiguous != 0;
        var shape = new ReadOnlySpan<long>(description.Sizes, description.Rank).ToArray();
        _shape = shape;
        return shape;
    }
}
