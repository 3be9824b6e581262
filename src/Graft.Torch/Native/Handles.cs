using Microsoft.Win32.SafeHandles;

namespace Graft.Torch.Native;

/// <summary>Owns one reference to a libtorch tensor.</summary>
internal sealed class TensorHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    internal TensorHandle(nint handle)
        : base(ownsHandle: true) => SetHandle(handle);

    /// <summary>The pointer, for a call during which the caller keeps this object alive.</summary>
    internal nint Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, typeof(Tensor));
            return handle;
        }
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => NativeMethods.TensorFree(handle) == 0;
}

/// <summary>Owns one libtorch random generator.</summary>
internal sealed class GeneratorHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    internal GeneratorHandle(nint handle)
        : base(ownsHandle: true) => SetHandle(handle);

    /// <summary>The pointer, for a call during which the caller keeps this object alive.</summary>
    internal nint Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, typeof(Rng));
            return handle;
        }
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => NativeMethods.GeneratorFree(handle) == 0;
}
