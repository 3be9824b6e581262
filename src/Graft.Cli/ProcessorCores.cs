using Graft.Torch;

namespace Graft.Cli;

/// <summary>
/// Gives libtorch's operators a thread for each physical core that this process may use. libtorch's own guess is one thread
/// on some machines. OMP_NUM_THREADS, when set, is left to decide.
/// </summary>
internal static class ProcessorCores
{
    private const string Processors = "/proc/cpuinfo";

    /// <summary>The physical cores that this process may use.</summary>
    public static int Count => Math.Max(1, Math.Min(Environment.ProcessorCount, Physical()));

    /// <summary>Sets the number of threads; loads libtorch.</summary>
    public static void UseAll()
    {
        if (Environment.GetEnvironmentVariable("OMP_NUM_THREADS") is not { Length: > 0 })
        {
            TorchRuntime.Threads = Count;
        }
    }

    // Two logical processors of one core share its arithmetic units, so a thread for each gains nothing.
    private static int Physical()
    {
        if (!File.Exists(Processors))
        {
            return Environment.ProcessorCount;
        }

        var cores = new HashSet<(string Package, string Core)>();
        string package = "";
        foreach (string line in File.ReadLines(Processors))
        {
            if (line.StartsWith("physical id", StringComparison.Ordinal))
            {
                package = line;
            }
            else if (line.StartsWith("core id", StringComparison.Ordinal))
            {
                cores.Add((package, line));
            }
        }

        return cores.Count > 0 ? cores.Count : Environment.ProcessorCount;
    }
}
