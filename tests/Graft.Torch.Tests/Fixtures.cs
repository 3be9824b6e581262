namespace Graft.Torch.Tests;

/// <summary>Finds files of numbers that other implementations computed.</summary>
internal static class Fixtures
{
    /// <summary>A fixture of the shared set: under GRAFT_FIXTURES when that is set, else in the repository.</summary>
    public static SafetensorsFile Shared(string name)
    {
        var folder = Environment.GetEnvironmentVariable("GRAFT_FIXTURES");
        return SafetensorsFile.Open(string.IsNullOrEmpty(folder) ? Own(name) : Path.Combine(folder, name));
    }

    /// <summary>A file below tests/fixtures.</summary>
    public static string Own(string name) => Path.Combine(Root(), "tests", "fixtures", name);

    /// <summary>The folder of the repository.</summary>
    public static string Root()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Graft.slnx"))) return folder.FullName;
        }

        throw new InvalidOperationException("The tests do not run inside the repository.");
    }
}
