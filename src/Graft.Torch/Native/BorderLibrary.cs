using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Graft.Torch.Native;

/// <summary>Loads libgraft_torch.so and says in one sentence what to do when that fails.</summary>
internal static partial class BorderLibrary
{
    private const int AbiVersion = 1;
    private const string Install = "install it with 'apt-get install libtorch-dev libopenblas0-openmp' and rebuild";

    private static readonly Lock s_gate = new();
    private static nint s_handle;

    /// <summary>The loaded library; its first use loads it.</summary>
    /// <exception cref="LibtorchMissingException">It cannot be loaded.</exception>
    internal static nint Handle
    {
        get
        {
            lock (s_gate)
            {
                if (s_handle == 0)
                {
                    LetThreadsSleep();
                    s_handle = Load(Path.Combine(AppContext.BaseDirectory, "libgraft_torch.so"));
                }

                return s_handle;
            }
        }
    }

    [ModuleInitializer]
    internal static void Register() => NativeLibrary.SetDllImportResolver(typeof(BorderLibrary).Assembly, Resolve);

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath) =>
        name == NativeMethods.Library ? Handle : 0;

    /// <summary>
    /// Makes OpenMP's idle threads sleep, not spin, unless the user chose: spinning ones take the cores from an OpenBLAS that has
    /// threads of its own and from every other process (docs/decisions/0002-blas-and-threads.md). It is read when libtorch loads.
    /// </summary>
    private static void LetThreadsSleep()
    {
        if (OperatingSystem.IsLinux() && GetVariable("GOMP_SPINCOUNT") == 0) _ = SetVariable("OMP_WAIT_POLICY", "passive", 0);
    }

    [LibraryImport("libc", EntryPoint = "getenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint GetVariable(string name);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);

    /// <summary>Loads the library at a path and checks that it speaks this assembly's version of the border.</summary>
    internal static unsafe nint Load(string path)
    {
        if (!File.Exists(path))
        {
            throw new LibtorchMissingException($"The border to libtorch is missing at '{path}'; build it with native/build.sh.");
        }

        nint handle;
        try
        {
            handle = NativeLibrary.Load(path);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw new LibtorchMissingException(Explain(path, e.Message), e);
        }

        if (!NativeLibrary.TryGetExport(handle, "graft_abi_version", out var entry))
        {
            throw new LibtorchMissingException($"'{path}' is not this project's border to libtorch; rebuild it with native/build.sh.");
        }

        var version = 0;
        _ = ((delegate* unmanaged<int*, int>)entry)(&version);
        if (version != AbiVersion)
        {
            throw new LibtorchMissingException(
                $"'{path}' has version {version} of the border to libtorch and this program needs {AbiVersion}; rebuild it with native/build.sh.");
        }

        return handle;
    }

    /// <summary>One sentence for the dynamic linker's complaint about a library.</summary>
    internal static string Explain(string path, string complaint)
    {
        const string Open = "cannot open shared object file";
        foreach (var line in complaint.Split('\n'))
        {
            var end = line.IndexOf(": " + Open, StringComparison.Ordinal);
            if (end > 0)
            {
                var missing = line[..end].Trim();
                if (missing.StartsWith("libtorch", StringComparison.Ordinal) || missing.StartsWith("libc10", StringComparison.Ordinal))
                {
                    return $"libtorch is not on this machine, or is another version than the one Graft was built with ('{missing}' is missing); {Install}.";
                }

                if (missing != path) return $"libtorch needs '{missing}', which is missing; {Install}.";
            }

            if (line.Contains("undefined symbol", StringComparison.Ordinal) || line.Contains("version `", StringComparison.Ordinal))
            {
                return $"Graft was built against another libtorch than the one on this machine ('{line.Trim()}'); rebuild it with native/build.sh.";
            }
        }

        return $"The border to libtorch at '{path}' cannot be loaded ({complaint.ReplaceLineEndings(" ").Trim()}); rebuild it with native/build.sh.";
    }
}
