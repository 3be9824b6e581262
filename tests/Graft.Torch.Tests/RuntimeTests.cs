using Graft.Torch.Native;
using Xunit;

namespace Graft.Torch.Tests;

public sealed class RuntimeTests
{
    [Fact]
    public void The_runtime_tells_version_configuration_and_threads()
    {
        Assert.Matches(@"^\d+\.\d+\.\d+", TorchRuntime.Version);
        Assert.Contains("OpenMP", TorchRuntime.Config, StringComparison.Ordinal);
        Assert.True(TorchRuntime.Threads >= 1);
        Assert.True(TorchRuntime.InteropThreads >= 1);
        Assert.Equal(TorchRuntime.CudaDevices > 0, TorchRuntime.CudaAvailable);
        Assert.Throws<ArgumentOutOfRangeException>(() => TorchRuntime.Threads = 0);
    }

    [Fact]
    public void Threads_are_set_for_libtorch_and_its_BLAS()
    {
        var before = TorchRuntime.Threads;

        TorchRuntime.Threads = 1;
        Assert.Equal(1, TorchRuntime.Threads);
        Assert.True(TorchRuntime.MeasureGemm(64) > 0);

        TorchRuntime.Threads = before;
    }

    [Fact]
    public void Threads_started_later_take_over_the_number_of_threads()
    {
        var before = TorchRuntime.Threads;
        TorchRuntime.Threads = before == 1 ? 2 : 1;
        var seen = 0;
        var thread = new Thread(() => seen = TorchRuntime.Threads);
        thread.Start();
        thread.Join();

        Assert.Equal(before == 1 ? 2 : 1, seen);
        TorchRuntime.Threads = before;
    }

    [Fact]
    public void The_BLAS_in_use_is_a_file_of_this_process()
    {
        var path = TorchRuntime.BlasLibrary;
        if (path is null) Assert.Skip("this libtorch has its matrix products built in");

        Assert.True(File.Exists(path), path);
        Assert.Contains("blas", path, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("/usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11.0", true)]
    [InlineData("/usr/lib/x86_64-linux-gnu/openblas-pthread/libblas.so.3", false)]
    [InlineData("/usr/lib/x86_64-linux-gnu/blis-openmp/libblas.so.3", false)]
    [InlineData("/opt/intel/mkl/libmkl_rt.so", false)]
    [InlineData("/usr/lib/libopenblasp-r0.3.21.so", false)]
    public void The_reference_BLAS_is_known_by_its_file(string path, bool reference)
    {
        Assert.Equal(reference, BlasLibrary.IsReference(path));
    }
}
