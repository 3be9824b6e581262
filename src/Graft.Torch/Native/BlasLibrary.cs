using System.Globalization;
using System.Runtime.InteropServices;

namespace Graft.Torch.Native;

/// <summary>The library that multiplies matrices for libtorch: found by where <c>sgemm_</c> resolves to, not by what is installed.</summary>
internal static unsafe class BlasLibrary
{
    private const int OwnThreads = 1;

    /// <summary>The file that libtorch's products run in; null when they are built into libtorch or the system does not tell.</summary>
    internal static string? Path()
    {
        if (!NativeLibrary.TryGetExport(BorderLibrary.Handle, "sgemm_", out var address) || !File.Exists("/proc/self/maps")) return null;
        foreach (var line in File.ReadLines("/proc/self/maps"))
        {
            var dash = line.IndexOf('-', StringComparison.Ordinal);
            var blank = line.IndexOf(' ', StringComparison.Ordinal);
            var begin = nuint.Parse(line.AsSpan(0, dash), NumberStyles.HexNumber);
            var end = nuint.Parse(line.AsSpan(dash + 1, blank - dash - 1), NumberStyles.HexNumber);
            if ((nuint)address < begin || (nuint)address >= end) continue;
            var slash = line.IndexOf('/', StringComparison.Ordinal);
            return slash < 0 ? null : line[slash..];
        }

        return null;
    }

    /// <summary>Whether a BLAS file is the slow reference one: named libblas and in no folder of a tuned library.</summary>
    internal static bool IsReference(string path) =>
        System.IO.Path.GetFileName(path).StartsWith("libblas.", StringComparison.Ordinal)
        && !path.Contains("openblas", StringComparison.OrdinalIgnoreCase)
        && !path.Contains("blis", StringComparison.OrdinalIgnoreCase)
        && !path.Contains("atlas", StringComparison.OrdinalIgnoreCase)
        && !path.Contains("mkl", StringComparison.OrdinalIgnoreCase);

    /// <summary>Passes a number of threads on to an OpenBLAS that has threads of its own, which libtorch does not do.</summary>
    internal static void SetThreads(int count)
    {
        if (!NativeLibrary.TryGetExport(BorderLibrary.Handle, "openblas_get_parallel", out var parallel)) return;
        if (((delegate* unmanaged<int>)parallel)() != OwnThreads) return;
        if (NativeLibrary.TryGetExport(BorderLibrary.Handle, "openblas_set_num_threads", out var set)) ((delegate* unmanaged<int, void>)set)(count);
    }
}
