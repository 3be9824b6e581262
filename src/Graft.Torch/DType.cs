namespace Graft.Torch;

/// <summary>The type of a tensor's elements. The numbers are those of the native border.</summary>
public enum DType
{
    /// <summary>IEEE single precision, 4 bytes.</summary>
    Float32 = 0,

    /// <summary>IEEE double precision, 8 bytes.</summary>
    Float64 = 1,

    /// <summary>The upper half of a single: 8 exponent bits, 2 bytes.</summary>
    BFloat16 = 2,

    /// <summary>IEEE half precision, 2 bytes.</summary>
    Float16 = 3,

    /// <summary>Signed integer, 8 bytes.</summary>
    Int64 = 4,

    /// <summary>Signed integer, 4 bytes.</summary>
    Int32 = 5,

    /// <summary>Unsigned integer, 1 byte.</summary>
    UInt8 = 6,

    /// <summary>Truth value, 1 byte.</summary>
    Bool = 7,
}

/// <summary>Facts about element types. Thread-safe.</summary>
public static class DTypes
{
    /// <summary>The bytes that one element takes.</summary>
    /// <param name="dtype">The element type.</param>
    /// <returns>Bytes.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The value names no element type.</exception>
    public static int SizeOf(this DType dtype) => dtype switch
    {
        DType.Float64 or DType.Int64 => 8,
        DType.Float32 or DType.Int32 => 4,
        DType.BFloat16 or DType.Float16 => 2,
        DType.UInt8 or DType.Bool => 1,
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "This is no element type."),
    };

    /// <summary>Whether elements are floating-point numbers, so that gradients can flow.</summary>
    /// <param name="dtype">The element type.</param>
    /// <returns>True for the four floating types.</returns>
    public static bool IsFloating(this DType dtype) => dtype is DType.Float32 or DType.Float64 or DType.BFloat16 or DType.Float16;

    /// <summary>The element type that holds values of <typeparamref name="T"/>.</summary>
    /// <typeparam name="T">float, double, Half, long, int, byte or bool.</typeparam>
    /// <returns>The element type of equal layout.</returns>
    /// <exception cref="NotSupportedException">No element type has this layout.</exception>
    public static DType Of<T>()
        where T : unmanaged
    {
        if (typeof(T) == typeof(float)) return DType.Float32;
        if (typeof(T) == typeof(double)) return DType.Float64;
        if (typeof(T) == typeof(Half)) return DType.Float16;
        if (typeof(T) == typeof(long)) return DType.Int64;
        if (typeof(T) == typeof(int)) return DType.Int32;
        if (typeof(T) == typeof(byte)) return DType.UInt8;
        if (typeof(T) == typeof(bool)) return DType.Bool;
        throw new NotSupportedException($"No tensor holds elements of type {typeof(T).Name}; use float, double, Half, long, int, byte or bool.");
    }
}
