using System.Runtime.CompilerServices;

namespace Graft.Tests.Architecture;

/// <summary>The repository's own text files, for tests that read them.</summary>
internal static class Sources
{
    /// <summary>The root of the repository.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>All C# files below a folder of the root, as paths relative to that folder with forward slashes.</summary>
    public static IEnumerable<(string Path, string Text)> CSharp(string folder)
    {
        string top = Path.Combine(Root, folder);
        return Directory.EnumerateFiles(top, "*.cs", SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal)
            .Select(file => (Path.GetRelativePath(top, file).Replace('\\', '/'), File.ReadAllText(file)));
    }

    private static string FindRoot([CallerFilePath] string here = "")
    {
        string? folder = File.Exists(here) ? Path.GetDirectoryName(here) : AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Graft.slnx")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException("The tests do not run inside the repository.");
    }
}
