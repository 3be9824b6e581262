using Graft.Torch;

namespace Graft.Evaluation.Comparisons;

/// <summary>
/// The largest resident memory of this process between two moments, as Linux keeps it. Elsewhere, and where the system does not let a process
/// reset its mark, it is not known. For one thread at a time: the mark is the process's.
/// </summary>
internal static class PeakMemory
{
    private const string Marks = "/proc/self/clear_refs";
    private const string Status = "/proc/self/status";
    private const string ResetPeak = "5";
    private static bool s_reset;

    /// <summary>Begins to measure: freed memory goes back to the system, and the mark falls to what is in use.</summary>
    public static void Reset()
    {
        GC.Collect();
        TorchRuntime.ReleaseFreeMemory();
        try
        {
            s_reset = File.Exists(Marks);
            if (s_reset)
            {
                File.WriteAllText(Marks, ResetPeak);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            s_reset = false;
        }
    }

    /// <summary>The largest resident memory since <see cref="Reset"/> in bytes; null where it is not known.</summary>
    public static long? Read()
    {
        if (!s_reset || File.ReadLines(Status).FirstOrDefault(l => l.StartsWith("VmHWM:", StringComparison.Ordinal)) is not { } line)
        {
            return null;
        }

        return long.TryParse(line["VmHWM:".Length..].Replace("kB", "", StringComparison.Ordinal).Trim(), out var kibibytes) ? kibibytes * 1024 : null;
    }
}
