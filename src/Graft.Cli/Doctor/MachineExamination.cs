using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Graft.Evaluation;

namespace Graft.Cli.Doctor;

/// <summary>Looks at the machine: processor, memory, .NET, the npm client, the place where downloads go.</summary>
internal static class MachineExamination
{
    private const long LowDisk = 2_000_000_000;

    /// <summary>Yields the findings; nothing is changed on the machine except for one probe file that is removed.</summary>
    public static IEnumerable<Finding> Run(string home)
    {
        yield return new Finding("system", Health.Good, $"{RuntimeInformation.OSDescription.Trim()}, {RuntimeInformation.ProcessArchitecture}");
        yield return new Finding("processor", Health.Good, $"{Machine.Cpu}, {Environment.ProcessorCount} logical cores");
        yield return new Finding("memory", Health.Good, $"{Amounts.Bytes(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes)}");
        yield return new Finding(".NET", Health.Good, Environment.Version.ToString());
        yield return NpmClient();
        yield return Home(home);
    }

    private static Finding NpmClient()
    {
        string? npm = VersionOf("npm");
        return npm is null
            ? new Finding("npm", Health.Fair, "not found", "Install Node.js with npm (Debian: apt-get install npm) for 'graft pull minilm', 'npm:' sources and 'graft tasks pull starter'.")
            : new Finding("npm", Health.Good, $"{npm}, node {VersionOf("node") ?? "not found"}");
    }

    private static string? VersionOf(string program)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, "--version")
            {
                UseShellExecute = false,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            string version = process.StandardOutput.ReadToEnd().Trim();
            process.WaitForExit();
            return process.ExitCode == 0 ? version.TrimStart('v') : null;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    private static Finding Home(string home)
    {
        try
        {
            Directory.CreateDirectory(home);
            string probe = Path.Combine(home, $".doctor-{Environment.ProcessId}");
            File.WriteAllText(probe, "");
            File.Delete(probe);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return new Finding("home", Health.Bad, $"{home} cannot be written", "Point GRAFT_HOME to a folder that you may write.");
        }

        long free = new DriveInfo(home).AvailableFreeSpace;
        return free < LowDisk
            ? new Finding("home", Health.Fair, $"{home}, {Amounts.Bytes(free)} free", "Free some space, or point GRAFT_HOME to a larger disk.")
            : new Finding("home", Health.Good, $"{home}, {Amounts.Bytes(free)} free");
    }
}
