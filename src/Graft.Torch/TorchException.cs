namespace Graft.Torch;

/// <summary>A fault that libtorch reported.</summary>
public class TorchException : Exception
{
    /// <summary>An exception without a message.</summary>
    public TorchException()
    {
    }

    /// <summary>An exception with a message.</summary>
    /// <param name="message">libtorch's message.</param>
    public TorchException(string message)
        : base(message)
    {
    }

    /// <summary>An exception with a message and its cause.</summary>
    /// <param name="message">libtorch's message.</param>
    /// <param name="innerException">The cause.</param>
    public TorchException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>The operator that failed, such as <c>aten::linear</c>; null when it was no operator.</summary>
    public string? Operator { get; init; }
}

/// <summary>Tensors whose shapes do not fit the operator.</summary>
public sealed class ShapeException : TorchException
{
    /// <summary>An exception without a message.</summary>
    public ShapeException()
    {
    }

    /// <summary>An exception with a message.</summary>
    /// <param name="message">What was given and what was expected.</param>
    public ShapeException(string message)
        : base(message)
    {
    }

    /// <summary>An exception with a message and its cause.</summary>
    /// <param name="message">What was given and what was expected.</param>
    /// <param name="innerException">The cause.</param>
    public ShapeException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>A device, the CPU included, had too little memory for a tensor.</summary>
public sealed class DeviceMemoryException : TorchException
{
    /// <summary>An exception without a message.</summary>
    public DeviceMemoryException()
    {
    }

    /// <summary>An exception with a message.</summary>
    /// <param name="message">How much was asked for, where libtorch tells.</param>
    public DeviceMemoryException(string message)
        : base(message)
    {
    }

    /// <summary>An exception with a message and its cause.</summary>
    /// <param name="message">How much was asked for, where libtorch tells.</param>
    /// <param name="innerException">The cause.</param>
    public DeviceMemoryException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
