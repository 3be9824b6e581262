using System.Runtime.InteropServices;

namespace Graft.Torch;

/// <content>Memory that was freed.</content>
public static unsafe partial class TorchRuntime
{
    /// <summary>
    /// Gives the memory of freed tensors back to the system, which the allocator otherwise keeps for the next step
    /// (docs/decisions/0005-allocator.md); for when what comes next needs less, or is to be measured. Does nothing beside glibc.
    /// </summary>
    public static void ReleaseFreeMemory()
    {
        if (!OperatingSystem.IsLinux()) return;
        try
        {
            _ = MallocTrim(0);
        }
        catch (EntryPointNotFoundException)
        {
            // Other C libraries have no such call.
        }
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int MallocTrim(nuint keep);
}
