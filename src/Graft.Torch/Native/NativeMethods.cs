using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;

[assembly: DisableRuntimeMarshalling]

namespace Graft.Torch.Native;

/// <summary>The functions of native/graft_torch/graft_torch.h; a test compares names and arities with that header.</summary>
/// <remarks>
/// A return of <see cref="GraftStatus"/> throws by its marshaller when it is not Ok. The operator call returns the bare number,
/// so that its caller can name the operator in the exception.
/// </remarks>
internal static unsafe partial class NativeMethods
{
    internal const string Library = "graft_torch";

    [LibraryImport(Library, EntryPoint = "graft_last_error")]
    internal static partial int LastError(out byte* message);

    [LibraryImport(Library, EntryPoint = "graft_operator_find", StringMarshalling = StringMarshalling.Utf8)]
    [return: MarshalUsing(typeof(StatusMarshaller))]
    internal static partial GraftStatus OperatorFind(string name, string overload, out nint result);

    [LibraryImport(Library, EntryPoint = "graft_operator_call")]
    internal static partial int OperatorCall(nint op, NativeValue* arguments, int count, NativeValue* results, int capacity, int* resultCount);

    [LibraryImport(Library, EntryPoint = "graft_array_free")]
    internal static partial int ArrayFree(void* array);

    [LibraryImport(Library, EntryPoint = "graft_tensor_free")]
    internal static partial int TensorFree(nint tensor);

    [LibraryImport(Library, EntryPoint = "graft_tensor_live")]
    [return: MarshalUsing(typeof(StatusMarshaller))]
    internal static partial GraftStatus TensorLive(out long result);

    [LibraryImport(Library, EntryPoint = "graft_tensor_describe")]
    [return: MarshalUsing(typeof(StatusMarshaller))]
    internal static partial GraftStatus TensorDescribe(TensorHandle tensor, out NativeDescription result);

    [LibraryImport(Library, EntryPoint = "graft_tensor_data")]
    [return: MarshalUsing(typeof(StatusMarshaller))]
    internal static partial GraftStatus TensorData(TensorHandle tensor, out void* result);

    [LibraryImport(Library, EntryPoint = "graft_tensor_from_memory")]
    [return: MarshalUsing(typeof(StatusMarshaller))]
    internal static partial GraftStatus TensorFromMemory(
        void* data, long* sizes, int rank, int dtype, delegate* unmanaged<nint, void> release, nint context, out nint result);

    [LibraryImport(Library, EntryPoint = "graft_tensor_requires_grad")]
    [return: MarshalUsing(typeof(StatusMarshaller))]
    internal static partial GraftStatus TensorRequiresGrad(TensorHandle tensor, out int result);

    [LibraryImport(Library, EntryPoint = "graft_tensor_set_requires_grad")]
    [return: MarshalUsing(typeof(StatusMarshaller))]
    internal static partial GraftStatus TensorSetRequiresGrad(TensorHandle tensor, int value);

    [LibraryImport(Library, EntryPoint = "graft_tensor_grad")]
    [return: MarshalUsing(typeof(StatusMarshaller))]
    internal static partial GraftStatus TensorGrad(TensorHandle tensor, out nint result);

    [LibraryImport(Library, EntryPoint = "graft_tensor_set_grad")]
    [return: MarshalUsing(typeof(StatusMarshaller))]
    internal static partial GraftStatus TensorSetGrad(TensorHandle tensor, nint grad);

    [LibraryImport(Library, EntryPoint = "graft_backward")]
    [return: MarshalUsing(typeof(StatusMarshaller))]
    internal static partial GraftStatus Backward(TensorHandle tensor, nint gradient, int keepGraph);

    [LibraryImport(Library, EntryPoint = "graft_grad")]
    [return: MarshalUsing(typeof(StatusMarshaller))]
    internal static partial GraftStatus Grad(
        TensorHandle output, nint gradient, nint* inputs, int count, int keepGraph, int createGraph, int allowUnused, nint* results);

    [LibraryImport(Library, EntryPoint = "graft_grad_mode")]
    [return: MarshalUsing(typeof(StatusMarshaller))]
    internal static partial GraftStatus GradMode(out int result);

    [LibraryImport(Library, EntryPoint = "graft_set_grad_mode")]
    [return: MarshalUsing(typeof(StatusMarshaller))]
    internal static partial GraftStatus SetGradMode(int value);

    [LibraryImport(Library, EntryPoint = "graft_generator_new")]
    [return: MarshalUsing(typeof(StatusMarshaller))]
    internal static partial GraftStatus GeneratorNew(int device, int deviceIndex, ulong seed, out nint result);

    [LibraryImport(Library, EntryPoint = "graft_generator_free")]
    internal static partial int GeneratorFree(nint generator);

    [LibraryImport(Library, EntryPoint = "graft_generator_state")]
    [return: MarshalUsing(typeof(StatusMarshaller))]
    internal static partial GraftStatus GeneratorState(GeneratorHandle generator, out nint result);

    [LibraryImport(Library, EntryPoint = "graft_generator_set_state")]
    [return: MarshalUsing(typeof(StatusMarshaller))]
    internal static partial GraftStatus GeneratorSetState(GeneratorHandle generator, TensorHandle state);

    [LibraryImport(Library, EntryPoint = "graft_abi_version")]
    internal static partial int AbiVersion(out int result);

    [LibraryImport(Library, EntryPoint = "graft_version")]
    [return: MarshalUsing(typeof(StatusMarshaller))]
    internal static partial GraftStatus Version(out byte* result);

    [LibraryImport(Library, EntryPoint = "graft_config")]
    [return: MarshalUsing(typeof(StatusMarshaller))]
    internal static partial GraftStatus Config(out byte* result);

    [LibraryImport(Library, EntryPoint = "graft_threads")]
    [return: MarshalUsing(typeof(StatusMarshaller))]
    internal static partial GraftStatus Threads(out int result);

    [LibraryImport(Library, EntryPoint = "graft_set_threads")]
    [return: MarshalUsing(typeof(StatusMarshaller))]
    internal static partial GraftStatus SetThreads(int count);

    [LibraryImport(Library, EntryPoint = "graft_interop_threads")]
    [return: MarshalUsing(typeof(StatusMarshaller))]
    internal static partial GraftStatus InteropThreads(out int result);

    [LibraryImport(Library, EntryPoint = "graft_set_interop_threads")]
    [return: MarshalUsing(typeof(StatusMarshaller))]
    internal static partial GraftStatus SetInteropThreads(int count);

    [LibraryImport(Library, EntryPoint = "graft_cuda_devices")]
    [return: MarshalUsing(typeof(StatusMarshaller))]
    internal static partial GraftStatus CudaDevices(out int result);

    [LibraryImport(Library, EntryPoint = "graft_cuda_synchronize")]
    [return: MarshalUsing(typeof(StatusMarshaller))]
    internal static partial GraftStatus CudaSynchronize(int deviceIndex);
}
