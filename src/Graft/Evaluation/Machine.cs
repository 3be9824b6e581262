using System.Runtime.InteropServices;

namespace Graft.Evaluation;

/// <summary>What results are measured on. Thread-safe.</summary>
public static class Machine
{
    /// <summary>The processor's name as the system tells it, or its architecture.</summary>
    public static string Cpu { get; } = Name() ?? RuntimeInformation.ProcessArchitecture.ToString();

    private static string? Name()
    {
        const string info = "/proc/cpuinfo";
        var line = File.Exists(info) ? File.ReadLines(info).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line?[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
    }
}
