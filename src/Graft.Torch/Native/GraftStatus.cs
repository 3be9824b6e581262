using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;

namespace Graft.Torch.Native;

/// <summary>How a native call ended.</summary>
internal enum GraftStatus
{
    Ok = 0,
    Fault = 1,
    Shape = 2,
    Memory = 3,
    Unsupported = 4,
}

/// <summary>Throws the exception of every status but Ok, for all native functions alike.</summary>
[CustomMarshaller(typeof(GraftStatus), MarshalMode.ManagedToUnmanagedOut, typeof(StatusMarshaller))]
internal static class StatusMarshaller
{
    public static GraftStatus ConvertToManaged(int unmanaged)
    {
        if (unmanaged != 0) throw Fault((GraftStatus)unmanaged, operatorName: null, context: null);
        return GraftStatus.Ok;
    }

    /// <summary>The exception for the calling thread's last native error.</summary>
    internal static unsafe TorchException Fault(GraftStatus status, string? operatorName, string? context)
    {
        _ = NativeMethods.LastError(out var text);
        var message = context + (Marshal.PtrToStringUTF8((nint)text) ?? string.Empty).TrimEnd();
        return status switch
        {
            GraftStatus.Shape => new ShapeException(message) { Operator = operatorName },
            GraftStatus.Memory => new DeviceMemoryException(message) { Operator = operatorName },
            _ => new TorchException(message) { Operator = operatorName },
        };
    }
}
