using System.Diagnostics;

namespace Graft.Torch;

/// <content>Matrix products: which library does them, and how fast.</content>
public static unsafe partial class TorchRuntime
{
    /// <summary>The file that matrix products run in, such as <c>.../openblas-openmp/libblas.so.3</c>; null when they are built into libtorch.</summary>
    public static string? BlasLibrary => Native.BlasLibrary.Path();

    /// <summary>Whether that is the reference BLAS, which is tens of times slower than a tuned one.</summary>
    public static bool IsReferenceBlas => BlasLibrary is { } path && Native.BlasLibrary.IsReference(path);

    /// <summary>Measures the speed of square matrix products on the CPU: the best of several, after a warm-up.</summary>
    /// <param name="size">Rows and columns.</param>
    /// <param name="dtype">The element type.</param>
    /// <param name="rounds">How many products.</param>
    /// <returns>Billions of additions and multiplications a second.</returns>
    public static double MeasureGemm(int size = 1024, DType dtype = DType.Float32, int rounds = 8)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(rounds, 1);
        using var quiet = Autograd.NoGrad();
        using var scope = new TensorScope();
        var left = Tensor.Full([size, size], 0.5, dtype);
        var right = Tensor.Full([size, size], 0.25, dtype);
        left.MatMul(right).Dispose();
        var best = TimeSpan.MaxValue;
        for (var round = 0; round < rounds; round++)
        {
            var start = Stopwatch.GetTimestamp();
            left.MatMul(right).Dispose();
            var elapsed = Stopwatch.GetElapsedTime(start);
            if (elapsed < best) best = elapsed;
        }

        return 2e-9 * size * size * size / best.TotalSeconds;
    }
}
