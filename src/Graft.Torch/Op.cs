using System.Buffers;
using System.Runtime.CompilerServices;
using Graft.Torch.Native;

namespace Graft.Torch;

/// <summary>An operator of libtorch, called by its arguments in the order of its schema.</summary>
/// <remarks>
/// Thread-safe. Keep one in a static field: the operator is looked up at its first call, and adding one to Graft is one line of C#:
/// <c>private static readonly Op s_linear = new("aten::linear");</c>
/// Trailing arguments may be left out where the schema has defaults.
/// </remarks>
/// <param name="name">The qualified name, such as <c>aten::add</c>.</param>
/// <param name="overload">The overload, such as <c>Tensor</c>; empty for the one without a name.</param>
public sealed class Op(string name, string overload = "")
{
    private const int StackWords = 128;
    private nint _handle;

    /// <summary>The qualified name, such as <c>aten::add</c>.</summary>
    public string Name { get; } = name;

    /// <summary>The overload, such as <c>Tensor</c>; empty for the one without a name.</summary>
    public string Overload { get; } = overload;

    /// <summary>Whether this libtorch has the operator.</summary>
    /// <exception cref="LibtorchMissingException">libtorch cannot be loaded.</exception>
    public bool IsAvailable => Find() != 0;

    /// <summary>An operator by name, looked up now.</summary>
    /// <param name="name">The qualified name, such as <c>aten::add</c>.</param>
    /// <param name="overload">The overload, such as <c>Tensor</c>; empty for the one without a name.</param>
    /// <returns>The operator, or null when this libtorch has none of that name.</returns>
    /// <exception cref="LibtorchMissingException">libtorch cannot be loaded.</exception>
    public static Op? Find(string name, string overload = "")
    {
        var op = new Op(name, overload);
        return op.IsAvailable ? op : null;
    }

    /// <summary>Calls an operator whose only result is a tensor.</summary>
    /// <param name="arguments">The arguments in the order of the schema.</param>
    /// <returns>The result, registered in the thread's innermost <see cref="TensorScope"/>.</returns>
    /// <exception cref="ShapeException">The shapes do not fit.</exception>
    /// <exception cref="DeviceMemoryException">There is too little memory.</exception>
    /// <exception cref="TorchException">libtorch has no such operator, or the operator failed.</exception>
    public unsafe Tensor Call(params ReadOnlySpan<Arg> arguments)
    {
        NativeValue result;
        var count = Invoke(arguments, &result, 1);
        if (count != 1 || result.Kind != ValueKind.Tensor) throw Unexpected("one tensor", count, result.Kind);
        return new Tensor((nint)result.Pointer);
    }

    /// <summary>Calls an operator for its effect on its arguments and drops its results.</summary>
    /// <param name="arguments">The arguments in the order of the schema.</param>
    /// <exception cref="TorchException">As for <see cref="Call"/>.</exception>
    public unsafe void Run(params ReadOnlySpan<Arg> arguments) => _ = Invoke(arguments, null, 0);

    /// <summary>Calls an operator with several tensors as results.</summary>
    /// <param name="arguments">The arguments in the order of the schema.</param>
    /// <returns>The results in order: those of a tuple, or the items of a tensor list; null where an item is undefined.</returns>
    /// <exception cref="TorchException">As for <see cref="Call"/>.</exception>
    public unsafe Tensor?[] CallMany(params ReadOnlySpan<Arg> arguments)
    {
        const int Capacity = 8;
        var results = stackalloc NativeValue[Capacity];
        var count = Invoke(arguments, results, Capacity);
        if (count == 1 && results[0].Kind == ValueKind.Tensors) return TakeList(results[0]);
        var tensors = new Tensor?[count];
        for (var i = 0; i < count; i++)
        {
            if (results[i].Kind == ValueKind.Tensor) tensors[i] = new Tensor((nint)results[i].Pointer);
            else if (results[i].Kind != ValueKind.None) throw Unexpected("tensors", count, results[i].Kind);
        }

        return tensors;
    }

    /// <summary>Calls an operator whose result is a number or truth value.</summary>
    /// <param name="arguments">The arguments in the order of the schema.</param>
    /// <returns>The number; 1 for true and 0 for false.</returns>
    /// <exception cref="TorchException">As for <see cref="Call"/>.</exception>
    public unsafe double CallNumber(params ReadOnlySpan<Arg> arguments)
    {
        NativeValue result;
        var count = Invoke(arguments, &result, 1);
        return result.Kind switch
        {
            ValueKind.Real => result.Real,
            ValueKind.Integer or ValueKind.Boolean => result.Integer,
            _ => throw Unexpected("one number", count, result.Kind),
        };
    }

    /// <summary>Calls an operator whose result is an integer or truth value.</summary>
    /// <param name="arguments">The arguments in the order of the schema.</param>
    /// <returns>The integer; 1 for true and 0 for false.</returns>
    /// <exception cref="TorchException">As for <see cref="Call"/>.</exception>
    public unsafe long CallInteger(params ReadOnlySpan<Arg> arguments)
    {
        NativeValue result;
        var count = Invoke(arguments, &result, 1);
        return result.Kind is ValueKind.Integer or ValueKind.Boolean ? result.Integer : throw Unexpected("one integer", count, result.Kind);
    }

    /// <summary>The name with its overload.</summary>
    /// <returns><c>aten::add.Tensor</c>.</returns>
    public override string ToString() => Overload.Length == 0 ? Name : $"{Name}.{Overload}";

    [SkipLocalsInit]
    private unsafe int Invoke(ReadOnlySpan<Arg> arguments, NativeValue* results, int capacity)
    {
        var handle = _handle != 0 ? _handle : FindOrThrow();
        var words = 0;
        foreach (ref readonly var argument in arguments) words += argument.Words;
        var slots = stackalloc NativeValue[arguments.Length];
        var near = stackalloc long[StackWords];
        var rented = words > StackWords ? ArrayPool<long>.Shared.Rent(words) : null;
        int status;
        int count;
        fixed (long* far = rented)
        {
            var next = far == null ? near : far;
            for (var i = 0; i < arguments.Length; i++)
            {
                ref readonly var argument = ref arguments[i];
                argument.Write(&slots[i], next);
                next += argument.Words;
            }

            status = NativeMethods.OperatorCall(handle, slots, arguments.Length, results, capacity, &count);
        }

        if (rented is not null) ArrayPool<long>.Shared.Return(rented);
        if (status != 0) throw Fault((GraftStatus)status, arguments);
        foreach (ref readonly var argument in arguments) GC.KeepAlive(argument.Reference);
        return count;
    }

    private static unsafe Tensor?[] TakeList(in NativeValue list)
    {
        var handles = (nint*)list.Pointer;
        var tensors = new Tensor?[list.Length];
        for (var i = 0; i < tensors.Length; i++) tensors[i] = handles[i] == 0 ? null : new Tensor(handles[i]);
        _ = NativeMethods.ArrayFree(handles);
        return tensors;
    }

    private nint Find()
    {
        if (_handle == 0)
        {
            NativeMethods.OperatorFind(Name, Overload, out var found);
            _handle = found;
        }

        return _handle;
    }

    private nint FindOrThrow()
    {
        var handle = Find();
        return handle != 0 ? handle : throw new TorchException($"libtorch {TorchRuntime.Version} has no operator '{this}'.") { Operator = ToString() };
    }

    private TorchException Fault(GraftStatus status, ReadOnlySpan<Arg> arguments)
    {
        var shown = new string[arguments.Length];
        for (var i = 0; i < shown.Length; i++) shown[i] = arguments[i].Describe();
        return StatusMarshaller.Fault(status, ToString(), $"{this}({string.Join(", ", shown)}): ");
    }

    private TorchException Unexpected(string expected, int count, ValueKind kind) =>
        new($"{this} gave {count} results, the first of kind {kind}, where {expected} was expected.") { Operator = ToString() };
}
