using System.Runtime.InteropServices;

namespace Graft.Torch.Native;

/// <summary>What a value at the border holds; the numbers of graft_torch.h.</summary>
internal enum ValueKind
{
    None = 0,
    Default = 1,
    Tensor = 2,
    Integer = 3,
    Real = 4,
    Boolean = 5,
    Integers = 6,
    Reals = 7,
    Booleans = 8,
    Tensors = 9,
    OptionalTensors = 10,
    String = 11,
    DType = 12,
    Device = 13,
    Generator = 14,
}

/// <summary>graft_value: an operator's argument or result.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal unsafe struct NativeValue
{
    [FieldOffset(0)]
    internal ValueKind Kind;

    [FieldOffset(4)]
    internal int Length;

    [FieldOffset(8)]
    internal long Integer;

    [FieldOffset(8)]
    internal double Real;

    [FieldOffset(8)]
    internal void* Pointer;
}

/// <summary>graft_description: what a tensor tells about itself.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeDescription
{
    internal int DType;
    internal int Device;
    internal int DeviceIndex;
    internal int Rank;
    internal long Count;
    internal long* Sizes;
    internal int Contiguous;
}
