using System.Runtime.InteropServices;
using Graft.Torch.Native;

namespace Graft.Torch;

/// <summary>Facts and settings of the libtorch in this process. Thread-safe; set threads before work starts.</summary>
public static unsafe partial class TorchRuntime
{
    /// <summary>The version of libtorch that the border was built against.</summary>
    /// <exception cref="LibtorchMissingException">libtorch cannot be loaded.</exception>
    public static string Version
    {
        get
        {
            NativeMethods.Version(out var text);
            return Marshal.PtrToStringUTF8((nint)text)!;
        }
    }

    /// <summary>libtorch's own account of how it was built and how it runs in parallel; several lines.</summary>
    public static string Config
    {
        get
        {
            NativeMethods.Config(out var text);
            return Marshal.PtrToStringUTF8((nint)text)!;
        }
    }

    /// <summary>How many threads share one operator; matrix products get the same number, whatever library does them.</summary>
    public static int Threads
    {
        get
        {
            NativeMethods.Threads(out var count);
            return count;
        }

        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            NativeMethods.SetThreads(value);
            Native.BlasLibrary.SetThreads(value);
        }
    }

    /// <summary>How many threads run independent operators; it can be set once, before the first such use.</summary>
    public static int InteropThreads
    {
        get
        {
            NativeMethods.InteropThreads(out var count);
            return count;
        }

        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            NativeMethods.SetInteropThreads(value);
        }
    }

    /// <summary>The number of CUDA graphics processors that this libtorch can use.</summary>
    public static int CudaDevices
    {
        get
        {
            NativeMethods.CudaDevices(out var count);
            return count;
        }
    }

    /// <summary>Whether this libtorch can use a CUDA graphics processor.</summary>
    public static bool CudaAvailable => CudaDevices > 0;

    /// <summary>Waits until a device has finished the work given to it; returns at once for the CPU.</summary>
    /// <param name="device">The device.</param>
    public static void Synchronize(Device device)
    {
        if (device.Kind == DeviceKind.Cuda) NativeMethods.CudaSynchronize(device.Index);
    }
}
