using Xunit;

namespace Graft.TestKit;

/// <summary>Finds data that lies beside the repository.</summary>
public static class SharedData
{
    /// <summary>The folder of labelled sets in a <c>shared</c> folder beside the repository; skips the test when there is none.</summary>
    public static string Labelled => Above("shared/data/labelled") ?? Skip("there is no shared/data/labelled beside the repository");

    /// <summary>A fixture file: under GRAFT_FIXTURES when that is set, else in the repository.</summary>
    public static string Fixture(string name) => Environment.GetEnvironmentVariable("GRAFT_FIXTURES") is { Length: > 0 } folder
        ? Path.Combine(folder, name)
        : Above(Path.Combine("tests/fixtures", name)) ?? Skip($"the fixture {name} is not there");

    /// <summary>A file of the repository.</summary>
    public static string Repository(string name) => Above(name) ?? Skip($"{name} is not there");

    private static string? Above(string name)
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            var path = Path.Combine(folder, name);
            if (Path.Exists(path))
            {
                return path;
            }
        }

        return null;
    }

    private static string Skip(string reason)
    {
        Assert.Skip(reason);
        return reason;
    }
}
