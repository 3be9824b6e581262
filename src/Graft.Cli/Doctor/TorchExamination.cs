using System.Diagnostics;
using Graft.Torch;

namespace Graft.Cli.Doctor;

/// <summary>Looks at libtorch: whether it loads, its version, which BLAS it got and how fast that is, threads, devices.</summary>
internal static class TorchExamination
{
    private const int MatrixSize = 1024;
    private const int Rounds = 8;

    // An order of magnitude below OpenBLAS on any processor of this decade, and above the reference BLAS on all of them.
    private const double SlowGigaflops = 10;

    /// <summary>Yields the findings; takes well under a second with a fast BLAS and about two with a slow one.</summary>
    public static IEnumerable<Finding> Run()
    {
        string version;
        Finding? missing = null;
        try
        {
            version = TorchRuntime.Version;
        }
        catch (LibtorchMissingException exception)
        {
            version = "";
            missing = new Finding("libtorch", Health.Bad, "cannot be used", exception.Message);
        }

        if (missing is not null)
        {
            yield return missing;
            yield break;
        }

        yield return new Finding("libtorch", Health.Good, $"{version}{(LoadedFrom("libtorch_cpu.so") is { } file ? $", {file}" : "")}");
        yield return Blas();
        yield return new Finding("threads", Health.Good, $"{TorchRuntime.Threads} for one operator, {TorchRuntime.InteropThreads} between operators");
        yield return new Finding("devices", Health.Good, TorchRuntime.CudaAvailable ? $"cpu, {TorchRuntime.CudaDevices} x cuda" : "cpu");
    }

    private static Finding Blas()
    {
        const string remedy = "Install OpenBLAS (Debian: apt-get install libopenblas0-pthread) so that libblas.so.3 points to it; training is many times slower without.";
        string library = LoadedFrom("libblas.so") is { } file ? Name(file) : LoadedFrom("libmkl") is { } mkl ? Name(mkl) : "built into libtorch";
        double speed = MatrixProductSpeed();
        string value = $"{library}, {speed:0} GFLOP/s (float32 product of {MatrixSize} x {MatrixSize})";
        return speed < SlowGigaflops || library == "reference BLAS"
            ? new Finding("BLAS", Health.Fair, value, remedy)
            : new Finding("BLAS", Health.Good, value);
    }

    private static string Name(string file) =>
        file.Contains("openblas", StringComparison.OrdinalIgnoreCase) ? $"OpenBLAS, {file}"
        : file.Contains("mkl", StringComparison.OrdinalIgnoreCase) ? $"MKL, {file}"
        : file.Contains("blis", StringComparison.OrdinalIgnoreCase) ? $"BLIS, {file}"
        : "reference BLAS";

    // The dynamic linker's own list of what this process has mapped; absent on systems without /proc.
    private static string? LoadedFrom(string name)
    {
        const string maps = "/proc/self/maps";
        return !File.Exists(maps)
            ? null
            : File.ReadLines(maps)
                .Select(line => line[(line.LastIndexOf(' ') + 1)..])
                .FirstOrDefault(path => Path.GetFileName(path).StartsWith(name, StringComparison.Ordinal));
    }

    private static double MatrixProductSpeed()
    {
        using var scope = new TensorScope();
        Tensor a = Tensor.Full([MatrixSize, MatrixSize], 0.5, DType.Float32);
        Tensor b = Tensor.Full([MatrixSize, MatrixSize], 0.25, DType.Float32);
        _ = a.MatMul(b); // threads start, caches fill
        double best = 0;
        for (int round = 0; round < Rounds; round++)
        {
            long begun = Stopwatch.GetTimestamp();
            _ = a.MatMul(b);
            double seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
            best = Math.Max(best, 2.0 * MatrixSize * MatrixSize * MatrixSize / seconds / 1e9);
            if (seconds > 0.5)
            {
                break;
            }
        }

        return best;
    }
}
