using Graft.Torch;

namespace Graft.Cli.Doctor;

/// <summary>Looks at libtorch: whether it loads, its version, which BLAS it got and how fast that is, threads, devices.</summary>
internal static class TorchExamination
{
    private const int MatrixSize = 512; // large enough for OpenBLAS, small enough for a slow one

    // Far below OpenBLAS on any processor of this decade, and above the reference BLAS on all of them.
    private const double SlowGigaflops = 10;
    private const string FasterBlas =
        "Install OpenBLAS (Debian: apt-get install libopenblas0-openmp) so that libblas.so.3 points to it; training is many times slower without.";

    /// <summary>The findings; takes well under a second with a fast BLAS, a few with a slow one.</summary>
    public static IReadOnlyList<Finding> Run()
    {
        try
        {
            ProcessorCores.UseAll();
            return
            [
                new Finding("libtorch", Health.Good, TorchRuntime.Version),
                Blas(),
                new Finding("threads", Health.Good, $"{TorchRuntime.Threads} for one operator, {TorchRuntime.InteropThreads} between operators"),
                new Finding("devices", Health.Good, TorchRuntime.CudaAvailable ? $"cpu, {TorchRuntime.CudaDevices} x cuda" : "cpu"),
            ];
        }
        catch (LibtorchMissingException exception)
        {
            return [new Finding("libtorch", Health.Bad, "cannot be used", exception.Message)];
        }
    }

    private static Finding Blas()
    {
        double speed = TorchRuntime.MeasureGemm(MatrixSize, rounds: 5);
        bool slow = TorchRuntime.IsReferenceBlas || speed < SlowGigaflops;
        string value = $"{TorchRuntime.BlasLibrary ?? "built into libtorch"}, {speed:0} GFLOP/s (float32, {MatrixSize} x {MatrixSize})";
        return slow ? new Finding("BLAS", Health.Fair, value, FasterBlas) : new Finding("BLAS", Health.Good, value);
    }
}
