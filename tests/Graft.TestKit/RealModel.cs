using Xunit;

namespace Graft.TestKit;

/// <summary>The pulled default backbone, for the few tests that need a model that has read something.</summary>
public static class RealModel
{
    /// <summary>Its folder; skips the test where it was not pulled.</summary>
    public static string Folder()
    {
        var home = Environment.GetEnvironmentVariable("GRAFT_HOME") is { Length: > 0 } set
            ? set
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "graft");
        var folder = Path.Combine(home, "models", "minilm");
        if (!File.Exists(Path.Combine(folder, "model.safetensors")))
        {
            Assert.Skip("the default backbone is not on this machine (graft pull minilm)");
        }

        return folder;
    }
}
