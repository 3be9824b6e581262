using System.Globalization;

namespace Graft.Torch;

/// <summary>Where tensors can live. The numbers are those of the native border.</summary>
public enum DeviceKind
{
    /// <summary>The processor's memory.</summary>
    Cpu = 0,

    /// <summary>A CUDA graphics processor.</summary>
    Cuda = 1,
}

/// <summary>A place for tensors: the CPU or one CUDA graphics processor. Immutable.</summary>
/// <param name="Kind">The kind of place.</param>
/// <param name="Index">Which graphics processor, from 0; always 0 for the CPU.</param>
public readonly record struct Device(DeviceKind Kind, int Index = 0)
{
    /// <summary>The processor.</summary>
    public static Device Cpu => default;

    /// <summary>A CUDA graphics processor.</summary>
    /// <param name="index">Which one, from 0.</param>
    /// <returns>The device.</returns>
    public static Device Cuda(int index = 0) => new(DeviceKind.Cuda, index);

    /// <summary>Reads <c>cpu</c>, <c>cuda</c> or <c>cuda:1</c>.</summary>
    /// <param name="text">The device's name.</param>
    /// <returns>The device.</returns>
    /// <exception cref="GraftException">The text names no device.</exception>
    public static Device Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text == "cpu") return Cpu;
        if (text == "cuda") return Cuda();
        if (text.StartsWith("cuda:", StringComparison.Ordinal)
            && int.TryParse(text.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index <= sbyte.MaxValue)
        {
            return Cuda(index);
        }

        throw new GraftException($"'{text}' is no device; use 'cpu', 'cuda' or 'cuda:N'.");
    }

    /// <summary>The device's name as <see cref="Parse"/> reads it.</summary>
    /// <returns><c>cpu</c> or <c>cuda:N</c>.</returns>
    public override string ToString() => Kind == DeviceKind.Cpu ? "cpu" : $"cuda:{Index}";
}
