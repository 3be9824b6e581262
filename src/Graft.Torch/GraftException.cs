namespace Graft.Torch;

/// <summary>A fault in what the user gave or in the machine's set-up; the message is one sentence with the remedy.</summary>
/// <remarks>The command line prints the message alone and exits with code 2.</remarks>
public class GraftException : Exception
{
    /// <summary>An exception without a message.</summary>
    public GraftException()
    {
    }

    /// <summary>An exception with a message.</summary>
    /// <param name="message">What is wrong, where, what was expected, and the remedy.</param>
    public GraftException(string message)
        : base(message)
    {
    }

    /// <summary>An exception with a message and its cause.</summary>
    /// <param name="message">What is wrong, where, what was expected, and the remedy.</param>
    /// <param name="innerException">The cause.</param>
    public GraftException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>libtorch, or the library that borders on it, cannot be used on this machine; the message tells the remedy.</summary>
public sealed class LibtorchMissingException : GraftException
{
    /// <summary>An exception without a message.</summary>
    public LibtorchMissingException()
    {
    }

    /// <summary>An exception with a message.</summary>
    /// <param name="message">What is missing and how to get it.</param>
    public LibtorchMissingException(string message)
        : base(message)
    {
    }

    /// <summary>An exception with a message and its cause.</summary>
    /// <param name="message">What is missing and how to get it.</param>
    /// <param name="innerException">The cause.</param>
    public LibtorchMissingException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
