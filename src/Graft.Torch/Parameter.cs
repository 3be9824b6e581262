namespace Graft.Torch;

/// <summary>A tensor that a module owns and an optimizer may change.</summary>
/// <remarks>One thread changes it; its tensor belongs to no scope and is replaced when the module is moved or converted.</remarks>
public sealed class Parameter
{
    private bool _trainable;

    /// <summary>A parameter that takes over a tensor.</summary>
    /// <param name="value">[...], a leaf; from now on the parameter disposes it.</param>
    /// <param name="trainable">Whether gradients are gathered for it.</param>
    public Parameter(Tensor value, bool trainable = true)
    {
        ArgumentNullException.ThrowIfNull(value);
        Value = value.Unscoped();
        Trainable = trainable;
    }

    /// <summary>The tensor.</summary>
    public Tensor Value { get; private set; }

    /// <summary>Whether gradients are gathered for it; clearing it drops the gradient.</summary>
    public bool Trainable
    {
        get => _trainable;
        set
        {
            Value.RequiresGrad = value;
            if (!value) Value.Grad = null;
            _trainable = value;
        }
    }

    /// <summary>The tensor of a parameter.</summary>
    /// <param name="parameter">The parameter.</param>
    public static implicit operator Tensor(Parameter parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        return parameter.Value;
    }

    /// <summary>The tensor of a parameter, for languages without conversions.</summary>
    /// <returns>[...].</returns>
    public Tensor ToTensor() => Value;

    /// <summary>Overwrites the elements in place, outside of any gradient.</summary>
    /// <param name="source">[...], of the same shape.</param>
    /// <exception cref="ShapeException">The shapes differ.</exception>
    public void Assign(Tensor source)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (!source.Shape.SequenceEqual(Value.Shape)) throw new ShapeException($"A parameter {Value} cannot take the values of {source}.");
        using var quiet = Autograd.NoGrad();
        Value.Copy_(source);
    }

    /// <summary>Replaces the tensor by another of the same shape and disposes the old one; its gradient is dropped.</summary>
    /// <param name="value">[...], a leaf; from now on the parameter disposes it.</param>
    public void Replace(Tensor value)
    {
        ArgumentNullException.ThrowIfNull(value);
        var old = Value;
        Value = value.Unscoped();
        if (!ReferenceEquals(old, value)) old.Dispose();
        Value.RequiresGrad = _trainable;
    }
}

/// <summary>Which files keep a buffer.</summary>
public enum BufferKind
{
    /// <summary>All: without it the module computes something else.</summary>
    State,

    /// <summary>Checkpoints of a training that may go on; the finished module computes without it.</summary>
    Training,

    /// <summary>None: it follows from the module's settings.</summary>
    Derived,
}

/// <summary>A tensor that belongs to a module's state and is not trained.</summary>
/// <remarks>As <see cref="Parameter"/>: one thread changes it, and moving the module replaces its tensor.</remarks>
public sealed class ModuleBuffer
{
    internal ModuleBuffer(Tensor value, BufferKind kind) => (Value, Kind) = (value.Unscoped(), kind);

    /// <summary>Which files keep it.</summary>
    public BufferKind Kind { get; }

    /// <summary>The tensor.</summary>
    public Tensor Value { get; private set; }

    /// <summary>The tensor of a buffer.</summary>
    /// <param name="buffer">The buffer.</param>
    public static implicit operator Tensor(ModuleBuffer buffer)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        return buffer.Value;
    }

    /// <summary>The tensor of a buffer, for languages without conversions.</summary>
    /// <returns>[...].</returns>
    public Tensor ToTensor() => Value;

    /// <summary>Replaces the tensor and disposes the old one.</summary>
    /// <param name="value">[...]; from now on the buffer disposes it.</param>
    public void Replace(Tensor value)
    {
        ArgumentNullException.ThrowIfNull(value);
        var old = Value;
        Value = value.Unscoped();
        if (!ReferenceEquals(old, value)) old.Dispose();
    }
}
