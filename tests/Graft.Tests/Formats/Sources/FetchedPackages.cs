using System.Collections.Concurrent;
using Graft.Formats.Sources;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Formats.Sources;

/// <summary>Real npm packages for the tests, fetched once and kept with the build's outputs.</summary>
internal static class FetchedPackages
{
    private static readonly ConcurrentDictionary<string, Lazy<string?>> s_archives = new(StringComparer.Ordinal);

    /// <summary>The archive of a package; skips the test, visibly, where npm cannot fetch it.</summary>
    public static string Require(NpmPackage package)
    {
        var archive = s_archives.GetOrAdd(package.ToString(), _ => new Lazy<string?>(() => Fetch(package))).Value;
        Assert.SkipWhen(archive is null, $"npm cannot fetch {package} on this machine");
        return archive!;
    }

    private static string? Fetch(NpmPackage package)
    {
        var home = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "test-packages"));
        try
        {
            return new NpmClient(SourceSettings.FromEnvironment() with { Home = home }).FetchAsync(package, null, CancellationToken.None).GetAwaiter().GetResult();
        }
        catch (GraftException)
        {
            return null;
        }
    }
}
