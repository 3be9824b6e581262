using Graft.Torch.Native;

namespace Graft.Torch;

/// <summary>One argument of an operator: a tensor, number, list, name, place or generator; most convert implicitly.</summary>
/// <remarks>Immutable. It borrows what it refers to for the length of the call.</remarks>
public readonly struct Arg
{
    internal readonly object? Reference;
    internal readonly long Bits;
    internal readonly ValueKind Kind;

    private Arg(ValueKind kind, object? reference, long bits)
    {
        Kind = kind;
        Reference = reference;
        Bits = bits;
    }

    /// <summary>An optional argument that is absent.</summary>
    public static Arg None => default;

    /// <summary>The default of the operator's schema, for an argument that is followed by others.</summary>
    public static Arg Default => new(ValueKind.Default, null, 0);

    /// <summary>A tensor, or absence when null.</summary>
    /// <param name="value">The tensor.</param>
    public static implicit operator Arg(Tensor? value) => new(value is null ? ValueKind.None : ValueKind.Tensor, value, 0);

    /// <summary>An integer, also where a scalar or real number is asked for.</summary>
    /// <param name="value">The integer.</param>
    public static implicit operator Arg(long value) => new(ValueKind.Integer, null, value);

    /// <summary>A real number.</summary>
    /// <param name="value">The number.</param>
    public static implicit operator Arg(double value) => new(ValueKind.Real, null, BitConverter.DoubleToInt64Bits(value));

    /// <summary>A truth value.</summary>
    /// <param name="value">The truth value.</param>
    public static implicit operator Arg(bool value) => new(ValueKind.Boolean, null, value ? 1 : 0);

    /// <summary>A list of integers, or absence when null.</summary>
    /// <param name="value">The integers.</param>
    public static implicit operator Arg(long[]? value) => new(value is null ? ValueKind.None : ValueKind.Integers, value, 0);

    /// <summary>A list of real numbers, or absence when null.</summary>
    /// <param name="value">The numbers.</param>
    public static implicit operator Arg(double[]? value) => new(value is null ? ValueKind.None : ValueKind.Reals, value, 0);

    /// <summary>A list of truth values.</summary>
    /// <param name="value">The truth values.</param>
    public static implicit operator Arg(bool[]? value) => new(value is null ? ValueKind.None : ValueKind.Booleans, value, 0);

    /// <summary>A text, or absence when null.</summary>
    /// <param name="value">The text.</param>
    public static implicit operator Arg(string? value) => new(value is null ? ValueKind.None : ValueKind.String, value, 0);

    /// <summary>An element type, or absence when null.</summary>
    /// <param name="value">The element type.</param>
    public static implicit operator Arg(DType? value) => new(value is null ? ValueKind.None : ValueKind.DType, null, (long)value.GetValueOrDefault());

    /// <summary>A device, or absence when null.</summary>
    /// <param name="value">The device.</param>
    public static implicit operator Arg(Device? value) =>
        new(value is null ? ValueKind.None : ValueKind.Device, null, ((long)value.GetValueOrDefault().Index << 32) | (long)value.GetValueOrDefault().Kind);

    /// <summary>A generator, or absence when null.</summary>
    /// <param name="value">The generator.</param>
    public static implicit operator Arg(Rng? value) => new(value is null ? ValueKind.None : ValueKind.Generator, value, 0);

    /// <summary>A list of tensors.</summary>
    /// <param name="value">The tensors.</param>
    public static implicit operator Arg(Tensor[] value) => Tensors(value);

    /// <summary>A list of tensors.</summary>
    /// <param name="values">The tensors.</param>
    /// <returns>The argument.</returns>
    public static Arg Tensors(IReadOnlyList<Tensor> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return new(ValueKind.Tensors, values, 0);
    }

    /// <summary>A list in which tensors may be absent, such as the indices of <c>aten::index</c>.</summary>
    /// <param name="values">The tensors and gaps.</param>
    /// <returns>The argument.</returns>
    public static Arg OptionalTensors(IReadOnlyList<Tensor?> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return new(ValueKind.OptionalTensors, values, 0);
    }

    /// <summary>How many 8-byte words this argument needs outside its own slot.</summary>
    internal int Words => Kind switch
    {
        ValueKind.Integers => ((long[])Reference!).Length,
        ValueKind.Reals => ((double[])Reference!).Length,
        ValueKind.Booleans => (((bool[])Reference!).Length + 7) / 8,
        ValueKind.Tensors => ((IReadOnlyList<Tensor>)Reference!).Count,
        ValueKind.OptionalTensors => ((IReadOnlyList<Tensor?>)Reference!).Count,
        ValueKind.String => (System.Text.Encoding.UTF8.GetByteCount((string)Reference!) + 7) / 8,
        _ => 0,
    };

    /// <summary>Writes the argument to its slot, and its list to the words at <paramref name="words"/>.</summary>
    internal unsafe void Write(NativeValue* slot, long* words)
    {
        slot->Kind = Kind;
        slot->Length = 0;
        slot->Pointer = words;
        switch (Kind)
        {
            case ValueKind.Tensor:
                slot->Pointer = (void*)((Tensor)Reference!).Pointer;
                break;
            case ValueKind.Generator:
                slot->Pointer = (void*)((Rng)Reference!).Pointer;
                break;
            case ValueKind.Integers:
                var integers = (long[])Reference!;
                integers.CopyTo(new Span<long>(words, integers.Length));
                slot->Length = integers.Length;
                break;
            case ValueKind.Reals:
                var reals = (double[])Reference!;
                reals.CopyTo(new Span<double>(words, reals.Length));
                slot->Length = reals.Length;
                break;
            case ValueKind.Booleans:
                var booleans = (bool[])Reference!;
                booleans.CopyTo(new Span<bool>(words, booleans.Length));
                slot->Length = booleans.Length;
                break;
            case ValueKind.Tensors:
            case ValueKind.OptionalTensors:
                slot->Length = WriteHandles((IReadOnlyList<Tensor?>)Reference!, words);
                break;
            case ValueKind.String:
                var text = (string)Reference!;
                slot->Length = System.Text.Encoding.UTF8.GetBytes(text, new Span<byte>(words, Words * 8));
                break;
            case ValueKind.Device:
                slot->Integer = Bits & uint.MaxValue;
                slot->Length = (int)(Bits >> 32);
                break;
            default:
                slot->Integer = Bits;
                break;
        }
    }

    private static unsafe int WriteHandles(IReadOnlyList<Tensor?> tensors, long* words)
    {
        var count = tensors.Count;
        for (var i = 0; i < count; i++) words[i] = tensors[i]?.Pointer ?? 0;
        return count;
    }

    /// <summary>How an error message shows the argument.</summary>
    internal string Describe() => Kind switch
    {
        ValueKind.None => "none",
        ValueKind.Default => "default",
        ValueKind.Tensor => ((Tensor)Reference!).ToString(),
        ValueKind.Real => BitConverter.Int64BitsToDouble(Bits).ToString("R"),
        ValueKind.Boolean => Bits != 0 ? "true" : "false",
        ValueKind.Integers => $"[{string.Join(", ", (long[])Reference!)}]",
        ValueKind.Tensors or ValueKind.OptionalTensors => $"{((IReadOnlyList<Tensor?>)Reference!).Count} tensors",
        ValueKind.String => $"'{Reference}'",
        ValueKind.DType => ((DType)Bits).ToString(),
        ValueKind.Integer => Bits.ToString(),
        _ => Kind.ToString(),
    };
}
