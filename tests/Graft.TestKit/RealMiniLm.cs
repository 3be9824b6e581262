using Graft.Formats.Sources;
using Graft.Torch;
using Xunit;

namespace Graft.TestKit;

/// <summary>The real default backbone, pulled once into the cache; tests that need it are skipped, visibly, where it cannot be had.</summary>
public static class RealMiniLm
{
    private static readonly Lazy<(string? Folder, string Why)> s_folder = new(Pull);

    /// <summary>The model folder.</summary>
    public static string Folder
    {
        get
        {
            if (s_folder.Value.Folder is null)
            {
                Assert.Skip(s_folder.Value.Why);
            }

            return s_folder.Value.Folder;
        }
    }

    private static (string?, string) Pull()
    {
        try
        {
            return (Task.Run(() => ModelSources.PullAsync(ModelSources.Default)).GetAwaiter().GetResult().Folder, "");
        }
        catch (GraftException e)
        {
            return (null, e.Message);
        }
    }
}
